# shellcheck shell=bash
# The fenced blocks of a page. To be sourced.

# split_blocks PAGE DIRECTORY: writes each block to DIRECTORY/NN.LANGUAGE, in the order of the page. A block without a
# language is "text".
split_blocks() {
  mkdir -p "$2"
  awk -v directory="$2" '
    /^ *```/ {
      if (file) { close(file); file = ""; next }
      language = $0
      sub(/^ *```/, "", language)
      sub(/ .*/, "", language)
      file = sprintf("%s/%02d.%s", directory, ++count, language ? language : "text")
      printf "" >file
      next
    }
    file { print >file }
    END { if (file) { print FILENAME ": a block without an end" >"/dev/stderr"; exit 1 } }' "$1"
}

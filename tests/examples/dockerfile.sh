# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with container.sh
# Follows the Dockerfile of an example without Docker, on a root directory that has the packages of all of them. To be
# sourced. It knows the instructions that are used there, and fails at any other.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=$project/build/examples

# The instructions of a Dockerfile, each on one line, without comments.
instructions_of() {
  sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' "$1" | sed -e ':join' -e '/\\$/{N;s/[[:space:]]*\\\n[[:space:]]*/ /;bjoin' -e '}'
}

# The packages that a Dockerfile installs, one a line: the words without a dash between "apt-get install" and "&&".
packages_of() {
  instructions_of "$1" | sed -n 's/^RUN .*apt-get install \([^&]*\).*/\1/p' | tr -s ' ' '\n' | sed '/^-/d; /^$/d'
}

# The words of ["a", "b"], one a line.
words_of() { grep -o '"[^"]*"' <<<"$1" | tr -d '"'; }

# Makes the image of examples/$1: its files in $image, and image_env, entrypoint and cmd for who starts it. Needs a mount
# namespace of its own; nothing outlives that.
build_image() {
  local context=$project/examples/$1 instruction rest
  image=$work/image image_env=() entrypoint=() cmd=()
  mkdir "$work"/{upper,scratch,image}
  mount -t overlay -o "lowerdir=$cache/root,upperdir=$work/upper,workdir=$work/scratch" image "$image"
  # A link to services of packages, which this image may not have.
  mv "$image/etc/service" "$work/services"
  while read -r instruction rest; do
    case $instruction in
      FROM) [[ $rest == debian:bookworm-slim ]] || fail "$1/Dockerfile: another base: $rest" ;;
      ENV) image_env+=(--env "$rest") ;;
      COPY) copy_into_image "$context" "$rest" ;;
      RUN) run_in_image "$rest" ;;
      ENTRYPOINT) mapfile -t entrypoint < <(words_of "$rest") ;;
      CMD) mapfile -t cmd < <(words_of "$rest") ;;
      EXPOSE | VOLUME) ;;
      *) fail "$1/Dockerfile: unknown instruction $instruction" ;;
    esac
  done < <(instructions_of "$context/Dockerfile")
}

# COPY: a file to a name or into a directory with a "/" at the end, the contents of a directory to a directory.
copy_into_image() {
  local words source target
  read -r -a words <<<"$2"
  target=$image${words[-1]}
  unset 'words[-1]'
  for source in "${words[@]}"; do
    if [[ $source == cinit ]]; then source=$CINIT_BINARY; else source=$1/$source; fi
    mkdir -p "$(dirname "${target}x")"
    if [[ -d $source ]]; then
      mkdir -p "$target"
      cp -R --preserve=mode "$source/." "$target"
    else
      cp --preserve=mode "$source" "$target"
    fi
  done
}

# RUN. What apt-get would install must be there.
run_in_image() {
  local package
  if [[ $1 == *"apt-get install"* ]]; then
    for package in $(packages_of <(echo "RUN $1")); do
      chroot "$image" dpkg-query --show "$package" >/dev/null || fail "$package is not in $cache/root"
      [[ $package != runit ]] || mv "$work/services" "$image/etc/service"
    done
  else
    chroot "$image" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c "$1" </dev/null ||
      fail "RUN $1: failed"
  fi
}

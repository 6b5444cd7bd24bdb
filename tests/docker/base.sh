# shellcheck shell=bash disable=SC2154 # project, for the scripts that source this
# Images of examples in the engine of the tests, on one Debian that has the packages of all of them. To be sourced.

# shellcheck source=tests/examples/dockerfile.sh
source "$project/tests/examples/dockerfile.sh"

# Makes the image `examples-base` of build/examples/root, once for an engine, without what is large and not used here.
base_image() {
  docker image inspect examples-base &>/dev/null ||
    tar -C "$project/build/examples/root" --exclude ./etc/service --exclude './usr/lib/*/libLLVM*' --exclude './usr/lib/*/libz3*' \
      --exclude './usr/lib/postgresql/*/lib/bitcode' --exclude './usr/lib/python3*' --exclude './usr/lib/*/perl' \
      --exclude ./usr/share/perl --exclude ./usr/share/i18n --exclude ./usr/lib/php -c . | docker import - examples-base >/dev/null
}

# Prints a Dockerfile as it is on that base: what apt-get would install is there.
on_base_image() {
  instructions_of "$1" | sed -e 's/^FROM debian:bookworm-slim$/FROM examples-base/' -e '/^RUN .*apt-get install/d'
}

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

# build_image NAME [DOCKERFILE]: makes the image of examples/NAME: its files in $image, and image_env, image_user, entrypoint,
# cmd and stop_signal for the caller that starts it. DOCKERFILE is a name in that directory, or a path. May be called again
# for another image. Needs a mount namespace of its own; nothing outlives that.
images=0
build_image() {
  local context=$project/examples/$1 dockerfile=${2-Dockerfile} instruction rest place
  [[ $dockerfile == /* ]] || dockerfile=$context/$dockerfile
  images=$((images + 1)) place=$work/image-$images
  image=$place/root image_env=() image_user=() entrypoint=() cmd=() stop_signal=TERM
  mkdir -p "$place"/{upper,scratch,root}
  mount -t overlay -o "lowerdir=$cache/root,upperdir=$place/upper,workdir=$place/scratch" image "$image"
  # A link to services of packages, which this image may not have.
  mv "$image/etc/service" "$place/services"
  while read -r instruction rest; do
    case $instruction in
      FROM) [[ $rest == debian:bookworm-slim ]] || fail "$dockerfile: another base: $rest" ;;
      ENV) image_env+=(--env "$rest") ;;
      USER) image_user=(--user "$rest") ;;
      STOPSIGNAL) stop_signal=${rest#SIG} ;;
      COPY) copy_into_image "$context" "$rest" ;;
      RUN) run_in_image "$rest" ;;
      ENTRYPOINT) mapfile -t entrypoint < <(words_of "$rest") ;;
      CMD) mapfile -t cmd < <(words_of "$rest") ;;
      EXPOSE | VOLUME | HEALTHCHECK) ;;
      *) fail "$dockerfile: unknown instruction $instruction" ;;
    esac
  done < <(instructions_of "$dockerfile")
}

# COPY: a file to a name or into a directory with a "/" at the end, the contents of a directory to a directory.
copy_into_image() {
  local words source target
  read -r -a words <<<"$2"
  # The image that the release makes: its only file is the binary.
  if [[ ${words[0]} == --from=cinit:* ]]; then words=(cinit "${words[-1]}"); fi
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
      [[ $package != runit ]] || mv "${image%/root}/services" "$image/etc/service"
    done
  else
    chroot "$image" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c "$1" </dev/null ||
      fail "RUN $1: failed"
  fi
}

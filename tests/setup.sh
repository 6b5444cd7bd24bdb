# shellcheck shell=bash
# What the scripts share: installing what is missing, and building. To be sourced.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

readonly build_packages=(g++ cmake ninja-build libtomlplusplus-dev libspdlog-dev libfmt-dev)
readonly run_packages=(busybox-static util-linux)
# shellcheck disable=SC2034 # used by tests/reliability/run
readonly reliability_packages=(clang libclang-rt-dev doctest-dev)
# shellcheck disable=SC2034 # used by tests/run
readonly test_packages=(
  clang libclang-rt-dev clang-format clang-tidy ccache doctest-dev shellcheck iproute2 mmdebstrap docker.io podman
  binutils jq python3 systemd tini dumb-init catatonit runit s6 execline docker-compose python3-kubernetes)

# Installs those of the named Debian packages that are missing; says what is needed where that is not possible.
need_packages() {
  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if ! command -v apt-get >/dev/null; then
    echo "This script installs what it needs with apt-get, which is not here. Debian 12 calls it: ${missing[*]}" >&2
    return 1
  elif ((EUID != 0)); then
    echo "Missing packages, and not root. Please run: apt-get install ${missing[*]}" >&2
    return 1
  fi
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Configures a preset of CMakePresets.json, with more arguments for cmake, quietly unless something is wrong.
configure_preset() {
  local log
  if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
  cd "$project" || return
  if ! log=$(cmake --preset "$@" 2>&1); then
    echo "$log" >&2
    return 1
  fi
}

# The same, and builds it.
build_preset() {
  configure_preset "$1" || return
  cmake --build --preset "$1" --parallel "$(nproc)" -- --quiet
}

# Leaves the binary for images in build/release-static/cinit.
build_release() {
  need_packages "${build_packages[@]}" "${run_packages[@]}"
  build_preset release-static
}

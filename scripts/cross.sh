#!/usr/bin/env bash
# Builds the tools for the Arm processor of a board: build-aarch64/dpuopt-VERSION-aarch64.tar.gz.
# Installs a cross compiler and makes a sysroot of Debian's arm64 libraries, if they are missing.
#   --test      build the tests too, and run them in qemu-user
#   --jobs N    compile N files at a time (default: one per processor)
set -euo pipefail
cd "$(dirname "$0")/.."

build="build-aarch64"
test=
jobs=$(nproc)
while [ $# -gt 0 ]; do
  case "$1" in
    --test) test=yes; shift ;;
    --jobs) jobs=${2:?--jobs needs a number}; shift 2 ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "cross.sh: unknown option $1" >&2; exit 2 ;;
  esac
done

install_tools() { # "program package" each
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair% *}" >/dev/null || missing+=("${pair#* }")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if dpuopt_on_debian12; then
    dpuopt_install "${missing[@]}"
  else
    echo "cross.sh: this is not Debian 12, so nothing is installed for you. Missing (Debian's names): ${missing[*]}" >&2
    return 2
  fi
}

pack() {
  local version name date stage=$build/package
  date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)} # the same bytes, whenever it is built
  version=$(sed -n 's/^project(dpuopt VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
  name=dpuopt-$version-aarch64
  rm -rf "$stage"
  cmake --install "$build" --prefix "$stage/$name" --strip >/dev/null
  tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$date" -c "$name" |
    gzip -9n >"$stage/$name.tar.gz"
  mv "$stage/$name.tar.gz" "$build/$name.tar.gz"
  rm -rf "$stage"
  echo "packed $PWD/$build/$name.tar.gz"
}

. scripts/setup.sh
tools=("aarch64-linux-gnu-g++ g++-aarch64-linux-gnu")
[ -z "$test" ] || tools+=("qemu-aarch64 qemu-user")
install_tools "${tools[@]}"
./scripts/sysroot.sh
[ -e $build/build.ninja ] || cmake --preset aarch64
targets=(programs)
[ -z "$test" ] || targets+=(all)
cmake --build --preset aarch64 --parallel "$jobs" --target "${targets[@]}"
pack
[ -z "$test" ] || exec /usr/bin/python3 scripts/cross_tests.py $build

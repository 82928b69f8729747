#!/usr/bin/env bash
# clang-tidy over our sources (needs the package clang-tidy-14, which nothing else does).
#   --build DIR   where compile_commands.json is (default: build)
#   FILE...       which sources (default: all of lib, passes, targets and tools)
set -euo pipefail
cd "$(dirname "$0")/.."
build=build
if [ "${1:-}" = --build ]; then
  build=${2:?--build needs a directory}
  shift 2
fi
tidy=$(command -v clang-tidy-14) || { echo "tidy.sh: clang-tidy-14 is not installed" >&2; exit 2; }
[ -e "$build/compile_commands.json" ] || { echo "tidy.sh: no $build/compile_commands.json; run scripts/build.sh first" >&2; exit 2; }
if [ $# -eq 0 ]; then
  mapfile -t sources < <(git ls-files 'lib/*.cpp' 'passes/*.cpp' 'targets/*.cpp' 'tools/*.cpp')
  set -- "${sources[@]}"
fi
# clang 14 does not know every warning switch of g++ 12.
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 "$tidy" -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option

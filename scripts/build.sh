#!/usr/bin/env bash
# Installs what is missing, configures and builds.
#   --preset NAME   release (default), debug or asan
#   TARGET...       what to build (default: the tools and their helpers)
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset=${2:?--preset needs a name}; shift 2 ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "build.sh: unknown option $1" >&2; exit 2 ;;
    *) targets+=("$1"); shift ;;
  esac
done

. scripts/setup.sh
build=build
[ "$preset" = release ] || build=build-$preset
# Only the first time: afterwards the build itself notices when CMake has to run again.
[ -e "$build/build.ninja" ] || cmake --preset "$preset"
[ ${#targets[@]} -gt 0 ] || targets=(programs)
cmake --build --preset "$preset" --target "${targets[@]}"
echo "built in $PWD/$build, programs in $PWD/$build/bin"

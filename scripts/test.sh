#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test. The last line is
# `N passed, N failed, N skipped`; the exit status is 0 only if nothing failed.
#   --asan          build and run with AddressSanitizer and UndefinedBehaviorSanitizer
#   --filter TEXT   only the tests whose name contains TEXT
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
build=build
arguments=()
while [ $# -gt 0 ]; do
  case "$1" in
    --asan) preset=asan; build=build-asan; shift ;;
    --filter) arguments+=(--filter "${2:?--filter needs a text}"); shift 2 ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "test.sh: unknown option $1" >&2; exit 2 ;;
  esac
done

./scripts/build.sh --preset "$preset" all
if [ "$preset" = asan ]; then
  export ASAN_OPTIONS=${ASAN_OPTIONS:-strict_string_checks=1}
  export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$PWD/scripts/lsan.supp:print_suppressions=0}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
fi
exec /usr/bin/python3 scripts/run_tests.py "$build" ${arguments[@]+"${arguments[@]}"}

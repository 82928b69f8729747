#!/usr/bin/env bash
# Builds the tools and the benchmark programs, then prints one table of times and peak memory.
#   --models DIR    ONNX models for `dpuc check` (default: ../shared/data/models)
#   --build DIR     use this build directory as it is
set -euo pipefail
cd "$(dirname "$0")/.."
build=
models=../shared/data/models
while [ $# -gt 0 ]; do
  case "$1" in
    --models) models=${2:?--models needs a directory}; shift 2 ;;
    --build) build=${2:?--build needs a directory}; shift 2 ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown option $1" >&2; exit 2 ;;
  esac
done
if [ -z "$build" ]; then
  ./scripts/build.sh programs bench
  build=build
fi
exec /usr/bin/python3 bench/run.py "$build" "$models"

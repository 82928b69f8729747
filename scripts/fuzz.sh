#!/bin/bash
# Fuzzes the readers of foreign files: scripts/fuzz.sh [--seconds N] [--build DIR] [READER...]
#
# Builds the harnesses of fuzz/ with clang 14, libFuzzer, ASan and UBSan in a directory of their own
# (build-fuzz), then runs each (default: all) for N seconds (default: 60), one after the other. Inputs start from
# fuzz/corpus/<reader> and the shared data folder when it is there; new ones go to DIR/corpus/<reader>,
# crashing ones to DIR/crashes. Exit status: 0, or 1 if anything was found.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60 build=build-fuzz readers=()
while [ $# -gt 0 ]; do
  case $1 in
  --seconds) seconds=$2; shift 2 ;;
  --build) build=$2; shift 2 ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) readers+=("$1"); shift ;;
  esac
done

# Name and corpus folder of every harness, or of those asked for.
list() { sed -n 's/^HARNESS(\([A-Za-z]*\), *\([a-z-]*\)).*/\1 \2/p' fuzz/Harnesses.def; }
for reader in "${readers[@]}"; do
  list | grep -qw -- "$reader" || { echo "no reader '$reader': $(list | cut -d' ' -f2 | xargs)" >&2; exit 2; }
done

# Seeds from the shared data folder by kind of file.
seeds() {
  case $1 in
  xmodel) find ../shared/data/vendor -name '*.xmodel' -size -300k 2>/dev/null ;;
  onnx | qdq) find ../shared/data -name '*.onnx' -size -100k 2>/dev/null ;;
  quant-info) find ../shared/data -name 'quant_info*.json' 2>/dev/null ;;
  inspector) find ../shared/data -name 'inspect_*.txt' 2>/dev/null ;;
  dpuir | execute) find test/lit -name '*.dpuir' ;;
  esac
}

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O1 -DCMAKE_C_COMPILER=clang-14 \
  -DCMAKE_CXX_COMPILER=clang++-14 -DDPUOPT_FUZZ=ON >"$build.log" || { cat "$build.log"; exit 2; }
mv "$build.log" "$build/configure.log"
build=$(realpath "$build")
found=0
mkdir -p "$build/crashes"
while read -r name folder; do
  if [ ${#readers[@]} -gt 0 ] && ! printf '%s\n' "${readers[@]}" | grep -qx -e "$name" -e "$folder"; then continue; fi
  ninja -C "$build" "dpuopt-fuzz-$name" >"$build/ninja.log" || { cat "$build/ninja.log"; exit 2; }
  mkdir -p "$build/corpus/$folder"
  seeds "$folder" | while read -r file; do cp -n "$file" "$build/corpus/$folder/$(echo "$file" | tr / _)"; done
  echo "== $folder, $seconds s"
  "$build/bin/dpuopt-fuzz-$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -max_len=200000 \
    -artifact_prefix="$build/crashes/$folder-" -print_final_stats=1 -verbosity=0 \
    "$build/corpus/$folder" "fuzz/corpus/$folder" >"$build/$folder.log" 2>&1 || { found=1; tail -60 "$build/$folder.log"; }
  grep -h "stat::number_of_executed_units\|stat::peak_rss" "$build/$folder.log" || true
done < <(list)
exit $found

#!/usr/bin/env bash
# Installs what is missing, builds, and compiles a trained FashionMNIST network for a KV260 with fix points computed
# from 200 images; its accuracy is measured with the DPU's own arithmetic. Then once more with the vendor's method, and
# with given fix points: those two are the same.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  "") ;;
  -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "demo.sh: unknown option $1" >&2; exit 2 ;;
esac

./scripts/build.sh
export PATH="$PWD/build/bin:$PATH"

run() { # shows a command, then runs it
  printf '\n$ %s\n' "$*"
  "$@"
}

model=examples/fmnist/fmnist_cnn2.onnx
run dpuc compile $model --calib fashion-mnist:200 --target kv260 --expect-dpu-subgraphs 1 -o out/fmnist
run dpuc eval out/fmnist/fmnist_cnn2_int.xmodel --data fashion-mnist:test --float $model --max-drop 0.1
run dpuc compile $model --calib fashion-mnist:200 --method diffs --equalize=off --target kv260 -o out/diffs
run dpuc compile $model --quant-info examples/fmnist/quant_info.json --target kv260 -o out/given
run dpuc diff out/diffs/fmnist_cnn2_int.xmodel out/given/fmnist_cnn2_int.xmodel
run sed -n '/^all ops/,$p' out/fmnist/report.txt
run ls -l out/fmnist

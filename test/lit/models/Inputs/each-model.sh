# each-model.sh ROUND-TRIP|CLEAN-UP|CHECK DATA SCRATCH: does it for every model and says so.
set -eu
what=$1 data=$2 scratch=$3
rm -rf "$scratch"
mkdir -p "$scratch"
count=0
for model in "$data"/models/*/*.onnx; do
  case $what in
    ROUND-TRIP)
      dpuopt "$model" -o "$scratch/a.dpuir"
      dpuopt "$scratch/a.dpuir" -o "$scratch/b.dpuir"
      cmp "$scratch/a.dpuir" "$scratch/b.dpuir"
      if [ -e "$scratch/a.dpuir.bin" ]; then cmp "$scratch/a.dpuir.bin" "$scratch/b.dpuir.bin"; fi
      rm -f "$scratch"/*
      ;;
    CLEAN-UP)
      case $model in */torchvision_light/*) continue ;; esac # their weights are all the same number
      dpuopt "$model" --passes=clean-up --check-equivalence -o "$scratch/a.dpuir" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
      if grep -q 'not checked' "$scratch/log"; then grep 'not checked' "$scratch/log"; exit 1; fi
      ;;
    CHECK)
      status=0
      dpuc check "$model" >"$scratch/log" 2>&1 || status=$?
      [ $status -le 1 ] || { cat "$scratch/log"; exit 1; }
      grep -q '^verdict ' "$scratch/log"
      ;;
  esac
  count=$((count + 1))
done
echo "$what: $count models"

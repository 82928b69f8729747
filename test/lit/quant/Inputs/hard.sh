# hard.sh OUT MODEL PASSES OPTIONS-OF-HARDEN...: writes OUT.onnx, which computes bit for bit what MODEL does.
out=$1 model=$2 passes=$3
shift 3
dpuopt "$model" --passes="$passes" -o "$out.0.dpuir" &&
/usr/bin/python3 "$(dirname "$0")/harden.py" "$out.0.dpuir" "$out.1.dpuir" "$@" &&
dpuopt "$out.1.dpuir" --passes=fold-batchnorm,eliminate-dead-code --check-equivalence -o "$out.onnx"

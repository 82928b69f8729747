# quantized.sh BASE METHOD PASSES EVAL-OPTIONS...: accuracy of BASE.onnx after PASSES and calibration, bit for bit.
base=$1 method=$2 passes=$3
shift 3
dpuopt "$base.onnx" --passes="${passes}calibrate<data=fashion-mnist:64,method=$method>,lower-to-xir,sort-ops" -o "$base.xmodel" &&
dpuc eval "$base.xmodel" --data fashion-mnist:test:1000 "$@" 2>&1

//===- Layers.cpp - the tensors of a graph worth comparing -------------------------------===//
#include "dpuopt/Compare/Matching.h"
#include "dpuopt/Compare/Meaning.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace dpuopt;

/// Activations and everything else that changes numbers one by one without a second tensor.
static bool followsLayer(const Op &op) {
  llvm::StringRef name = op.name();
  if (op.isOnnx() || op.isXir())
    name = name.drop_front(name.find('.') + 1);
  return llvm::StringSwitch<bool>(name)
      .Cases("fix", "float2fix", "fix2float", "upload", "download", "identity", true)
      .Cases("relu", "relu6", "leaky-relu", "prelu", "clamp", "batchnorm", "scale", true)
      .Cases("Relu", "Clip", "LeakyRelu", "PRelu", "BatchNormalization", "Identity", true)
      .Cases("QuantizeLinear", "DequantizeLinear", "Dropout", "Cast", true)
      .Cases("reshape", "reshape-fix", "flatten", "squeeze", "Reshape", "Flatten", "Squeeze", "Unsqueeze", true)
      .Default(false);
}

/// A product or sum with a constant: part of the layer before it.
static bool hasConstantOperand(const Op &op) {
  auto isConstant = [](const Value *v) {
    while (v && v->def() && (v->def()->isOneOf("xir.fix", "xir.fix2float", "xir.float2fix")))
      v = v->def()->operand(0);
    return v && v->def() && v->def()->isConst();
  };
  return op.isOneOf("xir.mul", "onnx.Mul", "onnx.Add", "xir.add", "onnx.Div", "xir.div") && op.numOperands() == 2 &&
         (isConstant(op.operand(0)) || isConstant(op.operand(1)));
}

static const Value *mainOperand(const Op &op) {
  for (const Value *v : op.operands())
    if (v && !(v->def() && v->def()->isConst()))
      return v;
  return nullptr;
}

const Op *dpuopt::anchorOf(const Value &v) {
  const Op *op = v.def();
  while (op && (followsLayer(*op) || hasConstantOperand(*op))) {
    const Value *from = mainOperand(*op);
    // What reads a rounded tensor is a layer of its own, unless it only hands it on.
    if (from && from->type().isFix() && !copiedFrom(*op->result()))
      break;
    op = from ? from->def() : nullptr;
  }
  return op && !op->isConst() && !op->isOneOf("xir.data", "xir.data-fix") ? op : nullptr;
}

std::string dpuopt::layerKind(const Op &op) {
  llvm::StringRef name = op.name();
  if (op.isOnnx() || op.isXir())
    name = name.drop_front(name.find('.') + 1);
  if (name == "eltwise-fix" || name == "depthwise-fix")
    return llvm::StringRef(op.getString("type")).lower();
  name.consume_back("-fix");
  std::string kind = llvm::StringSwitch<std::string>(name)
                         .Cases("Conv", "conv1d", "conv2d", "depthwise-conv1d", "depthwise-conv2d", "conv")
                         .Cases("Gemm", "MatMul", "matmul", "inner-product", "conv")
                         .Cases("ConvTranspose", "transposed-conv2d", "transposed-depthwise-conv2d", "deconv")
                         .Cases("MaxPool", "AveragePool", "maxpool2d", "avgpool2d", "pool", "pool")
                         .Cases("GlobalAveragePool", "ReduceMean", "reduction_mean", "GlobalMaxPool", "pool")
                         .Cases("Resize", "Upsample", "resize", "upsample", "downsample", "resize")
                         .Cases("HardSigmoid", "hard-sigmoid", "hard-sigmoid")
                         .Cases("HardSwish", "hard-swish", "hard-swish")
                         .Cases("DepthToSpace", "pixel-shuffle", "tile", "shuffle")
                         .Cases("Transpose", "transpose", "")
                         .Default(name.lower());
  const bool isShape = name == "Shape" || name == "shape" || name == "stack" || name == "const" || name == "data";
  return isShape ? "" : kind;
}

/// Rounded by its only reader: the rounded tensor is the one that is kept.
static bool isRoundedAtOnce(const Value &v) {
  const Op *user = v.type().isFix() ? nullptr : v.soleUser();
  return user && user->isOneOf("xir.fix", "xir.float2fix");
}

/// Constants, and what is made of constants alone, are not layers.
static bool dependsOnInput(const Op &op, const llvm::DenseSet<const Value *> &live) {
  return llvm::any_of(op.operands(), [&](const Value *v) { return live.count(v); });
}

static bool isFeed(const Value &v) { return !v.def() || v.def()->isOneOf("xir.data", "xir.data-fix"); }

static TensorEntry entryOf(const Value &v) {
  TensorEntry e{v.name(), v.type(), &v, false, v.isGraphOutput()};
  if (auto fix = v.type().elemType().isFloat() ? fixOf(v) : std::nullopt)
    e.type = v.type().withElem(*fix);
  return e;
}

std::vector<TensorEntry> dpuopt::comparableTensors(const Graph &g) {
  std::vector<TensorEntry> found;
  llvm::DenseSet<const Value *> live;
  auto addInput = [&](const Value &v) {
    live.insert(&v);
    if (isRoundedAtOnce(v)) // the rounded one is the input
      return;
    found.push_back(entryOf(v));
    found.back().isInput = true;
  };
  for (const Value *v : g.inputs())
    addInput(*v);
  for (const Op &op : g.ops()) {
    if (op.isOneOf("xir.data", "xir.data-fix")) {
      addInput(*op.result());
      continue;
    }
    if (!dependsOnInput(op, live))
      continue;
    for (Value *v : op.results()) {
      live.insert(v);
      const ElemType e = v->type().elemType();
      const bool isNumber = e.isFix() || e.isFloat() || e.kind == ElemKind::None;
      const bool kept = !copiedFrom(*v) && !isRoundedAtOnce(*v);
      if ((isNumber && kept && !v->unused()) || v->isGraphOutput()) {
        found.push_back(entryOf(*v));
        found.back().isInput = op.is("xir.fix") && isFeed(*op.operand(0));
      }
    }
  }
  return found;
}

//===- QuantGroups.cpp - which values of an onnx graph get a fix point ---------===//
//
// A group is a chain: each joiner is the only consumer of the op before it. Chains are
// found first (forwards), then the ends that share a Concat's position (backwards,
// because a Concat may feed another), then every value learns its holder (forwards).
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/QuantGroups.h"
#include "llvm/ADT/StringSet.h"

namespace dpuopt {
namespace {

/// Ops with a position at their output.
const llvm::StringSet<> &quantizableOps() {
  static const llvm::StringSet<> set = {"onnx.Conv",
                                        "onnx.ConvTranspose",
                                        "onnx.Gemm",
                                        "onnx.MatMul",
                                        "onnx.Add",
                                        "onnx.Sub",
                                        "onnx.Mul",
                                        "onnx.Div",
                                        "onnx.Sum",
                                        "onnx.Max",
                                        "onnx.Min",
                                        "onnx.Mean",
                                        "onnx.Concat",
                                        "onnx.MaxPool",
                                        "onnx.AveragePool",
                                        "onnx.Pad",
                                        "onnx.GlobalAveragePool",
                                        "onnx.GlobalMaxPool",
                                        "onnx.ReduceMean",
                                        "onnx.ReduceMax",
                                        "onnx.ReduceMin",
                                        "onnx.ReduceSum",
                                        "onnx.Resize",
                                        "onnx.Upsample",
                                        "onnx.HardSwish",
                                        "onnx.Swish",
                                        "onnx.HardSigmoid",
                                        "onnx.Softmax",
                                        "onnx.PRelu",
                                        "onnx.Gelu",
                                        "onnx.Mish",
                                        "onnx.Sqrt",
                                        "onnx.BatchNormalization",
                                        "onnx.LayerNormalization",
                                        "onnx.InstanceNormalization",
                                        "onnx.GroupNormalization"};
  return set;
}

/// Ops that join their producer's group; true: they only move data.
const llvm::StringMap<bool> &joiningOps() {
  static const llvm::StringMap<bool> map = {
      {"onnx.Relu", false},   {"onnx.LeakyRelu", false}, {"onnx.Clip", false},        {"onnx.Tile", false},
      {"onnx.Expand", false}, {"onnx.Flatten", true},    {"onnx.Reshape", true},      {"onnx.Squeeze", true},
      {"onnx.Split", true},   {"onnx.Unsqueeze", true},  {"onnx.Transpose", true},    {"onnx.Slice", true},
      {"onnx.Dropout", true}, {"onnx.Identity", true},   {"onnx.DepthToSpace", true}, {"onnx.SpaceToDepth", true}};
  return map;
}

bool joins(const Op &op) { return joiningOps().count(op.name()); }

bool isReal(const Value *v) { return v->type().elemType().isFloat() || v->type().isFix(); }

/// The one non-constant operand, or null if there are none or several.
Value *soleProducer(const Op &op) {
  Value *only = nullptr;
  for (Value *v : op.operands()) {
    if (!v || constantOf(v) || v == only)
      continue;
    if (only)
      return nullptr;
    only = v;
  }
  return only;
}

/// The one op that uses any result of `op` (it may use it twice), or null. The graph's return counts.
const Op *soleConsumer(const Op &op) {
  const Op *only = nullptr;
  for (const Value *result : op.results())
    for (const Use &use : result->uses()) {
      if (only && use.user != only)
        return nullptr;
      only = use.user;
    }
  return only;
}

/// Quantizable ops all of whose operands are numbers to compute with; the others have
/// one such operand, followed by sizes, bounds or statistics.
bool computesWithAll(const Op &op) {
  static const llvm::StringSet<> set = {"onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm",  "onnx.MatMul", "onnx.Add",
                                        "onnx.Sub",  "onnx.Mul",           "onnx.Div",   "onnx.Max",    "onnx.Min",
                                        "onnx.Sum",  "onnx.Mean",          "onnx.PRelu", "onnx.Concat"};
  return set.count(op.name());
}

bool isLinearBias(const Op &op) {
  Value *producer = op.is("onnx.Add") ? soleProducer(op) : nullptr;
  return producer && producer->def() && linearBias(*producer->def()) == &op;
}

/// Does operand `i` of a quantizable op need a position?
bool readsData(const Op &op, unsigned i) { return i == 0 || computesWithAll(op); }

bool takesParam(const Op &op, unsigned i) {
  if (isNormalizedBatchNorm(op))
    return i == 1 || i == 2;
  return computesWithAll(op) && (i > 0 || !op.isOneOf("onnx.Conv", "onnx.ConvTranspose"));
}

struct Chain {
  std::vector<Op *> ops;
  bool quantized = false;
  Op *end = nullptr;    ///< its results have the position; null: carried from the producer
  Op *concat = nullptr; ///< ... unless this op's chain has it
};

class Builder {
public:
  explicit Builder(const Graph &g) : g(g) {}
  QuantGroups build();

private:
  void findChains();
  void markQuantized();
  void resolveHolders();
  void addInputsAndParams();
  bool readByQuantizable(const Op &op) const;
  bool isPlaced(const Value *v) const;
  Op *endOf(const Chain &chain) const;
  Value *holderFor(const Chain &chain, Value *result) const;

  const Graph &g;
  std::vector<Chain> chains; ///< in order of their first op
  llvm::DenseMap<const Op *, size_t> chainOf;
  QuantGroups out;
};

void Builder::findChains() {
  for (const Op &constOp : g.ops()) {
    Op *op = const_cast<Op *>(&constOp);
    if (op->isConst() || op->numResults() == 0)
      continue;
    Value *producer = joins(*op) || isLinearBias(*op) ? soleProducer(*op) : nullptr;
    Op *before = producer ? producer->def() : nullptr;
    if (before && before->isOnnx() && soleConsumer(*before) == op) {
      size_t chain = chainOf.lookup(before);
      chains[chain].ops.push_back(op);
      chainOf[op] = chain;
      continue;
    }
    chainOf[op] = chains.size();
    chains.push_back({{op}});
  }
}

/// Has a position (its own or a carried one): a graph input, or in a quantized chain.
bool Builder::isPlaced(const Value *v) const {
  return v && isReal(v) && (!v->def() || chains[chainOf.lookup(v->def())].quantized);
}

bool Builder::readByQuantizable(const Op &op) const {
  for (const Value *result : op.results())
    for (const Use &use : result->uses())
      if (isQuantizable(*use.user) && readsData(*use.user, use.index))
        return true;
  return false;
}

/// Which chains have (or carry) a position. Needs only chains before them.
void Builder::markQuantized() {
  for (Chain &chain : chains) {
    Op *head = chain.ops.front();
    if (!isReal(head->result()))
      continue;
    bool reads = joins(*head) && isPlaced(soleProducer(*head));
    chain.quantized = reads || isQuantizable(*head) || readByQuantizable(*chain.ops.back());
  }
}

/// The last op that does not merely move; the last of all if nobody gives it a position to carry.
Op *Builder::endOf(const Chain &chain) const {
  for (Op *op : llvm::reverse(chain.ops))
    if (!isMovement(*op))
      return op;
  Value *producer = soleProducer(*chain.ops.front());
  return isPlaced(producer) ? nullptr : chain.ops.back();
}

void Builder::resolveHolders() {
  for (Chain &chain : chains)
    if (chain.quantized)
      chain.end = endOf(chain);
  for (Chain &chain : llvm::reverse(chains)) {
    const Op *consumer = chain.end ? soleConsumer(*chain.ops.back()) : nullptr;
    if (!consumer || !consumer->is("onnx.Concat"))
      continue;
    const Chain &next = chains[chainOf.lookup(consumer)];
    chain.concat = next.concat ? next.concat : next.end;
  }
  for (Chain &chain : chains)
    if (chain.quantized)
      for (Op *op : chain.ops)
        for (Value *result : op->results())
          if (isReal(result))
            out.holders[result] = holderFor(chain, result);
}

Value *Builder::holderFor(const Chain &chain, Value *result) const {
  if (chain.concat)
    return chain.concat->result();
  if (!chain.end)
    return out.holder(soleProducer(*chain.ops.front()));
  // Several results of one op (Split, or an op the DPU does not know) have one position each.
  return result->def() == chain.end ? result : chain.end->result();
}

void Builder::addInputsAndParams() {
  for (const Op &op : g.ops()) {
    if (!isQuantizable(op))
      continue;
    for (unsigned i = 0; i < op.numOperands(); ++i) {
      Value *v = op.operand(i);
      if (v && takesParam(op, i) && constantOf(v) && isReal(v))
        out.holders[v] = v;
    }
  }
}

QuantGroups Builder::build() {
  for (Value *input : g.inputs())
    if (isReal(input))
      out.holders[input] = input, out.activations.push_back(input);
  findChains();
  markQuantized();
  resolveHolders();
  addInputsAndParams();
  for (const Op &op : g.ops())
    for (Value *result : op.results())
      if (out.holder(result) == result)
        (op.isConst() ? out.params : out.activations).push_back(result);
  return std::move(out);
}

} // namespace

Op *linearBias(const Op &matmul) {
  if (!matmul.is("onnx.MatMul") || !constantOf(matmul.operand(1)) || matmul.operand(1)->type().rank() != 2)
    return nullptr;
  Op *add = matmul.result()->soleUser();
  if (!add || !add->is("onnx.Add") || add->result()->type().shape() != matmul.result()->type().shape())
    return nullptr;
  const Value *row = add->operand(add->operand(0) == matmul.result());
  const int64_t width = matmul.operand(1)->type().dim(1);
  bool fits = constantOf(row) && row->type().rank() > 0 && row->type().numElements() == width &&
              row->type().shape().back() == width;
  return fits ? add : nullptr;
}

bool isNormalizedBatchNorm(const Op &op) {
  if (!op.is("onnx.BatchNormalization") || !constantOf(op.operand(1)) || !constantOf(op.operand(2)) ||
      op.getFloat("epsilon", 1e-5) != 0)
    return false;
  const Tensor *mean = constantOf(op.operand(3)), *variance = constantOf(op.operand(4));
  return mean && variance && mean->isSplat() && variance->isSplat() && mean->at(0) == 0 && variance->at(0) == 1;
}

bool isMovement(const Op &op) { return joiningOps().lookup(op.name()); }

bool isQuantizable(const Op &op) { return quantizableOps().count(op.name()); }

QuantGroups quantGroups(const Graph &g) { return Builder(g).build(); }

} // namespace dpuopt

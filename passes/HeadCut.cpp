//===- HeadCut.cpp - where a detector's layers end and its decoder begins --------===//
//
// The last layers are those with weights behind which no other layer with weights
// comes. One trap: the expectation of a distribution over box sides (DFL) is exported
// as a 1x1 convolution behind a Softmax; it is part of the decoder.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include "dpuopt/Passes/DetectHead.h"
#include "llvm/ADT/DenseSet.h"

namespace dpuopt {
namespace {

using OpSet = llvm::DenseSet<const Op *>;

/// Reads a Softmax, perhaps moved around.
bool readsSoftmax(const Value *v) {
  const Op *op = v ? v->def() : nullptr;
  for (unsigned depth = 0; op && depth < 4; ++depth) {
    if (op->is("onnx.Softmax"))
      return true;
    if (!op->isOneOf("onnx.Reshape", "onnx.Transpose"))
      return false;
    op = op->operand(0) ? op->operand(0)->def() : nullptr;
  }
  return false;
}

bool isLayer(const Op &op) {
  bool layer = op.isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm", "onnx.MatMul");
  if (!layer || !constantOf(op.operand(1)))
    return false;
  const Shape out(op.result()->type().shape().begin(), op.result()->type().shape().end());
  bool one = out.size() >= 2 && (out[1] == 1 || out.back() == 1);
  return !(one && readsSoftmax(op.operand(0)));
}

/// All ops `seeds` depend on, themselves included.
OpSet ancestors(std::vector<const Op *> seeds) {
  OpSet seen(seeds.begin(), seeds.end());
  while (!seeds.empty()) {
    const Op *op = seeds.back();
    seeds.pop_back();
    for (const Value *v : op->operands())
      if (v && v->def() && seen.insert(v->def()).second)
        seeds.push_back(v->def());
  }
  return seen;
}

/// The layers behind which there is no other.
std::vector<const Op *> lastLayers(const Graph &g) {
  std::vector<const Op *> layers;
  OpSet hasLayerBehind;
  for (const Op &op : llvm::reverse(g.ops())) {
    bool behind = false;
    for (const Value *r : op.results())
      for (const Use &u : r->uses())
        behind |= !u.user->isReturn() && (hasLayerBehind.count(u.user) || isLayer(*u.user));
    if (behind)
      hasLayerBehind.insert(&op);
    else if (isLayer(op))
      layers.push_back(&op);
  }
  std::reverse(layers.begin(), layers.end());
  return layers;
}

/// What an engine applies to the layer in front: it goes with it.
bool goesWithLayer(const Op &op) {
  return op.isOneOf("onnx.Relu", "onnx.LeakyRelu", "onnx.BatchNormalization") || isRelu6(op);
}

bool isConstantCone(const Op &op) {
  return op.isConst() || (op.numOperands() && llvm::all_of(op.operands(), [](const Value *v) {
                            return !v || (v->def() && v->def()->isConst());
                          }));
}

} // namespace

std::vector<Value *> findHeadCut(Graph &g) {
  std::vector<const Op *> layers = lastLayers(g);
  OpSet body = ancestors(layers);
  for (const Op &op : g.ops()) // in order, so chains are taken in one sweep
    if (!body.count(&op) && goesWithLayer(op) && op.operand(0) && op.operand(0)->def() &&
        body.count(op.operand(0)->def()) && op.operand(0)->hasOneUse())
      body.insert(&op);
  std::vector<Value *> cut;
  bool decodes = false;
  for (Op &op : g.ops())
    for (Value *r : op.results()) {
      if (!body.count(&op) || op.isConst() || isConstantCone(op))
        continue;
      bool crosses = llvm::any_of(r->uses(), [&](const Use &u) { return u.user->isReturn() || !body.count(u.user); });
      if (!crosses || r->type().rank() != 4)
        continue;
      cut.push_back(r);
      decodes |= llvm::any_of(r->uses(), [&](const Use &u) { return !u.user->isReturn() && !body.count(u.user); });
    }
  return decodes ? cut : std::vector<Value *>();
}

/// Drops ops nothing uses and inputs nothing reads.
static void prune(Graph &g) {
  for (Op &op : llvm::make_early_inc_range(llvm::reverse(g.ops())))
    if (op.unused())
      g.erase(&op);
}

std::unique_ptr<Graph> headGraph(const Graph &g, llvm::ArrayRef<std::string> cut) {
  std::unique_ptr<Graph> head = g.clone();
  head->setName(g.name() + "_head");
  std::vector<const Value *> seeds;
  OpSet behind;
  for (const std::string &name : cut)
    seeds.push_back(head->lookup(name));
  for (const Op &op : head->ops())
    if (llvm::any_of(op.operands(), [&](const Value *v) {
          return v && (llvm::is_contained(seeds, v) || (v->def() && behind.count(v->def())));
        }))
      behind.insert(&op);
  std::vector<Value *> outputs;
  for (Value *v : head->outputs())
    if (v->def() && behind.count(v->def()))
      outputs.push_back(v);
  head->setOutputs(outputs);
  for (const std::string &name : cut) {
    Value *v = head->lookup(name), *input = head->addInput(name + "_cut", v->type());
    v->replaceAllUsesWith(input);
    input->takeName(v);
  }
  prune(*head);
  for (Value *input : head->inputs())
    if (input->unused())
      head->eraseInput(input);
  return head;
}

void stripHead(Graph &g, llvm::ArrayRef<std::string> cut) {
  std::vector<Value *> outputs, readBefore;
  OpSet behind;
  for (Value *input : g.inputs())
    if (!input->unused())
      readBefore.push_back(input);
  for (const std::string &name : cut)
    outputs.push_back(g.lookup(name));
  for (const Op &op : g.ops())
    if (llvm::any_of(op.operands(), [&](Value *v) {
          return v && (llvm::is_contained(outputs, v) || (v->def() && behind.count(v->def())));
        }))
      behind.insert(&op);
  for (Value *v : g.outputs())
    if (!(v->def() && behind.count(v->def())) && !llvm::is_contained(outputs, v))
      outputs.push_back(v);
  g.setOutputs(outputs);
  prune(g);
  for (Value *input : readBefore) // the image's original size, for instance
    if (input->unused())
      g.eraseInput(input);
}

} // namespace dpuopt

//===- FloatChains.cpp - ops that are done with the one before them -----------------------------===//
#include "FloatPlan.h"
#include <cmath>
#include <numbers>

using namespace dpuopt;
using namespace dpuopt::exec;

std::optional<float> FloatPlan::scalar(const Value *v) const {
  if (!v || !constants.contains(v) || v->type().elemType().kind != ElemKind::F32 || v->type().numElements() > 4096 ||
      !v->type().isStatic())
    return std::nullopt;
  auto t = constants.real(*v);
  if (!t || t->numElements() < 1 || !(t->isSplat() || t->numElements() == 1))
    return std::nullopt;
  return float(t->at(0));
}

FloatChain FloatPlan::grow(const Op &anchor, Taken taken, bool withSum) {
  FloatChain chain{&anchor, {}, {}, {}, {}};
  while (extend(chain, anchor, *chain.last->result(), withSum)) {
    // Also what files declare wrongly must fit the memory that the last result gets.
    for (const Op *op : chain.ops)
      if (!free(*op) || taken(*op) || op->numResults() != 1 || !isReal(op->result()) ||
          op->result()->type().shape() != anchor.result()->type().shape())
        return {&anchor, {}, {}, {}, {}};
    chain.last = chain.ops.back();
  }
  return chain;
}

/// One more op, or one more group of ops, that reads nothing but `v` that is not there already.
bool FloatPlan::extend(FloatChain &chain, const Op &anchor, const Value &v, bool withSum) {
  if (chain.last->numResults() != 1 || v.isGraphOutput() || (v.type().isFix() && exactOnly))
    return false;
  if (v.uses().size() == 2)
    return takeGate(chain, v) || takeGelu(chain, v);
  const Op *user = v.hasOneUse() ? v.soleUser() : nullptr;
  if (!user || user->numResults() != 1 || !isReal(user->result()) ||
      user->result()->type().shape() != v.type().shape() || !free(*user) || user->getBool("off_table"))
    return false;
  return takeAffine(chain, anchor, *user, v) || (withSum && takeSum(chain, anchor, *user, v)) ||
         takePost(chain, *user, v);
}

/// A batch norm behind a convolution; a bias behind a matrix product.
bool FloatPlan::takeAffine(FloatChain &chain, const Op &anchor, const Op &user, const Value &v) {
  if (chain.affine || !chain.post.empty() || exactOnly)
    return false;
  std::vector<Tensor> held;
  if (anchor.isOneOf("onnx.Conv", "onnx.ConvTranspose") && user.operand(0) == &v) {
    chain.affine = user.is("onnx.BatchNormalization") ? batchNormOf(user, constantsOf(user, held)) : std::nullopt;
    if (chain.affine && int64_t(chain.affine->scale.size()) != v.type().dim(1))
      chain.affine.reset();
  } else if (anchor.is("onnx.MatMul") && user.is("onnx.Add") && user.numOperands() == 2) {
    unsigned other = user.operand(0) == &v ? 1 : 0;
    const Tensor *bias = constantsOf(user, held)[other];
    if (bias && bias->shape().size() == 1 && bias->numElements() == v.type().shape().back())
      chain.affine = {std::vector<float>(bias->numElements(), 1.0f), bias->expanded().as<float>().vec()};
  }
  if (chain.affine)
    chain.ops.push_back(&user);
  return chain.affine.has_value();
}

bool FloatPlan::takeSum(FloatChain &chain, const Op &anchor, const Op &user, const Value &v) {
  bool convolves = anchor.name().contains("onv"); // onnx.Conv..., xir.conv2d, ...
  if (chain.addend || !convolves || !user.isOneOf("onnx.Add", "xir.add") || user.numOperands() != 2)
    return false;
  const Value *other = user.operand(user.operand(0) == &v ? 1 : 0);
  if (!other || other == &v || constants.contains(other) || !isReal(other) || other->type().shape() != v.type().shape())
    return false;
  chain.addend = other;
  chain.post.push_back({PostOp::Kind::Sum});
  chain.ops.push_back(&user);
  return true;
}

bool FloatPlan::takePost(FloatChain &chain, const Op &user, const Value &v) {
  if (user.operand(0) != &v)
    return false;
  PostOps ops = postOpsOf(user, [&](const Value *o) { return scalar(o); });
  if (ops.empty() || (exactOnly && !llvm::all_of(ops, [](const PostOp &op) { return op.isExact(); })))
    return false;
  chain.post.append(ops.begin(), ops.end());
  chain.ops.push_back(&user);
  return true;
}

/// The user of `v` that is not `other`, of its two.
static const Op *otherUser(const Value &v, const Op *other) {
  const Op *a = v.uses()[0].user, *b = v.uses()[1].user;
  return a == other ? b : a;
}

static bool multiplies(const Op &op, const Value *a, const Value *b) {
  return op.is("onnx.Mul") && op.numOperands() == 2 &&
         ((op.operand(0) == a && op.operand(1) == b) || (op.operand(0) == b && op.operand(1) == a));
}

/// v * sigmoid(v), v * hardsigmoid(v).
bool FloatPlan::takeGate(FloatChain &chain, const Value &v) {
  if (exactOnly)
    return false;
  for (const auto &use : v.uses()) {
    const Op &gate = *use.user;
    bool hard = gate.is("onnx.HardSigmoid") && std::fabs(gate.getFloat("alpha", 0.2) * 6 - 1) < 1e-6 &&
                gate.getFloat("beta", 0.5) == 0.5;
    if ((!gate.is("onnx.Sigmoid") && !hard) || !gate.result()->hasOneUse() || gate.result()->isGraphOutput())
      continue;
    const Op *product = gate.result()->soleUser();
    if (product != otherUser(v, &gate) || !multiplies(*product, &v, gate.result()))
      continue;
    chain.post.push_back(hard ? PostOp{PostOp::Kind::HardSwish} : PostOp{PostOp::Kind::Swish, 1});
    chain.ops.push_back(&gate), chain.ops.push_back(product);
    return true;
  }
  return false;
}

/// v * (1 + erf(v / sqrt(2))) * 0.5, as exporters write it out.
bool FloatPlan::takeGelu(FloatChain &chain, const Value &v) {
  auto soleUser = [](const Op *op) -> const Op * {
    return op && op->numResults() == 1 && op->result()->hasOneUse() && !op->result()->isGraphOutput()
               ? op->result()->soleUser()
               : nullptr;
  };
  auto near = [&](const Op &op, double expected) {
    auto c = scalar(op.operand(1));
    return c && std::fabs(*c - expected) < 1e-5;
  };
  for (const auto &use : v.uses()) {
    const Op *divide = use.user, *erf = soleUser(divide), *add = soleUser(erf), *product = soleUser(add);
    const Op *half = soleUser(product);
    if (exactOnly || !half || divide->operand(0) != &v || !erf->is("onnx.Erf") || !add->is("onnx.Add") ||
        !half->is("onnx.Mul"))
      continue;
    bool scaled = (divide->is("onnx.Div") && near(*divide, std::numbers::sqrt2)) ||
                  (divide->is("onnx.Mul") && near(*divide, std::numbers::sqrt2 / 2));
    if (!scaled || !near(*add, 1) || product != otherUser(v, divide) || !multiplies(*product, &v, add->result()) ||
        !near(*half, 0.5))
      continue;
    chain.post.push_back({PostOp::Kind::GeluErf});
    chain.ops.insert(chain.ops.end(), {divide, erf, add, product, half});
    return true;
  }
  return false;
}

//===- Chain.cpp - ops that run as one -----------------------------------------------------===//
#include "Chain.h"
#include "Rounding.h"

using namespace dpuopt;
using namespace dpuopt::exec;

bool exec::isStorable(const Value *v) {
  if (!v || !v->type().isStatic())
    return false;
  ElemType e = v->type().elemType();
  return e.isFix() && e.isSigned && e.bits <= 8 && e.bits > 1 && v->type().numElements() > 0;
}

bool exec::isReshape(const Op &op) {
  return op.isOneOf("xir.upload", "xir.download", "xir.reshape-fix", "xir.reshape", "xir.flatten", "xir.squeeze",
                    "xir.flatten-fix", "xir.squeeze-fix");
}

std::optional<Type> exec::storedType(const Value *v) {
  if (!v || !v->type().isStatic())
    return std::nullopt;
  for (const Value *from = v; from; from = from->def()->operand(0)) {
    if (isStorable(from))
      return from->type().numElements() == v->type().numElements()
                 ? std::optional(v->type().withElem(from->type().elemType()))
                 : std::nullopt;
    if (from->type().elemType().kind != ElemKind::F32 || !from->def() || !isReshape(*from->def()))
      return std::nullopt;
  }
  return std::nullopt;
}

static bool isActivation(const Op &op) {
  return op.isOneOf("xir.relu", "xir.relu6", "xir.leaky-relu", "xir.prelu") && op.numOperands() > 0;
}

/// The op that makes operand 0 of `op` for `op` alone, in float; null if there is none.
static const Op *privateProducer(const Op &op) {
  const Value *v = op.operand(0);
  if (!v || !v->def() || !v->hasOneUse() || v->isGraphOutput() || v->def()->numResults() != 1 || v->type().isFix())
    return nullptr;
  return v->def()->isXir() ? v->def() : nullptr;
}

std::optional<Chain> exec::findChain(const Op &last) {
  if (!last.isXir() || last.numResults() != 1 || roundModeOf(last) != RoundMode::HalfUp)
    return std::nullopt;
  Chain chain;
  const Op *op = &last;
  auto step = [&] {
    const Op *producer = privateProducer(*op);
    if (producer)
      chain.swallowed.push_back(producer), op = producer;
    return producer != nullptr;
  };
  if (last.is("xir.fix") && !storedType(last.operand(0)) && !step())
    return std::nullopt;
  if (isActivation(*op) && !storedType(op->operand(0))) {
    chain.activation = op;
    if (!step())
      return std::nullopt;
  }
  chain.anchor = op;
  return chain;
}

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

/// A constant, as it is or with a `fix` of its own.
static bool isConstant(const Value *v) {
  const Op *fix = v && v->def() && v->def()->is("xir.fix") ? v->def() : nullptr;
  return v && constantOf(fix ? fix->operand(0) : v);
}

/// Functions of one element, also those whose second operand is a constant.
static bool isActivation(const Op &op, bool plain) {
  if (!plain && op.isOneOf("xir.mul", "xir.div", "xir.add", "xir.sub") && op.numOperands() == 2)
    return isConstant(op.operand(1)) && !isConstant(op.operand(0));
  return op.isOneOf("xir.relu", "xir.relu6", "xir.leaky-relu", "xir.prelu") && op.numOperands() > 0;
}

/// The op that makes operand 0 of `op` for `op` alone, in float; null if there is none.
static const Op *privateProducer(const Op &op) {
  const Value *v = op.operand(0);
  if (!v || !v->def() || !v->hasOneUse() || v->isGraphOutput() || v->def()->numResults() != 1 || v->type().isFix())
    return nullptr;
  return v->def()->isXir() ? v->def() : nullptr;
}

std::optional<Chain> exec::findChain(const Op &last, llvm::function_ref<bool(const Value *)> isStored, bool plain) {
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
  if (last.is("xir.fix") && !isStored(last.operand(0)) && !step())
    return std::nullopt;
  if (isActivation(*op, plain) && !isStored(op->operand(0))) {
    chain.activation = op;
    if (!step())
      return std::nullopt;
  }
  chain.anchor = op;
  return chain;
}

//===- Values that are rounded behind a move --------------------------------------------===//

/// Does `op` do nothing but take elements of its operands?
static bool moves(const Op &op) {
  if (op.is("xir.resize"))
    return op.getString("mode", "NEAREST") == "NEAREST";
  return op.isOneOf("xir.concat", "xir.transpose", "xir.permute", "xir.strided_slice", "xir.pixel-shuffle", "xir.reorg",
                    "xir.gstiling");
}

bool exec::keepsElements(const Op &op) { return moves(op) || isReshape(op) || op.is("xir.relu"); }

/// Does rounding before `op` give what rounding behind it gives?
static bool commutesWithRounding(const Op &op) { return moves(op) || op.isOneOf("xir.maxpool1d", "xir.maxpool2d"); }

llvm::DenseMap<const Value *, Type> exec::roundedLater(llvm::ArrayRef<const Op *> ops) {
  llvm::DenseMap<const Value *, ElemType> rounded; // also what a `fix` reads itself
  llvm::DenseMap<const Value *, Type> later;
  for (const Op *op : llvm::reverse(ops)) {
    const Value *v = op->numResults() == 1 ? op->result() : nullptr;
    if (!v || v->unused() || v->isGraphOutput() || !v->type().isStatic() || v->type().elemType().kind != ElemKind::F32)
      continue;
    std::optional<ElemType> common;
    bool same = true, moved = false;
    for (const Use &u : v->uses()) {
      std::optional<ElemType> type;
      const Value *y = u.user->numResults() == 1 ? u.user->result() : nullptr;
      if (u.user->is("xir.fix") && isStorable(y) && roundModeOf(*u.user) == RoundMode::HalfUp)
        type = y->type().elemType();
      else if (auto it = rounded.find(y); y && commutesWithRounding(*u.user) && it != rounded.end())
        type = it->second, moved = true;
      same = same && type && (!common || *common == *type);
      common = type;
    }
    if (!same)
      continue;
    rounded[v] = *common;
    if (moved)
      later[v] = v->type().withElem(*common);
  }
  return later;
}

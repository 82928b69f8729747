//===- Constants.cpp - what is the same in every run ----------------------------------------===//
#include "Constants.h"
#include "Evaluate.h"
#include "Rounding.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

/// The shape of a tensor whose elements need not be known.
static bool isKnownShape(const Op &op) {
  return op.is("onnx.Shape") && op.operand(0) && op.operand(0)->type().isStatic() && !op.hasAttr("start") &&
         !op.hasAttr("end");
}

bool Constants::mark(const Op &op) {
  if (!isKnownShape(op) && llvm::any_of(op.operands(), [&](const Value *v) { return v && !contains(v); }))
    return false;
  for (const Value *v : op.results())
    known[v] = true;
  return true;
}

Result<Tensor> Constants::real(const Value &v) {
  if (auto it = kept.find(&v); it != kept.end())
    return it->second;
  auto t = compute(v);
  if (t && !v.def()->isConst() && v.uses().size() > 1)
    kept[&v] = *t;
  return t;
}

Result<Tensor> Constants::raw(const Value &v) {
  const Tensor *value = v.def() && v.def()->isConst() ? v.def()->getTensor("value") : nullptr;
  if (value && value->elemType().kind == ElemKind::F32)
    return *value;
  return real(v);
}

Result<Tensor> Constants::compute(const Value &v) {
  const Op &op = *v.def();
  if (op.isConst()) {
    const Tensor *value = op.getTensor("value");
    if (!value)
      return diags.error(op.loc(), fmt::format("constant '{}' has no value", v.name()));
    return value->elemType().byteSize() ? runtimeForm(*value) : *value;
  }
  if (isKnownShape(op))
    return Tensor::fromInts({int64_t(op.operand(0)->type().rank())}, op.operand(0)->type().shape().vec());
  const KernelEntry *kernel = op.getBool("off_table") ? nullptr : findKernel(op.name());
  if (!kernel)
    return diags.error(op.loc(),
                       fmt::format("cannot execute {}: the executor does not know this operator", op.name().str()));
  std::vector<Tensor> operands(op.numOperands());
  std::vector<const Tensor *> pointers(op.numOperands(), nullptr);
  for (unsigned i = 0; i < op.numOperands(); ++i)
    if (op.operand(i)) {
      auto t = real(*op.operand(i));
      if (!t)
        return failure();
      operands[i] = std::move(*t), pointers[i] = &operands[i];
    }
  std::unique_ptr<KernelState> state;
  Call call{op, pointers, diags, state, ~uint64_t(0), options.vendorMeans};
  auto results = runKernel(call, *kernel, options.ignoreFixPoints);
  if (!results)
    return failure();
  return std::move((*results)[v.index()]);
}

Tensor exec::storedForm(const Tensor &real, ElemType fix) {
  Tensor source = real.expanded();
  std::vector<int8_t> integers(static_cast<size_t>(real.numElements()));
  floatToFix({data<float>(source), integers.size()}, fix, integers.data());
  return Tensor(Type(fix, real.shape()), Blob::adopt(std::move(integers)));
}

Result<Tensor> Constants::stored(const Value &v, ElemType fix) {
  const Op &op = *v.def();
  if (op.isConst())
    if (const Tensor *value = op.getTensor("value"); value && value->elemType() == fix)
      return value->expanded();
  // A rounded constant goes from the file's floats to integers at once.
  bool rounds = op.is("xir.fix") && op.operand(0) && roundModeOf(op) == RoundMode::HalfUp;
  auto t = real(rounds ? *op.operand(0) : v);
  if (!t)
    return failure();
  if (t->elemType().kind != ElemKind::F32)
    return diags.error(op.loc(), fmt::format("cannot execute: constant '{}' is not a real number", v.name()));
  return storedForm(*t, fix);
}

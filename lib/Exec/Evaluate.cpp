//===- Evaluate.cpp - one op ------------------------------------------------------------------===//
#include "Evaluate.h"
#include "ConvShape.h"
#include "Rounding.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

/// What the kernel relies on: required operands are there, real where it wants them.
static Status checkOperands(const Call &call, const KernelEntry &kernel) {
  for (unsigned i = 0; i < kernel.required; ++i)
    if (!call.operand(i))
      return call.error(fmt::format("operand {} is missing", i));
  for (unsigned i = 0; i < call.operands.size(); ++i) {
    const Tensor *t = call.operands[i];
    if (!t)
      continue;
    ElemType e = t->elemType();
    if (e.byteSize() == 0)
      return call.error(fmt::format("operand {} has type {}, which is not a number", i, t->type().str()));
    if (i < kernel.floats && e.kind != ElemKind::F32)
      return call.error(fmt::format("operand {} must be real numbers, is {}", i, t->type().str()));
  }
  return success();
}

Result<Tensors> exec::runKernel(const Call &call, const KernelEntry &kernel, bool ignoreFixPoints) {
  if (failed(checkOperands(call, kernel)))
    return failure();
  auto results = kernel.run(call);
  if (!results)
    return failure();
  if (results->size() != call.op.numResults())
    return call.error(
        fmt::format("has {} results, of which {} can be computed", call.op.numResults(), results->size()));
  for (unsigned i = 0; i < results->size() && !ignoreFixPoints; ++i)
    if (Tensor &t = (*results)[i]; call.op.result(i)->type().isFix() && t.elemType().kind == ElemKind::F32)
      roundToFix(t, call.op.result(i)->type().elemType(), roundModeOf(call.op));
  return results;
}

bool dpuopt::canExecute(const Op &op) {
  return op.isConst() || op.is("xir.data") || (findKernel(op.name()) && !op.getBool("off_table"));
}

/// Is the kernel of `op` listed in one of these tables?
static bool isIn(const Op &op, std::initializer_list<llvm::ArrayRef<KernelEntry>> families) {
  const KernelEntry *kernel = findKernel(op.name());
  return kernel &&
         llvm::any_of(families, [=](llvm::ArrayRef<KernelEntry> f) { return kernel >= f.begin() && kernel < f.end(); });
}

bool dpuopt::evaluatesToSplat(const Op &op, llvm::ArrayRef<const Tensor *> operands) {
  auto uniform = [](const Tensor *t) { return !t || t->isSplat() || t->numElements() == 1; };
  if (op.isOneOf("onnx.ConstantOfShape", "onnx.Shape", "onnx.Size"))
    return true;
  if (operands.empty() || !operands[0])
    return false;
  if (op.isOneOf("onnx.Expand", "onnx.Slice", "onnx.Tile", "onnx.Gather", "onnx.Cast") || isIn(op, {shapeKernels()}))
    return uniform(operands[0]);
  return isIn(op, {unaryKernels(), activationKernels(), binaryKernels(), compareKernels(), selectKernels()}) &&
         llvm::all_of(operands, uniform);
}

Result<std::vector<Tensor>> dpuopt::evaluate(const Op &op, llvm::ArrayRef<const Tensor *> operands, DiagEngine &diags) {
  if (op.isConst())
    if (const Tensor *value = op.getTensor("value"); value && value->elemType().byteSize())
      return one(runtimeForm(*value));
  std::vector<Tensor> converted(operands.size());
  std::vector<const Tensor *> pointers(operands.size(), nullptr);
  for (size_t i = 0; i < operands.size(); ++i)
    if (operands[i]) {
      converted[i] = operands[i]->elemType().byteSize() ? runtimeForm(*operands[i]) : *operands[i];
      pointers[i] = &converted[i];
    }
  setThreads(1);
  std::unique_ptr<KernelState> state;
  Call call{op, pointers, diags, state};
  const KernelEntry *kernel = op.getBool("off_table") ? nullptr : findKernel(op.name());
  if (!kernel)
    return call.error("the executor does not know this operator");
  return runKernel(call, *kernel, false);
}

//===- FixedGraph.h - one kernel, or a compiled graph op by op --------------------------===//
//
// Drives fixed kernels without the executor around them.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TEST_UNIT_EXEC_FIXEDGRAPH_H
#define DPUOPT_TEST_UNIT_EXEC_FIXEDGRAPH_H

#include "../../../lib/Exec/Evaluate.h"
#include "../../../lib/Exec/Fixed/FixKernel.h"
#include "TestData.h"

namespace dpuopt::test {

/// Stored int8 as a tensor.
inline Tensor stored(const Type &type, std::vector<int8_t> v) { return Tensor(type, Blob::adopt(std::move(v))); }

inline std::vector<int8_t> bytesOf(const Tensor &t) {
  Tensor dense = t.expanded();
  auto v = dense.as<int8_t>();
  return {v.begin(), v.end()};
}

/// f32 numbers of the grid of a fix type as stored numbers.
inline Tensor toStored(const Tensor &t, const Type &type) {
  Tensor dense = t.expanded();
  std::vector<int8_t> v;
  for (float x : dense.as<float>())
    v.push_back(int8_t(std::lround(std::ldexp(x, type.elemType().fixPoint))));
  return stored(type.withShape(t.shape()), std::move(v));
}

/// What makeFixKernel gives for `op` (and the activation behind it), run on stored operands; constants are those whose
/// graph value is a `const`. Nothing if it gives no kernel.
inline std::optional<Tensor> runFixed(const Op &op, const Op *activation, const Type &result, bool compiled,
                                      llvm::ArrayRef<const Tensor *> operands, const ExecOptions &options,
                                      DiagEngine &diags, unsigned threads = 1) {
  exec::FixRequest request{op, exec::fixKind(op), {}, result, activation, compiled, options, diags};
  std::vector<Tensor> constants(op.numOperands());
  for (unsigned i = 0; i < op.numOperands(); ++i) {
    exec::FixOperand o;
    if (op.operand(i))
      o.type = op.operand(i)->type();
    if (const Tensor *t = op.operand(i) ? constantOf(op.operand(i)) : nullptr; t && t->elemType().isFix())
      constants[i] = t->expanded(), o.constant = &constants[i];
    request.operands.push_back(o);
  }
  auto kernel = exec::makeFixKernel(request);
  if (!kernel || !*kernel)
    return std::nullopt;
  std::vector<Tensor> dense(operands.size());
  std::vector<const int8_t *> in(op.numOperands(), nullptr);
  for (unsigned i = 0; i < operands.size(); ++i)
    if (operands[i] && operands[i]->elemType().isFix() && (*kernel)->reads(i)) {
      dense[i] = operands[i]->expanded();
      in[i] = reinterpret_cast<const int8_t *>(dense[i].elements());
    }
  kernels::Team team(threads);
  std::vector<int8_t> out(size_t(result.numElements()), 99);
  std::vector<uint8_t> scratch((*kernel)->scratchBytes(threads) + 64);
  uint8_t *aligned = scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64;
  (*kernel)->run({in, out.data(), aligned, team});
  return stored(result, std::move(out));
}

/// Walks a compiled graph in order: fixed kernels for ops with stored operands, evaluate() for the others.
class FixedGraph {
public:
  FixedGraph(const Graph &g, const ExecOptions &options, DiagEngine &diags) : g(g), options(options), diags(diags) {}

  /// Calls `see` for every value of fix type; false after an error.
  bool run(llvm::ArrayRef<Tensor> inputs, const ExecWatcher &see) {
    std::vector<Value *> feeds = graphFeeds(g);
    for (size_t i = 0; i < feeds.size(); ++i)
      values[feeds[i]] = inputs[i];
    for (const Op &op : g.ops()) {
      if (!op.isOneOf("xir.data", "xir.data-fix") && !execute(op))
        return false;
      if (const Value *v = op.result(); v->type().isFix())
        see(*v, values[v]);
    }
    return true;
  }

private:
  bool execute(const Op &op) {
    const Value *y = op.result();
    std::vector<const Tensor *> operands;
    for (const Value *v : op.operands())
      operands.push_back(v ? &values[v] : nullptr);
    if (op.isConst()) {
      values[y] = *op.getTensor("value");
      return true;
    }
    bool compiled = op.name().endswith("-fix") || op.isOneOf("xir.upload", "xir.download");
    if (compiled) {
      auto result = runFixed(op, nullptr, y->type(), true, operands, options, diags);
      if (result)
        values[y] = *result;
      return result.has_value();
    }
    auto results = evaluateFloat(op, operands);
    if (!results)
      return false;
    values[y] = y->type().isFix() ? toStored((*results)[0], y->type()) : (*results)[0];
    return true;
  }

  Result<std::vector<Tensor>> evaluateFloat(const Op &op, llvm::ArrayRef<const Tensor *> operands) {
    const exec::KernelEntry *kernel = exec::findKernel(op.name());
    if (!kernel || !options.vendorMeans)
      return evaluate(op, operands, diags);
    std::vector<Tensor> real(operands.size());
    std::vector<const Tensor *> pointers(operands.size(), nullptr);
    for (size_t i = 0; i < operands.size(); ++i)
      if (operands[i])
        real[i] = exec::runtimeForm(*operands[i]), pointers[i] = &real[i];
    std::unique_ptr<exec::KernelState> state;
    return exec::runKernel({op, pointers, diags, state, 0, true}, *kernel, false);
  }

  const Graph &g;
  const ExecOptions &options;
  DiagEngine &diags;
  std::map<const Value *, Tensor> values;
};

} // namespace dpuopt::test
#endif

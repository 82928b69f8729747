//===- Execute.cpp - any graph as text: run on integers, and the same in float ------------===//
#include "Harness.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/Verifier.h"

using namespace dpuopt;

namespace {

/// Graphs that would take long to run teach nothing.
constexpr int64_t MaxElements = 1 << 14;

bool isSmall(const Graph &g) {
  int64_t total = 0;
  auto count = [&](const Value *v) {
    int64_t n = v->type().numElements();
    total = n < 0 || n > MaxElements ? MaxElements * 64 : total + n;
  };
  for (const Value *v : g.inputs())
    count(v);
  for (const Op &op : g.ops())
    for (const Value *v : op.results())
      count(v);
  return total < MaxElements * 8 && g.size() < 64;
}

/// The outputs, or nothing; `allIntegers` is cleared when a float kernel had a part in them.
std::vector<Tensor> execute(const Graph &g, ExecOptions options, bool &allIntegers) {
  DiagEngine diags;
  options.profile = [&](const StepTime &t) { allIntegers &= !t.kernel.contains("f32"); };
  auto executor = Executor::create(g, std::move(options), diags);
  fuzz::require(static_cast<bool>(executor) || diags.errors(), "a failure is explained");
  if (!executor)
    return {};
  std::vector<Tensor> inputs;
  for (const Value *v : graphFeeds(g)) {
    if (!v->type().isStatic() || v->type().elemType().byteSize() == 0)
      return {};
    inputs.push_back(randomTensor(v->type(), 1));
  }
  auto outputs = (*executor)->run(inputs);
  fuzz::require(static_cast<bool>(outputs) || diags.errors(), "a failure is explained");
  return outputs ? std::move(*outputs) : std::vector<Tensor>();
}

} // namespace

void fuzz::fuzzExecute(llvm::StringRef bytes) {
  DiagEngine diags;
  auto g = parseGraph(bytes, "fuzz.dpuir", {}, diags);
  if (!g || failed(verify(**g, diags)) || !isSmall(**g))
    return;
  bool integers = true, ignored = true;
  std::vector<Tensor> fast = execute(**g, {}, integers);
  if (!integers || fast.empty())
    return;
  ExecOptions options;
  options.observer = [](const Value &, Tensor &) {};
  std::vector<Tensor> slow = execute(**g, std::move(options), ignored);
  if (slow.empty())
    return; // compiled ops have no float kernel for odd types
  for (size_t i = 0; i < fast.size(); ++i)
    require(fast[i] == slow[i], "integers give the bits of float arithmetic and one rounding");
}

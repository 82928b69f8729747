//===- FloatTestData.h - running a float graph in every way there is ------------------------===//
//
// A run with an observer computes every value by itself, in its own layout, through the
// general kernels. Everything faster must agree with that.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TEST_UNIT_EXEC_FLOATTESTDATA_H
#define DPUOPT_TEST_UNIT_EXEC_FLOATTESTDATA_H

#include "TestData.h"
#include <fmt/format.h>

namespace dpuopt::test {

struct Ran {
  std::vector<Tensor> outputs;
  std::vector<std::string> steps; ///< what the profile named
};

inline Ran runGraph(const Graph &g, ExecOptions options, bool profiled) {
  DiagEngine diags(&llvm::errs());
  Ran ran;
  bool second = false;
  if (profiled)
    options.profile = [&](const StepTime &t) {
      if (second)
        ran.steps.push_back(t.kernel.str());
    };
  auto executor = Executor::create(g, options, diags);
  EXPECT_TRUE(bool(executor));
  if (!executor)
    return ran;
  std::vector<Tensor> inputs;
  for (const Value *v : graphFeeds(g))
    inputs.push_back(randomTensor(v->type(), 7));
  for (bool again : {false, true}) { // the second run must not depend on what the first has left
    second = again;
    auto out = (*executor)->run(inputs);
    EXPECT_TRUE(bool(out));
    if (out)
      ran.outputs = std::move(*out);
  }
  return ran;
}

inline void expectSame(const Ran &a, const Ran &reference, double tolerance, const char *how) {
  ASSERT_EQ(a.outputs.size(), reference.outputs.size()) << how;
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    EXPECT_EQ(a.outputs[i].shape(), reference.outputs[i].shape()) << how;
    EXPECT_LE(worstError(a.outputs[i], reference.outputs[i]), tolerance) << how << ", output " << i;
  }
}

/// Every way to run it agrees; returns the kernels of the fast one.
inline std::vector<std::string> expectAgreement(llvm::StringRef text, double tolerance = 1e-5) {
  auto g = parse(text);
  EXPECT_TRUE(g);
  if (!g)
    return {};
  auto observer = [](const Value &, Tensor &) {};
  ExecOptions one, two, observed, anyOrder, watched;
  observed.observer = anyOrder.observer = observer;
  anyOrder.observerTakesAnyOrder = true;
  two.threads = 2;
  watched.watcher = [](const Value &v, const Tensor &t) { EXPECT_EQ(t.shape(), v.type().shape()) << v.name(); };
  Ran reference = runGraph(*g, observed, false), fast = runGraph(*g, one, true);
  expectSame(fast, reference, tolerance, "fast");
  expectSame(runGraph(*g, two, false), reference, tolerance, "two threads");
  expectSame(runGraph(*g, anyOrder, false), reference, tolerance, "observed in any order");
  expectSame(runGraph(*g, watched, false), reference, tolerance, "watched");
  return fast.steps;
}

using Steps = std::vector<std::string>;

/// A convolution of odd sizes and a batch of two, and what follows it (%c is its result, %x its input).
inline std::string afterConv(const std::string &rest, const std::string &result = "%y") {
  return R"(
graph @net(%x: f32<2x13x9x11>) {
  %w = const rand(3) : f32<13x13x3x3>
  %b = const rand(4) : f32<13>
  %c = onnx.Conv(%x, %w, %b) {pads = [1, 1, 1, 1]} : f32<2x13x9x11>
)" + rest +
         "  return " + result + "\n}";
}

/// The conversion of an input belongs to no op and is not in a profile.
inline const Steps JustConv{"onnx.Conv f32", "from channels last"};

} // namespace dpuopt::test
#endif

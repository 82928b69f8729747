//===- WatchLayoutTest.cpp - what is watched is what is returned -----------------------===//
//
// Values may be kept with channels last; whoever watches sees them as their type says.
// Shapes of equal dimensions do not show the difference.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/IR/Text.h"
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {

void expectWatchedIsReturned(const std::string &resultType) {
  DiagEngine diags(&llvm::errs());
  std::string text = "graph @g(%x: f32<1x4x4x4>) attributes {opset = 17} {\n"
                     "  %w = const splat(0.125) : f32<4x4x3x3>\n"
                     "  %c = onnx.Conv(%x, %w, _) {pads = [1, 1, 1, 1]} : " +
                     resultType + "<1x4x4x4>\n  %s = onnx.Sigmoid(%c) : f32<1x4x4x4>\n  return %c, %s\n}\n";
  auto g = parseGraph(text, "test", {}, diags);
  ASSERT_TRUE(bool(g));
  std::optional<Tensor> seen;
  ExecOptions options;
  options.watcher = [&](const Value &v, const Tensor &t) {
    if (v.name() == "c")
      seen = Tensor(t.type(), Blob::copy(t.expanded().storage().bytes()));
  };
  auto executor = Executor::create(**g, options, diags);
  ASSERT_TRUE(bool(executor));
  std::vector<float> values(64);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i % 7) / 8;
  auto out = (*executor)->run({Tensor::fromFloats({1, 4, 4, 4}, values)});
  ASSERT_TRUE(bool(out));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->toFloat(), (*out)[0]);
}

TEST(WatchLayout, RealNumbers) { expectWatchedIsReturned("f32"); }
TEST(WatchLayout, RoundedNumbers) { expectWatchedIsReturned("q8.4"); }

} // namespace

//===- WatchTest.cpp - what ExecOptions lets a user see -------------------------------===//
#include "TestData.h"
#include <map>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const char *Quantized = R"(
graph @net() {
  %x = xir.data() {data_type = "FLOAT32", shape = [1, 2, 2, 1]} : f32<1x2x2x1>
  %xf = xir.fix(%x) {round_mode = "DPU_ROUND"} : q8.2<1x2x2x1>
  %r = xir.relu(%xf) : f32<1x2x2x1>
  %y = xir.fix(%r) {round_mode = "DPU_ROUND"} : q8.1<1x2x2x1>
  %z = xir.reshape(%y) {shape = [1, 4]} : f32<1x4>
  return %z
})";

struct Executed {
  DiagEngine diags{&llvm::errs()};
  std::unique_ptr<Graph> graph;
  std::vector<Tensor> outputs;
};

void execute(Executed &run, ExecOptions options) {
  run.graph = parse(Quantized);
  ASSERT_TRUE(run.graph);
  auto executor = Executor::create(*run.graph, std::move(options), run.diags);
  ASSERT_TRUE(bool(executor));
  auto out = (*executor)->run({Tensor::fromFloats({1, 2, 2, 1}, {-1.5f, 0.25f, 0.75f, 40.0f})});
  ASSERT_TRUE(bool(out));
  run.outputs = std::move(*out);
}

TEST(Watcher, SeesStoredIntegersOfFixValues) {
  std::map<std::string, std::vector<int64_t>> seen;
  ExecOptions options;
  options.watcher = [&](const Value &v, const Tensor &t) {
    if (t.elemType().isFix())
      seen[v.name()] = t.toInts();
  };
  Executed run;
  execute(run, options);
  EXPECT_EQ(seen["xf"], (std::vector<int64_t>{-6, 1, 3, 127}));
  EXPECT_EQ(seen["y"], (std::vector<int64_t>{0, 1, 2, 64}));
}

TEST(Watcher, DoesNotChangeTheResult) {
  Executed plain, watched;
  execute(plain, {});
  ExecOptions options;
  options.watcher = [](const Value &, const Tensor &) {};
  execute(watched, options);
  EXPECT_EQ(plain.outputs[0], watched.outputs[0]);
  EXPECT_EQ(plain.outputs[0].toFloat().as<float>()[3], 32.0f);
}

TEST(Observer, SeesEveryValueAsFloat) {
  std::vector<std::string> seen;
  ExecOptions options;
  options.observer = [&](const Value &v, Tensor &t) {
    EXPECT_EQ(t.elemType().kind, ElemKind::F32);
    seen.push_back(v.name());
  };
  Executed run;
  execute(run, options);
  EXPECT_EQ(seen, (std::vector<std::string>{"xf", "r", "y", "z"}));
}

TEST(Profile, NamesEveryStep) {
  std::vector<std::string> kernels;
  ExecOptions options;
  options.profile = [&](const StepTime &t) {
    EXPECT_GE(t.seconds, 0);
    kernels.push_back(t.kernel.str());
  };
  Executed run;
  execute(run, options);
  EXPECT_FALSE(kernels.empty());
}

TEST(Executor, NamesEveryOpItCannotRunBeforeAnythingStarts) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  DiagEngine diags(&stream);
  auto g = parse(R"(
graph @net(%x: f32<1x4>) {
  %a = onnx.NoSuchOp(%x) : f32<1x4>
  %b = onnx.NorThisOne(%a) : f32<1x4>
  return %b
})");
  ASSERT_TRUE(g);
  EXPECT_FALSE(bool(Executor::create(*g, {}, diags)));
  EXPECT_NE(stream.str().find("onnx.NoSuchOp"), std::string::npos);
  EXPECT_NE(stream.str().find("onnx.NorThisOne"), std::string::npos);
}

} // namespace

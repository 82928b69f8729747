//===- OnnxRuntimeTest.cpp - what we write as Q/DQ, in ONNX Runtime ----------------===//
//
// Needs node and onnxruntime-node (on NODE_PATH); skipped without. Outputs are compared
// in steps of their fix point, with our executor on the same ONNX graph (halves to even:
// nothing but the order of sums is between the two) and on the xir graph (halves up, as
// the DPU rounds: docs/qdq.md says how far that is apart).
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Support/Process.h"
#include "QdqHelpers.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/Program.h"
#include <cmath>
#include <cstring>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::qdqtest;

namespace {

bool haveOnnxRuntime() {
  static const bool found = [] {
    auto node = llvm::sys::findProgramByName("node");
    return node && runProcess(*node, {"-e", "require('onnxruntime-node')"}).exitCode == 0;
  }();
  return found;
}

Status writeFloats(const std::string &path, const Tensor &t, DiagEngine &diags) {
  Tensor dense = t.toFloat().expanded();
  return writeFileAtomically(path, diags, [&](llvm::raw_pwrite_stream &os) {
    os << llvm::StringRef(reinterpret_cast<const char *>(dense.elements()), dense.storage().size());
    return success();
  });
}

/// The only output of `model` for `input`, as the shape says.
std::optional<Tensor> runOnnxRuntime(const std::string &model, const Tensor &input, const Type &result) {
  DiagEngine diags(&llvm::errs());
  const std::string feed = temporary("in.f32"), prefix = temporary("out");
  if (failed(writeFloats(feed, input, diags)))
    return std::nullopt;
  auto node = llvm::sys::findProgramByName("node");
  ProcessResult run =
      runProcess(*node, {DPUOPT_SOURCE_DIR "/test/ort/run.js", model, prefix, feed + "@" + shapeStr(input.shape())});
  EXPECT_EQ(run.exitCode, 0) << run.err;
  auto bytes = run.exitCode == 0 ? readFile(prefix + "0.f32", diags) : failure();
  llvm::sys::fs::remove(feed);
  llvm::sys::fs::remove(prefix + "0.f32");
  if (!bytes)
    return std::nullopt;
  std::vector<float> values(bytes->size() / sizeof(float));
  std::memcpy(values.data(), bytes->data(), values.size() * sizeof(float));
  return Tensor::fromFloats(result.shape(), std::move(values));
}

std::optional<Tensor> execute(const Graph &g, const Tensor &input) {
  DiagEngine diags(&llvm::errs());
  auto executor = Executor::create(g, {}, diags);
  auto out = executor ? (*executor)->run({input}) : failure();
  return out ? std::optional(out->front()) : std::nullopt;
}

struct Steps {
  double largest = 0, share = 0; ///< in steps of the fix point; elements that differ
};

Steps apart(const Tensor &a, const Tensor &b, int fixPoint) {
  Steps s;
  for (int64_t i = 0; i < a.numElements(); ++i) {
    const double d = std::ldexp(std::fabs(a.at(i) - b.at(i)), fixPoint);
    s.largest = std::max(s.largest, d), s.share += d != 0;
  }
  s.share /= double(a.numElements());
  return s;
}

/// `xir`: a quantized graph with one input and one output.
void compare(std::unique_ptr<Graph> xir, double mostSteps) {
  auto qdq = xir->clone();
  ASSERT_TRUE(runPasses(qdq, "raise-to-onnx"));
  const Type out = qdq->outputs()[0]->type();
  const auto fix = effectiveFix(qdq->outputs()[0]);
  ASSERT_TRUE(fix);
  ASSERT_TRUE(runPasses(qdq, "insert-qdq<required>"));
  const std::string model = temporary("ort.onnx");
  DiagEngine diags(&llvm::errs());
  ASSERT_TRUE(succeeded(saveGraph(*qdq, model, diags)));
  const Tensor input = randomTensor(qdq->inputs()[0]->type(), 7);
  auto theirs = runOnnxRuntime(model, input, out);
  llvm::sys::fs::remove(model);
  auto even = execute(*qdq, input), up = execute(*xir, input.transposed({0, 2, 3, 1}));
  ASSERT_TRUE(theirs && even && up);
  if (up->shape() != theirs->shape()) // NHWC
    *up = up->transposed({0, 3, 1, 2});
  const int p = fix->fixPoint;
  Steps same = apart(*theirs, *even, p), rounding = apart(*theirs, *up, p);
  fmt::print(
      "  ONNX Runtime and our ONNX: {:.3f} % differ, at most {} steps; and the DPU's rounding: {:.3f} %, {} steps\n",
      100 * same.share, same.largest, 100 * rounding.share, rounding.largest);
  EXPECT_LE(same.largest, 1);
  EXPECT_LE(same.share, 0.001);
  EXPECT_LE(rounding.largest, mostSteps);
}

class OnnxRuntime : public testing::Test {
protected:
  void SetUp() override {
    if (!haveOnnxRuntime())
      GTEST_SKIP() << "no onnxruntime-node (docs/testing.md)";
  }
};

TEST_F(OnnxRuntime, OurExample) {
  auto graph = quantizedExample();
  ASSERT_TRUE(graph && runPasses(graph, "lower-to-xir"));
  compare(std::move(graph), 2);
}

class OnnxRuntimeVendor : public OnnxRuntime, public testing::WithParamInterface<std::pair<const char *, double>> {};

TEST_P(OnnxRuntimeVendor, Xmodel) {
  if (!haveVendorFiles())
    GTEST_SKIP() << "no vendor files";
  auto graph = load(vendorFile(GetParam().first));
  ASSERT_TRUE(graph);
  compare(std::move(graph), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(Files, OnnxRuntimeVendor,
                         testing::Values(std::pair("mnist_cnn/CNN_int.xmodel", 4.0),
                                         std::pair("lenet/LeNet_int.xmodel", 4.0),
                                         std::pair("zerodce/ZeroDCEQ_int.xmodel", 4.0),
                                         std::pair("effnet_block/ResidualBlock_int.xmodel", 4.0)));

/// Read and written again, a quantizer's file computes the same bits.
class OnnxRuntimeQdq : public OnnxRuntime, public testing::WithParamInterface<const char *> {};

TEST_P(OnnxRuntimeQdq, ReadAndWrittenAgain) {
  if (!haveVendorFiles())
    GTEST_SKIP() << "no vendor files";
  auto graph = load(vendorFile(GetParam()));
  ASSERT_TRUE(graph && runPasses(graph, "import-qdq,insert-qdq<required>"));
  const std::string again = temporary("again.onnx");
  DiagEngine diags(&llvm::errs());
  ASSERT_TRUE(succeeded(saveGraph(*graph, again, diags)));
  const Tensor input = randomTensor(graph->inputs()[0]->type(), 3);
  const Type out = graph->outputs()[0]->type();
  auto before = runOnnxRuntime(vendorFile(GetParam()), input, out), after = runOnnxRuntime(again, input, out);
  llvm::sys::fs::remove(again);
  ASSERT_TRUE(before && after);
  EXPECT_TRUE(*before == *after);
}

INSTANTIATE_TEST_SUITE_P(Files, OnnxRuntimeQdq, testing::Values("lenet/LeNet_int.onnx", "zerodce/ZeroDCEQ_int.onnx"));

} // namespace

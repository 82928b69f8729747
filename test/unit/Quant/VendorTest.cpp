//===- VendorTest.cpp - our search against positions the vendor's quantizer found --------===//
//
// mnist_cnn: the float model and the quant_info.json that vai_q_pytorch 3.5 made of it.
// The quantizer equalized neighbouring layers first; the test does the same.
//
//===----------------------------------------------------------------------===//
#include "Helpers.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "llvm/Support/FileSystem.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const std::string Folder = DPUOPT_SHARED_DATA "/vendor/mnist_cnn/";

/// What the quantizer divides biases by before it compares them with weights; it depends on
/// their statistics, and is 2 for all pairs of this model.
constexpr float Shrink = 2;

float largest(llvm::ArrayRef<float> x) {
  float m = 0;
  for (float v : x)
    m = std::max(m, std::abs(v));
  return m;
}

/// One pass of cross-layer equalization between conv `a` and the conv `b` that reads it.
void equalize(Op &a, Op &b) {
  Tensor wa = *constantOf(a.operand(1)), ba = *constantOf(a.operand(2)), wb = *constantOf(b.operand(1));
  auto x = wa.mut<float>(), bias = ba.mut<float>(), y = wb.mut<float>();
  const size_t channels = bias.size(), rowA = x.size() / channels, kernel = y.size() / wb.shape()[0] / channels;
  for (size_t c = 0; c < channels; ++c) {
    float rangeA = std::max(largest(x.slice(c * rowA, rowA)), std::abs(bias[c]) / Shrink), rangeB = 0;
    for (int64_t o = 0; o < wb.shape()[0]; ++o)
      rangeB = std::max(rangeB, largest(y.slice((o * channels + c) * kernel, kernel)));
    float root = std::sqrt(rangeA * rangeB), s = root == 0 || rangeA + rangeB < 0.5f ? 1 : rangeA / root;
    for (float &v : x.slice(c * rowA, rowA))
      v /= s;
    bias[c] /= s;
    for (int64_t o = 0; o < wb.shape()[0]; ++o)
      for (float &v : y.slice((o * channels + c) * kernel, kernel))
        v *= s;
  }
  a.operand(1)->def()->setAttr("value", Attr::tensor(wa));
  a.operand(2)->def()->setAttr("value", Attr::tensor(ba));
  b.operand(1)->def()->setAttr("value", Attr::tensor(wb));
}

} // namespace

TEST(Vendor, PositionsOfMnistCnn) {
  if (!llvm::sys::fs::exists(Folder))
    GTEST_SKIP() << "no shared data at " << Folder;
  DiagEngine diags(&llvm::errs());
  auto g = importOnnx(Folder + "CNN_float.onnx", {}, diags);
  auto steps = parsePipeline("infer-shapes,fold-batchnorm,eliminate-dead-code", allPasses(), diags);
  ASSERT_TRUE(g && steps && succeeded(runPipeline(*g, *steps, {}, diags)));
  std::vector<Op *> convs;
  for (Op &op : (*g)->ops())
    if (op.is("onnx.Conv"))
      convs.push_back(&op);
  ASSERT_EQ(convs.size(), 4u);
  for (size_t i = 0; i + 1 < convs.size(); ++i)
    equalize(*convs[i], *convs[i + 1]);

  auto info = readQuantInfo(Folder + "quant_info.json", diags);
  ASSERT_TRUE(bool(info));
  QuantGroups groups = quantGroups(**g);
  EXPECT_EQ(groups.params.size(), info->params.size());
  EXPECT_EQ(groups.activations.size(), info->outputs.size());
  for (const Value *param : groups.params) {
    const QuantEntry *entry = info->params.find("CNN::" + param->name());
    ASSERT_NE(entry, nullptr) << param->name();
    int found = diffsFixPoint(*constantOf(param), 8, SearchRange, Rounding::HalfAway);
    EXPECT_EQ(found, entry->front()->fixPoint) << param->name();
  }
}

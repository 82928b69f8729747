//===- GoldenTest.cpp - the vendor's models, bit for bit -----------------------------===//
//
// What the vendor's reference kernels computed for quantized xmodels, tensor by
// tensor (SHA-256 of the int8 bytes), against the executor on the same input: quantized models in
// float, compiled ones by the fixed kernels.
//
//===----------------------------------------------------------------------===//
#include "FixedGraph.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SHA256.h"
#include <map>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const std::string Data = DPUOPT_SHARED_DATA;

/// Int8 hashes by tensor name, from a golden table.
std::map<std::string, std::string> readTable(const std::string &path) {
  DiagEngine silent;
  auto text = readFile(path, silent);
  std::map<std::string, std::string> hashes;
  llvm::SmallVector<llvm::StringRef, 0> lines;
  if (text)
    llvm::StringRef(*text).split(lines, '\n', -1, false);
  for (llvm::StringRef line : lines) {
    llvm::SmallVector<llvm::StringRef, 10> columns;
    line.split(columns, '\t');
    if (columns.size() > 7 && columns[7].size() == 64)
      hashes[columns[3].str()] = columns[7].str();
  }
  return hashes;
}

/// SHA-256 of an f32 tensor as the int8 numbers of a fix type.
std::string hashOf(const Tensor &t, ElemType fix) {
  Tensor dense = t.expanded();
  std::vector<uint8_t> bytes;
  for (float v : dense.as<float>())
    bytes.push_back(static_cast<uint8_t>(static_cast<int8_t>(std::lround(std::ldexp(v, fix.fixPoint)))));
  return llvm::toHex(llvm::SHA256::hash(bytes), true);
}

/// The int8 input as real numbers at the fix point of its (only) `xir.fix` reader.
Tensor inputOf(const Value &feed, const std::string &path) {
  DiagEngine diags(&llvm::errs());
  auto bytes = readFile(path, diags);
  int fixPoint = 0;
  for (const Use &u : feed.uses())
    if (u.user->is("xir.fix"))
      fixPoint = u.user->result()->type().elemType().fixPoint;
  std::vector<float> values;
  for (char c : bytes ? *bytes : std::string())
    values.push_back(std::ldexp(float(static_cast<int8_t>(c)), -fixPoint));
  return Tensor::fromFloats(feed.type().shape(), std::move(values));
}

struct Score {
  unsigned same = 0, different = 0;
  std::string first; ///< first tensor that differs
};

Score scoreOf(const std::string &model, const std::string &golden, bool vendorMeans) {
  Score score;
  DiagEngine diags(&llvm::errs());
  auto g = importXmodel(Data + "/vendor/" + model, diags);
  if (!g) {
    ADD_FAILURE() << model;
    return score;
  }
  std::map<std::string, std::string> hashes = readTable(Data + "/golden/" + golden + ".tsv");
  ExecOptions options;
  options.vendorMeans = vendorMeans;
  options.observer = [&](const Value &v, Tensor &t) {
    auto it = hashes.find(v.name());
    if (!v.type().isFix() || it == hashes.end())
      return;
    bool same = hashOf(t, v.type().elemType()) == it->second;
    ++(same ? score.same : score.different);
    if (!same && score.first.empty())
      score.first = v.name();
    hashes.erase(it);
  };
  auto executor = Executor::create(**g, options, diags);
  std::vector<Value *> feeds = graphFeeds(**g);
  EXPECT_EQ(feeds.size(), 1u);
  auto out = executor ? (*executor)->run({inputOf(*feeds[0], Data + "/golden/" + golden + ".input0.i8")})
                      : Result<std::vector<Tensor>>(failure());
  EXPECT_TRUE(bool(out)) << model;
  EXPECT_TRUE(hashes.empty()) << hashes.size() << " tensors were not computed, such as " << hashes.begin()->first;
  std::cout << golden << ": " << score.same << " of " << score.same + score.different << " int8 tensors identical\n";
  return score;
}

void expectIdentical(const std::string &model, const std::string &golden, unsigned tensors, bool vendorMeans = false) {
  if (!llvm::sys::fs::exists(Data + "/golden/" + golden + ".tsv"))
    GTEST_SKIP() << "the golden tables are not here";
  Score score = scoreOf(model, golden, vendorMeans);
  EXPECT_EQ(score.same, tensors);
  EXPECT_EQ(score.different, 0u) << score.first;
}

TEST(Golden, CifarNet) { expectIdentical("cifar_net/Net_int.xmodel", "cifar_net_int", 18); }
TEST(Golden, MnistCnn) { expectIdentical("mnist_cnn/CNN_int.xmodel", "mnist_cnn_int", 13); }
TEST(Golden, LeNet) { expectIdentical("lenet/LeNet_int.xmodel", "lenet_int", 18); }
TEST(Golden, EffnetBlock) { expectIdentical("effnet_block/ResidualBlock_int.xmodel", "effnet_int", 34, true); }
TEST(Golden, ZeroDce) { expectIdentical("zerodce/ZeroDCEQ_int.xmodel", "zerodce_int", 56); }

//===- Compiled -------------------------------------------------------------------------===//

/// Every int8 tensor of a compiled model, constants included.
void expectCompiled(const std::string &model, const std::string &golden, unsigned tensors, bool vendorMeans = false) {
  if (!llvm::sys::fs::exists(Data + "/golden/" + golden + ".tsv"))
    GTEST_SKIP() << "the golden tables are not here";
  DiagEngine diags(&llvm::errs());
  auto g = importXmodel(Data + "/vendor/" + model, diags);
  ASSERT_TRUE(bool(g));
  std::map<std::string, std::string> hashes = readTable(Data + "/golden/" + golden + ".tsv");
  std::vector<Value *> feeds = graphFeeds(**g);
  ASSERT_EQ(feeds.size(), 1u);
  auto bytes = readFile(Data + "/golden/" + golden + ".input0.i8", diags);
  ASSERT_TRUE(bytes && int64_t(bytes->size()) == feeds[0]->type().numElements());
  Score score;
  auto see = [&](const Value &v, const Tensor &t) {
    auto it = hashes.find(v.name());
    if (it == hashes.end())
      return;
    Tensor dense = t.expanded();
    bool same = llvm::toHex(llvm::SHA256::hash(dense.storage().bytes()), true) == it->second;
    ++(same ? score.same : score.different);
    if (!same && score.first.empty())
      score.first = v.def()->name().str() + " " + v.name();
    hashes.erase(it);
  };
  ExecOptions options;
  options.vendorMeans = vendorMeans;
  Tensor input(feeds[0]->type(), Blob::copy(llvm::StringRef(*bytes)));
  EXPECT_TRUE(FixedGraph(**g, options, diags).run({input}, see));
  EXPECT_TRUE(hashes.empty()) << hashes.size() << " tensors were not computed, such as " << hashes.begin()->first;
  std::cout << golden << ": " << score.same << " of " << score.same + score.different << " int8 tensors identical\n";
  EXPECT_EQ(score.same, tensors);
  EXPECT_EQ(score.different, 0u) << score.first;
}

TEST(GoldenCompiled, CgNet) { expectCompiled("cgnet/CGNet_subgraph_testing.xmodel", "cgnet_compiled", 46); }
TEST(GoldenCompiled, CifarNet) { expectCompiled("cifar_net/CNN_kv260.xmodel", "cifar_net_compiled", 22); }
TEST(GoldenCompiled, DenseBox) { expectCompiled("smartvision/densebox_640_360.xmodel", "densebox_compiled", 45); }
TEST(GoldenCompiled, DpuPynqMnist) {
  expectCompiled("dpu_pynq_mnist/dpu_mnist_classifier.xmodel", "dpu_pynq_mnist", 14);
}
TEST(GoldenCompiled, EffnetBlock) {
  expectCompiled("effnet_block/ResidualBlock-in_136x14x14-out_136-k_3-s_1-act_h_swish-use_se_True.pth.xmodel",
                 "effnet_compiled", 50, true);
}
TEST(GoldenCompiled, Gan) { expectCompiled("gan/ganmodel.xmodel", "gan", 23); }
TEST(GoldenCompiled, MnistCnn) { expectCompiled("mnist_cnn/CNN_kv260.xmodel", "mnist_cnn_compiled", 16); }
TEST(GoldenCompiled, MobileNetV2) {
  expectCompiled("mobilenetv2/mobilenetv2_kv260.xmodel", "mobilenetv2_compiled", 174);
}
TEST(GoldenCompiled, PlateDetect) { expectCompiled("smartvision/plate_detect.xmodel", "plate_detect", 43); }
TEST(GoldenCompiled, RefineDet) { expectCompiled("smartcam/refinedet_pruned_0_96.xmodel", "refinedet_compiled", 189); }
TEST(GoldenCompiled, SsdAdas) { expectCompiled("smartcam/ssd_adas_pruned_0_95.xmodel", "ssd_adas_compiled", 142); }
TEST(GoldenCompiled, Yolov5n) { expectCompiled("yolov5n_12c/yolov5n_cd_pt.xmodel", "yolov5n_12c_compiled", 210); }
TEST(GoldenCompiled, ZeroDce) { expectCompiled("zerodce/zdce.xmodel", "zerodce_compiled", 64); }

} // namespace

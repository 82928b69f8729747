//===- GoldenTest.cpp - the vendor's models, bit for bit -----------------------------===//
//
// What the vendor's reference kernels computed for quantized xmodels, tensor by
// tensor (SHA-256 of the int8 bytes), against the executor on the same input: quantized models
// in float and on integers, compiled ones on integers.
//
//===----------------------------------------------------------------------===//
#include "TestData.h"
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

/// SHA-256 of a tensor, kept as real numbers or stored, as the int8 numbers of a fix type.
std::string hashOf(const Tensor &t, ElemType fix) {
  Tensor dense = t.expanded();
  if (dense.elemType().isFix())
    return llvm::toHex(llvm::SHA256::hash(dense.storage().bytes()), true);
  std::vector<uint8_t> bytes;
  for (float v : dense.as<float>())
    bytes.push_back(static_cast<uint8_t>(static_cast<int8_t>(std::lround(std::ldexp(v, fix.fixPoint)))));
  return llvm::toHex(llvm::SHA256::hash(bytes), true);
}

/// The int8 input as stored numbers at the fix point of the feed or of its (only) `xir.fix` reader.
Tensor inputOf(const Value &feed, const std::string &path) {
  DiagEngine diags(&llvm::errs());
  auto bytes = readFile(path, diags);
  ElemType e = feed.type().elemType();
  for (const Use &u : feed.uses())
    if (u.user->is("xir.fix"))
      e = u.user->result()->type().elemType();
  EXPECT_TRUE(e.isFix() && bytes && int64_t(bytes->size()) == feed.type().numElements());
  return Tensor(feed.type().withElem(e), Blob::copy(llvm::StringRef(bytes ? *bytes : std::string())));
}

struct Score {
  unsigned same = 0, different = 0;
  std::string first; ///< first tensor that differs
};

enum class Path { Float, Integer };

Score scoreOf(const std::string &model, const std::string &golden, Path path, bool vendorMeans) {
  Score score;
  DiagEngine diags(&llvm::errs());
  auto g = importXmodel(Data + "/vendor/" + model, diags);
  if (!g) {
    ADD_FAILURE() << model;
    return score;
  }
  std::map<std::string, std::string> hashes = readTable(Data + "/golden/" + golden + ".tsv");
  auto see = [&](const Value &v, const Tensor &t) {
    auto it = hashes.find(v.name());
    if (!v.type().isFix() || it == hashes.end())
      return;
    bool same = hashOf(t, v.type().elemType()) == it->second;
    ++(same ? score.same : score.different);
    if (!same && score.first.empty())
      score.first = v.def()->name().str() + " " + v.name();
    hashes.erase(it);
  };
  ExecOptions options;
  options.vendorMeans = vendorMeans;
  if (path == Path::Float)
    options.observer = see;
  else
    options.watcher = see;
  auto executor = Executor::create(**g, options, diags);
  std::vector<Value *> feeds = graphFeeds(**g);
  EXPECT_EQ(feeds.size(), 1u);
  Tensor input = inputOf(*feeds[0], Data + "/golden/" + golden + ".input0.i8");
  auto out = executor ? (*executor)->run({input}) : Result<std::vector<Tensor>>(failure());
  EXPECT_TRUE(bool(out)) << model;
  // What nobody computes: the input, and constants with the `fix` behind them.
  see(*feeds[0], input);
  for (const Op &op : (*g)->ops())
    if (const Tensor *t = op.isConst() ? op.getTensor("value") : nullptr) {
      see(*op.result(), *t);
      for (const Use &u : op.result()->uses())
        if (auto fixed = u.user->is("xir.fix") ? evaluate(*u.user, {t}, diags) : failure())
          see(*u.user->result(), (*fixed)[0]);
    }
  EXPECT_TRUE(hashes.empty()) << hashes.size() << " tensors were not computed, such as " << hashes.begin()->first;
  std::cout << golden << (path == Path::Float ? ", in float: " : ", on integers: ") << score.same << " of "
            << score.same + score.different << " int8 tensors identical\n";
  return score;
}

struct Case {
  const char *name, *model, *golden;
  unsigned tensors;
  bool vendorMeans = false;
  friend void PrintTo(const Case &c, std::ostream *os) { *os << c.name; }
};

class Golden : public testing::TestWithParam<Case> {
protected:
  void expectIdentical(Path path) {
    const Case &c = GetParam();
    if (!llvm::sys::fs::exists(Data + "/golden/" + c.golden + ".tsv"))
      GTEST_SKIP() << "the golden tables are not here";
    Score score = scoreOf(c.model, c.golden, path, c.vendorMeans);
    EXPECT_EQ(score.same, c.tensors);
    EXPECT_EQ(score.different, 0u) << score.first;
  }
};
class QuantizedGolden : public Golden {};
class CompiledGolden : public Golden {};

TEST_P(QuantizedGolden, InFloat) { expectIdentical(Path::Float); }
TEST_P(QuantizedGolden, OnIntegers) { expectIdentical(Path::Integer); }
TEST_P(CompiledGolden, OnIntegers) { expectIdentical(Path::Integer); }

std::string nameOf(const testing::TestParamInfo<Case> &c) { return c.param.name; }

INSTANTIATE_TEST_SUITE_P(Models, QuantizedGolden,
                         testing::Values(Case{"CifarNet", "cifar_net/Net_int.xmodel", "cifar_net_int", 18},
                                         Case{"EffnetBlock", "effnet_block/ResidualBlock_int.xmodel", "effnet_int", 34,
                                              true},
                                         Case{"LeNet", "lenet/LeNet_int.xmodel", "lenet_int", 18},
                                         Case{"MnistCnn", "mnist_cnn/CNN_int.xmodel", "mnist_cnn_int", 13},
                                         Case{"ZeroDce", "zerodce/ZeroDCEQ_int.xmodel", "zerodce_int", 56}),
                         nameOf);

INSTANTIATE_TEST_SUITE_P(
    Models, CompiledGolden,
    testing::Values(Case{"CgNet", "cgnet/CGNet_subgraph_testing.xmodel", "cgnet_compiled", 46},
                    Case{"CifarNet", "cifar_net/CNN_kv260.xmodel", "cifar_net_compiled", 22},
                    Case{"DenseBox", "smartvision/densebox_640_360.xmodel", "densebox_compiled", 45},
                    Case{"DpuPynqMnist", "dpu_pynq_mnist/dpu_mnist_classifier.xmodel", "dpu_pynq_mnist", 14},
                    Case{"EffnetBlock",
                         "effnet_block/ResidualBlock-in_136x14x14-out_136-k_3-s_1-act_h_swish-use_se_True.pth.xmodel",
                         "effnet_compiled", 50, true},
                    Case{"Gan", "gan/ganmodel.xmodel", "gan", 23},
                    Case{"MnistCnn", "mnist_cnn/CNN_kv260.xmodel", "mnist_cnn_compiled", 16},
                    Case{"MobileNetV2", "mobilenetv2/mobilenetv2_kv260.xmodel", "mobilenetv2_compiled", 174},
                    Case{"PlateDetect", "smartvision/plate_detect.xmodel", "plate_detect", 43},
                    Case{"RefineDet", "smartcam/refinedet_pruned_0_96.xmodel", "refinedet_compiled", 189},
                    Case{"SsdAdas", "smartcam/ssd_adas_pruned_0_95.xmodel", "ssd_adas_compiled", 142},
                    Case{"Yolov5n", "yolov5n_12c/yolov5n_cd_pt.xmodel", "yolov5n_12c_compiled", 210},
                    Case{"ZeroDce", "zerodce/zdce.xmodel", "zerodce_compiled", 64}),
    nameOf);

} // namespace

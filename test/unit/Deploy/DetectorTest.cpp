//===- DetectorTest.cpp - generated decoders against the heads they stand for -----===//
//
// The head is executed in float on what integers mean; the generated C++ and Python get the
// integers. Boxes must agree within half a pixel, scores within 1e-3.
//
//===----------------------------------------------------------------------===//
#include "Generated.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/DetectHead.h"
#include "dpuopt/Passes/Registry.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

constexpr double MostPixels = 0.5, MostScore = 1e-3;

struct Rows {
  std::vector<float> boxes, scores; ///< 4 and `classes` per row
};

class Detector : public testing::TestWithParam<const char *> {
protected:
  /// Reads the model, cuts its head, and makes the contract of what is left; false: it is not there.
  bool open() {
    const std::string leaf = GetParam();
    const bool small = llvm::StringRef(leaf).endswith(".dpuir");
    const std::string path = small ? std::string(DPUOPT_SOURCE_DIR) + "/test/lit/passes/" + leaf
                                   : std::string(DPUOPT_SHARED_DATA) + "/models/detector/" + leaf;
    if (!llvm::sys::fs::exists(path))
      return false;
    auto g = small ? loadText(path, diags) : importOnnx(path, {}, diags);
    auto pipeline = parsePipeline("clean-up", allPasses(), diags);
    EXPECT_TRUE(g && pipeline && succeeded(runPipeline(*g, *pipeline, {}, diags)));
    std::vector<std::string> cut;
    for (Value *v : findHeadCut(**g))
      cut.push_back(v->name());
    head = describeHead(**g, cut);
    EXPECT_TRUE(head.known()) << head.why;
    behind = headGraph(**g, cut);
    stripHead(**g, cut);
    stripped = std::move(*g);
    return true;
  }

  std::map<std::string, Tensor> run(const Graph &g, const std::map<std::string, Tensor> &inputs) {
    auto executor = Executor::create(g, {}, diags);
    std::vector<Tensor> feeds;
    for (Value *v : graphFeeds(g))
      feeds.push_back(inputs.at(v->name()));
    auto out = executor ? (*executor)->run(feeds) : failure();
    std::map<std::string, Tensor> named;
    for (size_t i = 0; out && i < out->size(); ++i)
      named[g.outputs()[i]->name()] = (*out)[i];
    return named;
  }

  /// A contract as dpuc would make it: NHWC, a fix point per output.
  void describe(int fixPoint) {
    contract = Contract();
    contract.name = "net";
    contract.interface = "dpu";
    ContractInput image;
    image.name = image.tensor = head.input;
    image.shape = {1, head.inputType.dim(2), head.inputType.dim(3), 3};
    image.bits = 8, image.fixPoint = 6;
    contract.inputs.push_back(image);
    for (const HeadOutput &o : head.outputs) {
      ContractOutput out;
      out.name = o.name, out.tensor = o.name + "_fix";
      out.shape = {1, o.type.dim(2), o.type.dim(3), o.type.dim(1)};
      out.bits = 8, out.fixPoint = fixPoint;
      contract.outputs.push_back(out);
    }
    auto file = readHead("head.json", headJson(head), diags);
    ASSERT_TRUE(file && succeeded(addHead(contract, *file, diags)));
  }

  /// What the model's own head gives for these integers.
  Rows reference(const std::vector<std::vector<int8_t>> &maps) {
    std::map<std::string, Tensor> cut;
    for (size_t i = 0; i < maps.size(); ++i) {
      const ContractOutput &o = contract.outputs[i];
      Tensor t = Tensor::zeros(Type(ElemKind::F32, o.shape));
      for (auto [to, from] : llvm::zip(t.mut<float>(), maps[i]))
        to = std::ldexp(static_cast<float>(from), -*o.fixPoint);
      cut[head.outputs[i].name] = t.transposed({0, 3, 1, 2});
    }
    std::map<std::string, Tensor> results = run(*behind, cut);
    Rows rows;
    rows.boxes.resize(4 * contract.head->rows);
    rows.scores.resize(contract.head->classes * contract.head->rows, 1);
    for (const HeadResult &r : head.results)
      if (r.described)
        for (int64_t row = 0; row < r.rows; ++row)
          for (int64_t column = 0; column < r.columns; ++column)
            take(rows, r.firstRow + row, r.firstColumn + column,
                 results.at(r.name).at(r.columnsFirst ? column * r.rows + row : row * r.columns + column));
    for (int64_t row = 0; row < contract.head->rows; ++row)
      toPixels(&rows.boxes[4 * row]);
    return rows;
  }

  void take(Rows &rows, int64_t row, int64_t column, double value) {
    const int64_t classes = contract.head->classes;
    if (column >= head.boxColumn && column < head.boxColumn + 4)
      rows.boxes[4 * row + column - head.boxColumn] = static_cast<float>(value);
    else if (column >= head.classColumn && column < head.classColumn + classes)
      rows.scores[classes * row + column - head.classColumn] *= static_cast<float>(value);
    else if (column == head.objectnessColumn)
      for (int64_t c = 0; c < classes; ++c)
        rows.scores[classes * row + c] *= static_cast<float>(value);
  }

  /// From the model's own form to left, top, right, bottom in pixels.
  void toPixels(float *b) const {
    if (head.decode == BoxDecode::Raw)
      return;
    for (int i = 0; i < 4; ++i)
      b[i] /= static_cast<float>(i % 2 ? head.unitY : head.unitX);
    if (head.form == BoxForm::Corners)
      return;
    const float cx = b[0], cy = b[1], w = b[2], h = b[3];
    b[0] = cx - w / 2, b[1] = cy - h / 2, b[2] = cx + w / 2, b[3] = cy + h / 2;
  }

  /// Any integers there may be.
  std::vector<std::vector<int8_t>> randomMaps(uint64_t seed) const {
    std::vector<std::vector<int8_t>> maps;
    for (const ContractOutput &o : contract.outputs)
      for (maps.emplace_back(o.elements()); int8_t & q : maps.back())
        q = static_cast<int8_t>((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 56);
    return maps;
  }

  /// What the model gives for an image, quantized.
  std::vector<std::vector<int8_t>> modelMaps() {
    std::map<std::string, Tensor> given = run(*stripped, {{head.input, randomTensor(head.inputType, 7)}});
    std::vector<std::vector<int8_t>> maps;
    for (size_t i = 0; i < head.outputs.size(); ++i) {
      Tensor t = given.at(head.outputs[i].name).transposed({0, 2, 3, 1});
      double largest = 1e-6;
      for (float x : t.as<float>())
        largest = std::max<double>(largest, std::abs(x));
      const int fixPoint = static_cast<int>(std::floor(std::log2(127 / largest)));
      contract.outputs[i].fixPoint = fixPoint;
      maps.emplace_back();
      for (float x : t.as<float>())
        maps.back().push_back(static_cast<int8_t>(std::floor(std::ldexp(x, fixPoint) + 0.5f)));
    }
    return maps;
  }

  void expectSame(const std::vector<std::vector<int8_t>> &maps) {
    Rows want = reference(maps);
    Generated code(contract);
    code.expectNoWarnings();
    std::string cpp = "std::vector<const std::int8_t *> data;\n", python = "data = []\n", all;
    for (size_t i = 0; i < maps.size(); ++i) {
      std::string leaf = "map" + std::to_string(i);
      code.write(leaf, llvm::StringRef(reinterpret_cast<const char *>(maps[i].data()), maps[i].size()));
      cpp += "auto " + leaf + " = bytes(\"" + leaf + "\");\ndata.push_back(" + leaf + ".data());\n";
      python += "data.append(np.fromfile('" + leaf + "', np.int8))\n";
    }
    const bool decoded = head.decode != BoxDecode::Raw;
    cpp += "std::vector<float> boxes(4 * m::rows), scores(m::rows * m::classes);\n"
           "m::decode_all(data.data(), boxes.data(), scores.data());\nsave(\"boxes\", boxes);\nsave(\"scores\", "
           "scores);\n";
    python += "boxes, scores = m.decode_all(data)\nboxes.tofile('py-boxes')\nscores.tofile('py-scores')\n";
    if (decoded) {
      cpp +=
          "std::vector<float> found;\nfor (const auto &d : m::detect(data.data(), 0.3f, 0.5f, 50))\n"
          "  found.insert(found.end(), {d.box.left, d.box.top, d.box.right, d.box.bottom, d.score, float(d.label)});\n"
          "save(\"found\", found);\n";
      python += "b, s, l = m.detect(data, 0.3, 0.5, 50)\n"
                "np.concatenate([b, s[:, None], l[:, None]], 1).astype(np.float32).tofile('py-found')\n";
    }
    if (!code.runCpp(cpp))
      GTEST_SKIP() << "no C++ compiler";
    near(want.boxes, code.read<float>("boxes"), MostPixels, "boxes");
    near(want.scores, code.read<float>("scores"), MostScore, "scores");
    if (!code.runPython(python))
      return;
    near(want.boxes, code.read<float>("py-boxes"), MostPixels, "boxes of Python");
    near(want.scores, code.read<float>("py-scores"), MostScore, "scores of Python");
    if (decoded)
      near(code.read<float>("found"), code.read<float>("py-found"), MostPixels, "detections of C++ and Python");
  }

  static void near(const std::vector<float> &want, const std::vector<float> &got, double most, const char *what) {
    ASSERT_EQ(want.size(), got.size()) << what;
    double worst = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      double d = std::abs(double(want[i]) - double(got[i]));
      ASSERT_LE(d, most) << what << " " << i << ": " << want[i] << ", " << got[i];
      worst = std::max(worst, d);
    }
    RecordProperty(what, std::to_string(worst));
  }

  DiagEngine diags{&llvm::errs()};
  DetectHead head;
  std::unique_ptr<Graph> stripped, behind;
  Contract contract;
};

TEST_P(Detector, CodeDecodesRandomIntegersAsTheHeadDoes) {
  if (!open())
    GTEST_SKIP() << "no shared data";
  describe(/*fixPoint=*/5);
  expectSame(randomMaps(1));
}

TEST_P(Detector, CodeDecodesWhatTheModelGivesAsTheHeadDoes) {
  if (!open())
    GTEST_SKIP() << "no shared data";
  describe(/*fixPoint=*/4);
  expectSame(modelMaps());
}

INSTANTIATE_TEST_SUITE_P(Models, Detector,
                         testing::Values("v5n_relu_7c_960.onnx", "v5n_silu_80c_640.onnx", "v8n_silu_80c_640.onnx",
                                         "v5n_xhead_relu_80c_640.onnx", "strip-detect-head.dpuir",
                                         "strip-detect-head-fused.dpuir", "strip-detect-head-distances.dpuir",
                                         "strip-detect-head-exp.dpuir", "strip-detect-head-product.dpuir",
                                         "strip-detect-head-ssd.dpuir", "strip-detect-head-yolox.dpuir"),
                         [](const auto &info) {
                           std::string name =
                               llvm::StringRef(info.param).take_until([](char c) { return c == '.'; }).str();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace

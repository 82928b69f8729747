//===- VariantTest.cpp - heads of every form, made up: thresholds and NMS --------===//
//
// decode() must find the rows that decode_all() says, whatever it leaves out early, and C++
// and Python must agree to the last bit: ties, classes that are none, integers at the ends.
//
//===----------------------------------------------------------------------===//
#include "Generated.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

struct Variant {
  const char *name, *decode, *scores, *objectness;
  int64_t classes, background, bins;
  int fixPoint;
  bool interleaved; ///< channels of a role are not next to each other, and in reverse
};

const Variant variants[] = {
    {"SoftmaxBackgroundFirst", "prior", "softmax", "", 5, 0, 1, 4, false},
    {"SoftmaxBackgroundLast", "prior", "softmax", "", 4, 3, 1, 3, true},
    {"SoftmaxWithoutBackground", "distances", "softmax", "", 4, -1, 8, 4, false},
    {"SoftmaxAndObjectness", "sigmoid-exp", "softmax", "sigmoid", 3, -1, 1, 4, false},
    {"SoftmaxObjectnessBackground", "offset-exp", "softmax", "sigmoid", 3, 1, 1, 4, true},
    {"SigmoidBackground", "prior", "sigmoid", "", 6, 0, 1, 4, true},
    {"NumbersAreScores", "distances", "none", "none", 3, -1, 1, 6, false},
    {"CoarseSteps", "sigmoid-square", "sigmoid", "sigmoid", 2, -1, 1, -2, false}, // sizes beyond any number
};

/// Two maps of two anchors; every role in a tensor of its own.
Contract contractOf(const Variant &v) {
  Contract c;
  c.name = "net", c.interface = "dpu";
  ContractInput in;
  in.name = in.tensor = "image", in.shape = {2, 32, 48, 3}, in.bits = 8, in.fixPoint = 6;
  c.inputs.push_back(in);
  ContractHead h;
  h.kind = "yolov5", h.decode = v.decode, h.scores = v.scores, h.objectness = v.objectness;
  h.classes = v.classes, h.background = v.background, h.bins = v.bins, h.variances = {0.1, 0.2};
  auto role = [&](int64_t count, int64_t anchor, int64_t height, int64_t width) {
    HeadRole r{static_cast<int>(c.outputs.size()), anchor * count, count, 1};
    if (v.interleaved)
      r = {r.output, 2 * count - 1 - anchor, count, -2};
    if (anchor == 1)
      return r.output -= 1, r;
    ContractOutput out;
    out.name = out.tensor = fmt::format("out{}", r.output), out.shape = {2, height, width, 2 * count};
    out.bits = 8, out.fixPoint = v.fixPoint;
    c.outputs.push_back(out);
    return r;
  };
  for (int64_t scale = 0; scale < 2; ++scale) {
    HeadMap &m = h.maps.emplace_back();
    m.height = 4 >> scale, m.width = 6 >> scale, m.rowStep = 2;
    m.strideX = m.strideY = static_cast<double>(8 << scale);
    m.offsetX = m.offsetY = 0.5;
    m.anchors.resize(2);
    for (HeadRole HeadAnchorBox::*r : {&HeadAnchorBox::box, &HeadAnchorBox::objectness, &HeadAnchorBox::classes})
      for (int64_t a = 0; a < 2; ++a)
        if (int64_t count = r == &HeadAnchorBox::box       ? 4 * v.bins
                            : r == &HeadAnchorBox::classes ? v.classes
                                                           : static_cast<int64_t>(!h.objectness.empty()))
          m.anchors[static_cast<size_t>(a)].*r = role(count, a, m.height, m.width);
    for (int64_t a = 0; a < 2; ++a) {
      HeadAnchorBox &anchor = m.anchors[static_cast<size_t>(a)];
      anchor.firstRow = h.rows + a, anchor.width = 10, anchor.height = 20 + static_cast<double>(a);
    }
    h.rows += 2 * m.height * m.width;
  }
  c.head = h;
  return c;
}

/// Two images of integers of few values, so that there are ties; some at the ends.
std::vector<std::vector<int8_t>> dataFor(const Contract &c) {
  std::vector<std::vector<int8_t>> all;
  uint64_t seed = 5;
  for (const ContractOutput &o : c.outputs)
    for (all.emplace_back(o.elements()); int8_t & q : all.back()) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      const int value = static_cast<int>(seed >> 60) - 8;
      q = static_cast<int8_t>(value == 7 ? 127 : value == -8 ? -128 : 5 * value);
      if (c.head->objectness == "none" && q < 0)
        q = 0; // a product of negative numbers is no score
    }
  return all;
}

/// Rows that decode must find: those whose best class that is one has such a score.
std::vector<float> wanted(const Contract &c, const std::vector<float> &scores, float least) {
  const ContractHead &h = *c.head;
  std::vector<float> found;
  for (int64_t row = 0; row < h.rows; ++row) {
    int64_t best = -1;
    for (int64_t k = 0; k < h.classes; ++k)
      if (k != h.background && (best < 0 || scores[row * h.classes + k] > scores[row * h.classes + best]))
        best = k;
    if (float score = scores[row * h.classes + best]; score >= least)
      found.insert(found.end(), {static_cast<float>(row), score});
  }
  return found;
}

constexpr const char *cppProgram = R"(
  std::vector<float> found[3], scores(m::rows * m::classes), boxes(m::rows * 4);
  std::vector<std::vector<std::int8_t>> tensors;
  std::vector<const std::int8_t *> second;
  for (std::size_t o = 0; o < std::size(m::outputs); ++o)
    tensors.push_back(bytes(("out" + std::to_string(o)).c_str()));
  for (const auto &t : tensors)
    second.push_back(t.data() + t.size() / 2);
  m::decode_all(second.data(), boxes.data(), scores.data());
  auto list = [](std::vector<float> &to, const std::vector<m::Detection> &all) {
    for (const auto &d : all)
      to.insert(to.end(), {d.box.left, d.box.top, d.box.right, d.box.bottom, d.score, float(d.label)});
  };
  std::vector<m::Detection> some = m::decode(second.data(), least);
  std::sort(some.begin(), some.end(), [](const auto &a, const auto &b) { return a.row < b.row; });
  for (const auto &d : some)
    found[0].insert(found[0].end(), {float(d.row), d.score});
  list(found[1], m::detect(second.data(), least, 0.3f, 30));
  list(found[2], m::detect(second.data(), least, 0.3f, 30, false));
  list(found[2], m::detect(second.data(), m::letterbox(640, 480), least, 0.3f, 3));
  if (!m::detect(second.data(), NAN).empty() || !m::detect(second.data(), least, 0.3f, 0).empty())
    return 1;
  save("scores", scores);
  save("decoded", found[0]);
  save("found", found[1]);
  save("agnostic", found[2]);
)";

constexpr const char *pythonProgram = R"(
data = [np.fromfile("out%d" % i, np.int8) for i in range(len(m.OUTPUTS))]
boxes, scores, labels, rows = m.decode(data, least, image=1)
order = rows.argsort()
np.stack([rows[order].astype(np.float32), scores[order]], 1).tofile("py-decoded")
def listed(found):
    return np.concatenate([found[0], found[1][:, None], found[2][:, None].astype(np.float32)], 1).astype(np.float32)
listed(m.detect(data, least, 0.3, 30, image=1)).tofile("py-found")
np.concatenate([listed(m.detect(data, least, 0.3, 30, per_class=False, image=1)),
                listed(m.detect(data, least, 0.3, 3, fit=m.letterbox(640, 480), image=1))]).tofile("py-agnostic")
assert len(m.detect(data, np.nan)[0]) == 0 and len(m.detect(data, least, most=0)[0]) == 0
m.decode_all(data, image=1)[1].tofile("py-scores")
)";

class Variants : public testing::TestWithParam<Variant> {};

TEST_P(Variants, WhatIsLeftOutEarlyIsNoObjectAndBothLanguagesAgree) {
  const Contract contract = contractOf(GetParam());
  Generated code(contract);
  code.expectNoWarnings();
  const auto data = dataFor(contract);
  for (size_t i = 0; i < data.size(); ++i)
    code.write(fmt::format("out{}", i),
               llvm::StringRef(reinterpret_cast<const char *>(data[i].data()), data[i].size()));
  if (!code.runCpp("const float least = 0.35f;" + std::string(cppProgram)))
    GTEST_SKIP() << "no C++ compiler";
  const std::vector<float> scores = code.read<float>("scores");
  EXPECT_EQ(code.read<float>("decoded"), wanted(contract, scores, 0.35f));
  EXPECT_FALSE(code.read<float>("found").empty());
  if (!code.runPython("least = 0.35\n" + std::string(pythonProgram)))
    GTEST_SKIP() << "no NumPy";
  EXPECT_EQ(scores, code.read<float>("py-scores"));
  EXPECT_EQ(code.read<float>("decoded"), code.read<float>("py-decoded"));
  EXPECT_EQ(code.read<float>("found"), code.read<float>("py-found"));
  EXPECT_EQ(code.read<float>("agnostic"), code.read<float>("py-agnostic"));
}

INSTANTIATE_TEST_SUITE_P(Heads, Variants, testing::ValuesIn(variants),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace

//===- ContractTest.cpp - pixels, classes and names of a contract ------------------===//
#include "Generated.h"
#include "dpuopt/IR/Tensor.h"
#include <cmath>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

/// A classifier of 2 x 3 images.
Contract classifier(const PixelFormat &format, int64_t channels, int fixPoint) {
  DiagEngine diags(&llvm::errs());
  Contract c;
  c.name = "net", c.interface = "dpu";
  ContractInput in;
  in.name = "image", in.tensor = "image_fix", in.shape = {1, 2, 3, channels}, in.bits = 8, in.fixPoint = fixPoint;
  auto recipe = pixelRecipe(format, channels, fixPoint, diags);
  if (recipe)
    in.pixels = *recipe;
  ContractOutput out;
  out.name = "logits", out.tensor = "logits_fix", out.shape = {1, 5}, out.bits = 8, out.fixPoint = 3;
  c.inputs.push_back(in);
  c.outputs.push_back(out);
  addScores(c);
  return c;
}

const PixelFormat formats[] = {
    {{}, {1.0 / 255}, false, ""},
    {{127.5}, {1 / 127.5}, false, ""},
    {{123.675, 116.28, 103.53}, {1 / 58.395, 1 / 57.12, 1 / 57.375}, false, ""},
    {{103.94, 116.78, 123.68}, {0.017, 0.017, 0.017}, true, ""},
    {{}, {}, false, ""},        // as they are: most are cut off
    {{128}, {-0.5}, false, ""}, // upside down
    {{300}, {1}, false, ""},    // all below
    {{}, {1e-9}, false, ""},    // all zero
};

TEST(Pixels, IntegersGiveTheRoundedNumberForEveryPixel) {
  DiagEngine diags(&llvm::errs());
  for (const PixelFormat &f : formats)
    for (int fixPoint : {-3, 0, 4, 6, 7, 12}) {
      auto recipe = pixelRecipe(f, 3, fixPoint, diags);
      ASSERT_TRUE(bool(recipe));
      for (size_t c = 0; c < 3; ++c) {
        auto table = pixelTable(f, c, fixPoint);
        for (int64_t p = 0; p < 256; ++p) {
          int64_t q = (p * recipe->multiplier[c] + recipe->offset[c]) >> recipe->shift;
          ASSERT_EQ(std::clamp<int64_t>(q, -128, 127), table[p]) << p << " at fix point " << fixPoint;
        }
      }
    }
}

TEST(Pixels, TiesAreRoundedUp) {
  // 0.5, 1.5 and -0.5 steps: the DPU's own rounding.
  auto table = pixelTable({{1}, {0.5}, false, ""}, 0, 0);
  EXPECT_EQ(table[0], 0);
  EXPECT_EQ(table[2], 1);
  EXPECT_EQ(table[4], 2);
}

TEST(Pixels, NumbersOutOfRangeAreRefused) {
  for (PixelFormat f : {PixelFormat{{}, {1e30}, false, ""},
                        {{NAN}, {1}, false, ""},
                        {{1e308}, {1e7}, false, ""},
                        {{1, 2}, {1}, false, ""}}) {
    DiagEngine diags;
    EXPECT_FALSE(bool(pixelRecipe(f, 3, 6, diags)));
    ASSERT_EQ(diags.all().size(), 1u);
    EXPECT_EQ(diags.all()[0].rule, "deploy.pixels");
  }
}

/// Every pixel value in every channel, blue and red told apart.
TEST(Code, QuantizesImages) {
  for (const PixelFormat &f : {formats[2], formats[3]}) {
    Contract c = classifier(f, 3, 5);
    Generated code(c);
    std::vector<int8_t> want; // of rgb and bgr images of pixels (p, 255 - p, p / 2)
    for (bool bgr : {false, true})
      for (int p = 0; p < 252; ++p) {
        const int pixel[] = {p, 255 - p, p / 2};
        for (int channel = 0; channel < 3; ++channel)
          want.push_back(pixelTable(f, channel, 5)[pixel[bgr == f.bgr ? channel : 2 - channel]]);
      }
    ASSERT_TRUE(code.runCpp(R"(
  std::vector<std::int8_t> all;
  for (m::Order order : {m::Order::rgb, m::Order::bgr})
    for (int first = 0; first < 252; first += 6) {
      std::uint8_t image[2][16] = {}; // rows with room behind them
      for (int i = 0; i < 6; ++i) {
        int p = first + i;
        std::uint8_t *to = &image[i / 3][3 * (i % 3)];
        to[0] = p, to[1] = 255 - p, to[2] = p / 2;
      }
      all.resize(all.size() + 18);
      m::quantize_image(image[0], 16, order, all.data() + all.size() - 18);
    }
  save("cpp", all);
)"));
    EXPECT_EQ(code.read<int8_t>("cpp"), want);
    if (!code.runPython(R"(
p = np.arange(252)
images = np.stack([p, 255 - p, p // 2], 1).astype(np.uint8).reshape(-1, 2, 3, 3)
np.concatenate([m.quantize_image(images, "rgb"), m.quantize_image(images, "bgr")]).tofile("py")
)"))
      GTEST_SKIP() << "no NumPy";
    EXPECT_EQ(code.read<int8_t>("py"), want);
  }
}

TEST(Code, QuantizesNumbersAndRanksClasses) {
  Contract c = classifier(formats[0], 1, 6);
  c.labels = {"a", "b", "c", "d", "\"e\"\n"};
  Generated code(c);
  ASSERT_TRUE(code.runCpp(R"(
  std::vector<std::int8_t> q;
  for (float x : {0.0078125f, -0.0078125f, 0.49999997f, 9.0f, -9.0f, NAN, INFINITY})
    q.push_back(m::quantize(x, m::inputs[0].fix_point));
  save("cpp", q);
  const std::int8_t logits[] = {8, 24, -8, 24, 16};
  std::vector<float> ranked;
  for (const m::Class &k : m::classify(logits, 3))
    ranked.insert(ranked.end(), {float(k.label), k.score, k.probability});
  save("ranked", ranked);
  save("label", std::vector<char>(m::labels[4], m::labels[4] + 4));
)"));
  const std::vector<int8_t> want = {1, 0, 32, 127, -128, 0, 127};
  EXPECT_EQ(code.read<int8_t>("cpp"), want);
  EXPECT_EQ(code.read<char>("label"), (std::vector<char>{'"', 'e', '"', '\n'}));
  const double sum = 1 + 1 + std::exp(-1.0) + std::exp(-2.0) + std::exp(-4.0);
  const double ranked[] = {1, 3, 1 / sum, 3, 3, 1 / sum, 4, 2, std::exp(-1.0) / sum};
  auto expectRanked = [&](const std::vector<float> &got) {
    ASSERT_EQ(got.size(), 9u);
    for (size_t i = 0; i < 9; ++i)
      EXPECT_NEAR(got[i], ranked[i], 1e-5) << i;
  };
  expectRanked(code.read<float>("ranked"));
  if (!code.runPython(R"(
m.quantize([0.0078125, -0.0078125, 0.49999997, 9, -9, np.nan, np.inf], m.INPUTS[0]["fix_point"]).tofile("py")
np.array(m.classify(np.array([8, 24, -8, 24, 16], np.int8), 3), np.float32).tofile("py-ranked")
assert m.LABELS[4] == '"e"\n'
)"))
    GTEST_SKIP() << "no NumPy";
  EXPECT_EQ(code.read<int8_t>("py"), want);
  expectRanked(code.read<float>("py-ranked"));
}

/// Names that come with models, and where they end up.
TEST(Code, NamesAreTextAndNothingElse) {
  for (std::string name :
       {std::string("../../x"), std::string("$(rm -rf)"), std::string(10000, 'n'), std::string("\xff\xfe\0z", 4),
        std::string("\"); system(\"touch x\"); (\""), std::string("a\n#error b\n*/ ?\?/ \\"), std::string("int"),
        std::string("9__lives"), std::string("\"\"\"\nimport os\n\"\"\""), std::string()}) {
    Contract c = classifier(formats[0], 1, 6);
    c.name = c.graph = c.inputs[0].name = c.inputs[0].tensor = c.outputs[0].name = c.outputs[0].tensor = name;
    c.xmodel.name = name;
    c.labels = {name};
    std::string code = codeName(name);
    EXPECT_LE(code.size(), 60u);
    EXPECT_EQ(code.find("__"), std::string::npos);
    EXPECT_TRUE(llvm::all_of(code, [](char ch) { return llvm::isAlnum(ch) || ch == '_'; })) << code;
    auto json = nlohmann::json::parse(contractJson(c), nullptr, false);
    ASSERT_FALSE(json.is_discarded());
    Generated generated(c);
    std::string bytes;
    for (unsigned char ch : name)
      bytes += (bytes.empty() ? "" : ", ") + std::to_string(ch);
    ASSERT_TRUE(
        generated.runCpp("  const unsigned char want[] = {" + bytes + (bytes.empty() ? "0};\n" : ", 0};\n") +
                         "  return std::equal(want, want + sizeof want, m::inputs[0].name,\n"
                         "    [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); }) ? 0 : 1;\n"));
    generated.runPython("assert len(m.MODEL) == " + std::to_string(name.size()) + ", m.MODEL\n");
    std::string note = installNote(c, {"contract.json"});
    EXPECT_EQ(note.find("mkdir -p /usr/share/vitis_ai_library/models/$"), std::string::npos);
  }
}

TEST(Code, ShellLinesOfTheNoteAreOneWordPerName) {
  Contract c = classifier(formats[0], 1, 6);
  c.name = "it's; $(touch pwned)";
  c.xmodel.name = c.name + ".xmodel";
  std::string note = installNote(c, {"$(x).h"});
  EXPECT_NE(note.find("'it'\\''s; $(touch pwned).xmodel'"), std::string::npos) << note;
  EXPECT_NE(note.find("'$(x).h'"), std::string::npos);
  EXPECT_NE(note.find("/models/dpu_it_s_touch_pwned/"), std::string::npos);
}

TEST(Code, ThereIsNoneForNumbersThatAreNeitherInt8NorFloat) {
  Contract c = classifier(formats[0], 1, 6);
  EXPECT_EQ(whyNoCode(c), "");
  c.outputs[0].fixPoint.reset(), c.outputs[0].bits = 32;
  EXPECT_EQ(whyNoCode(c), "");
  c.outputs[0].fixPoint = 2, c.outputs[0].isSigned = false;
  EXPECT_EQ(whyNoCode(c), "output 'logits' is neither of 8-bit integers nor float");
  c = classifier(formats[0], 1, 6);
  c.inputs[0].bits = 16;
  EXPECT_EQ(whyNoCode(c), "input 'image' is neither of 8-bit integers nor float");
}

TEST(Scores, AreTheOneOutputThatIsAVector) {
  Contract c = classifier(formats[0], 1, 6);
  EXPECT_EQ(c.scores(), 0u);
  c.outputs[0].role.clear();
  c.outputs[0].shape = {1, 4, 4, 5};
  addScores(c);
  EXPECT_FALSE(c.scores());
}

} // namespace

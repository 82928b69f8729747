//===- ImageTest.cpp - pictures of another size than the model's -----------------===//
#include "Generated.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

/// A model of images of 20 x 32 whose bytes are stored as they are, minus 128.
Contract contractOf(int64_t channels, std::string fit = "", int64_t shortSide = 0) {
  DiagEngine diags(&llvm::errs());
  Contract c;
  c.name = "net", c.interface = "dpu";
  ContractInput in;
  in.name = in.tensor = "image", in.shape = {1, 20, 32, channels}, in.bits = 8, in.fixPoint = 0;
  PixelFormat format{{128}, {1}, false, ""};
  format.fit = std::move(fit), format.shortSide = shortSide;
  in.pixels = *pixelRecipe(format, channels, 0, diags);
  c.inputs.push_back(in);
  ContractOutput out;
  out.name = out.tensor = "map", out.shape = {1, 5, 8, 4}, out.bits = 8, out.fixPoint = 3;
  c.outputs.push_back(out);
  return c;
}

constexpr int64_t Width = 75, Height = 43;

uint8_t byteAt(int64_t y, int64_t x, int64_t b) {
  return static_cast<uint8_t>(128 + 100 * std::sin(0.11 * double(x) + double(b)) * std::cos(0.09 * double(y)) +
                              double((x * 7 + y * 13) % 20));
}

/// Rows with 5 bytes behind them.
std::string picture(int64_t bytes) {
  std::string all;
  for (int64_t y = 0; y < Height; ++y, all.append(5, '\xee'))
    for (int64_t x = 0; x < Width; ++x)
      for (int64_t b = 0; b < bytes; ++b)
        all += static_cast<char>(byteAt(y, x, b));
  return all;
}

/// The picture scaled in real numbers: triangles as wide as the reduction (or one pixel), ends left out.
double sampleAt(double x, double y, double ratioX, double ratioY, bool smooth, int64_t byte) {
  auto weights = [&](double centre, double ratio, int64_t size) {
    const double support = smooth ? std::max(1.0, ratio) : 1.0;
    std::vector<double> w(static_cast<size_t>(size));
    for (int64_t k = 0; k < size; ++k)
      w[static_cast<size_t>(k)] = std::max(0.0, 1 - std::abs(double(k) + 0.5 - centre) / support);
    return w;
  };
  const auto wx = weights((x + 0.5) * ratioX, ratioX, Width), wy = weights((y + 0.5) * ratioY, ratioY, Height);
  double sum = 0, all = 0;
  for (size_t i = 0; i < wy.size(); ++i)
    for (size_t k = 0; k < wx.size(); ++k)
      if (double w = wy[i] * wx[k]; w > 0)
        sum += w * byteAt(static_cast<int64_t>(i), static_cast<int64_t>(k), byte), all += w;
  return sum / all;
}

struct Case {
  const char *call;     ///< in both languages
  double width, height; ///< of the scaled picture
  int64_t left, top;    ///< of it in the input
};

const Case cases[] = {
    {"stretch(75, 43)", 32, 20, 0, 0},
    {"letterbox(75, 43)", 32, 18, 0, 1},
    {"center_crop(75, 43)", 35, 20, -1, 0},
    {"center_crop(75, 43, 60)", 105, 60, -36, -20}, // larger than it is
};

void expectPixels(const Case &c, bool smooth, int64_t channels, const int8_t *got) {
  for (int64_t y = 0; y < 20; ++y)
    for (int64_t x = 0; x < 32; ++x)
      for (int64_t b = 0; b < channels; ++b) {
        const double px = double(x - c.left), py = double(y - c.top);
        const bool inside = px >= 0 && py >= 0 && px < c.width && py < c.height;
        const int64_t byte = channels >= 3 && b < 3 ? 2 - b : b; // the picture is blue first
        const double want =
            inside ? sampleAt(px, py, double(Width) / c.width, double(Height) / c.height, smooth, byte) : 114;
        ASSERT_NEAR(got[(y * 32 + x) * channels + b] + 128, want, inside ? 1.0 : 0.0) << c.call << " " << x << " " << y;
      }
}

class Pictures : public testing::TestWithParam<int> {};

TEST_P(Pictures, AreScaledAsTriangleFiltersDoInBothLanguages) {
  const int64_t channels = GetParam();
  Generated code(contractOf(channels));
  code.expectNoWarnings();
  code.write("picture", picture(channels));
  std::string cpp = "auto p = bytes(\"picture\");\nstd::vector<std::int8_t> all, one(20 * 32 * m::image_channels);\n";
  std::string python = fmt::format("p = np.fromfile('picture', np.uint8).reshape(43, -1)[:, :75 * {0}]"
                                   ".reshape(43, 75, {0})\nall = []\n",
                                   channels);
  for (const Case &c : cases)
    for (bool smooth : {true, false}) {
      cpp += fmt::format("{{ m::Fit f = m::{}; f.smooth = {};\n"
                         "  m::quantize_image(reinterpret_cast<const std::uint8_t *>(p.data()), 75 * {} + 5, "
                         "m::Order::bgr, f, one.data());\n  all.insert(all.end(), one.begin(), one.end()); }}\n",
                         c.call, smooth, channels);
      python += fmt::format("f = m.{}\nf.smooth = {}\nall.append(m.quantize_image(p, 'bgr', f))\n", c.call,
                            smooth ? "True" : "False");
    }
  ASSERT_TRUE(code.runCpp(cpp + "save(\"cpp\", all);\n"));
  const std::vector<int8_t> got = code.read<int8_t>("cpp");
  const size_t size = static_cast<size_t>(20 * 32 * channels);
  ASSERT_EQ(got.size(), size * std::size(cases) * 2);
  for (size_t i = 0; i < std::size(cases) * 2; ++i)
    expectPixels(cases[i / 2], i % 2 == 0, channels, got.data() + i * size);
  if (!code.runPython(python + "np.stack(all).tofile('py')\n"))
    GTEST_SKIP() << "no NumPy";
  EXPECT_EQ(got, code.read<int8_t>("py"));
}

INSTANTIATE_TEST_SUITE_P(Channels, Pictures, testing::Values(1, 3, 4));

TEST(Fit, IsThatOfTheCalibrationDataAndGoesBack) {
  for (auto [fit, shortSide, call] : {std::tuple("pad", 0, "letterbox(w, h)"),
                                      {"crop", 24, "center_crop(w, h, 24)"},
                                      {"stretch", 0, "stretch(w, h)"},
                                      {"", 0, "stretch(w, h)"}}) {
    Generated code(contractOf(3, fit, shortSide));
    // Sizes that are no picture's usual: nothing may leave the input, or be without a pixel.
    const std::string body = fmt::format(R"(
  for (int w : {{1, 2, 31, 32, 33, 100, 5000}})
    for (int h : {{1, 2, 19, 20, 21, 100, 5000}}) {{
      const m::Fit f = m::fit(w, h), g = m::{};
      if (f.left != g.left || f.top != g.top || f.resized_width != g.resized_width || f.width != w)
        return 1;
      if (f.resized_width < 1 || f.left + f.resized_width > 32 + (f.resized_width - 31) / 2 + 1)
        return 2;
      const float x = f.picture_x(float(f.left)), y = f.picture_y(float(f.top + f.resized_height));
      if (std::abs(x) > 1e-3f || std::abs(y - float(h)) > 1e-2f)
        return 3;
    }}
  std::vector<std::uint8_t> p(5000 * 3);
  std::vector<std::int8_t> d(20 * 32 * 3);
  m::quantize_image(p.data(), 15000, m::Order::rgb, m::fit(5000, 1), d.data(), {{1, 2, 3}});
  m::quantize_image(p.data(), 3, m::Order::rgb, m::fit(1, 5000), d.data());
  m::quantize_image(p.data(), 3, m::Order::rgba, m::fit(1, 1), d.data());
  m::quantize_image(nullptr, 0, m::Order::rgb, m::fit(0, 0), d.data()); // a camera that gave nothing
  if (d[0] != 114 - 128 || d.back() != 114 - 128)
    return 4;
)",
                                         call);
    ASSERT_TRUE(code.runCpp(body));
    if (!code.runPython("f = m.fit(1920, 1080)\nw, h = 1920, 1080\ng = m." + std::string(call) +
                        "\nassert vars(f) == vars(g), vars(f)\n"
                        "for w, h in ((5000, 1), (1, 5000), (1, 1)):\n"
                        "    q = m.quantize_image(np.zeros((h, w, 4), np.uint8), 'rgba', m.fit(w, h), (1, 2, 3))\n"
                        "    assert q.shape == (20, 32, 3)\n"
                        "try:\n"
                        "    m.quantize_image(np.zeros((0, 0, 3), np.uint8), 'rgb', m.fit(0, 0))\n"
                        "    raise SystemExit('an empty picture')\n"
                        "except ValueError:\n"
                        "    pass\n"))
      GTEST_SKIP() << "no NumPy";
  }
}

/// The fourth byte is left, blue and red change places, and a border has its own colour.
TEST(Order, OfFourBytesAndABorder) {
  Generated code(contractOf(3));
  ASSERT_TRUE(code.runCpp(R"(
  std::uint8_t p[20 * 32 * 4];
  for (int i = 0; i < 20 * 32; ++i)
    p[4 * i] = 10, p[4 * i + 1] = 20, p[4 * i + 2] = 30, p[4 * i + 3] = 99;
  std::vector<std::int8_t> rgba(20 * 32 * 3), bgra(rgba), wide(rgba);
  m::quantize_image(p, 128, m::Order::rgba, rgba.data());
  m::quantize_image(p, 128, m::Order::bgra, bgra.data());
  m::quantize_image(p, 128, m::Order::bgra, m::letterbox(8, 20), wide.data(), {1, 2, 3});
  for (int i = 0; i < 20 * 32; ++i)
    if (rgba[3 * i] != 10 - 128 || rgba[3 * i + 2] != 30 - 128 || bgra[3 * i] != 30 - 128 || bgra[3 * i + 1] != 20 - 128)
      return 1;
  return wide[0] == 3 - 128 && wide[2] == 1 - 128 && wide[16 * 3] == 30 - 128 ? 0 : 2;
)"));
  code.runPython(R"(
p = np.tile(np.array([10, 20, 30, 99], np.uint8), (20, 8, 1))
wide = m.quantize_image(p, "bgra", m.letterbox(8, 20), (1, 2, 3))
assert wide[0, 0].tolist() == [-125, -126, -127] and wide[0, 16].tolist() == [30 - 128, 20 - 128, 10 - 128]
try:
    m.quantize_image(p, "bgra")
    raise SystemExit("a picture of another size without a fit")
except ValueError:
    pass
)");
}

TEST(Segmentation, ArgmaxAndSoftmaxPerPixel) {
  Generated code(contractOf(3));
  ASSERT_TRUE(code.runCpp(R"(
  const std::int8_t map[] = {0, 8, 8, -8, -128, -128, -128, 127};
  int k[2];
  float p[8];
  m::argmax(m::outputs[0], map, 2, k);
  m::softmax(m::outputs[0], map, 2, p);
  const float sum = 1 + 1 + std::exp(-1.0f) + std::exp(-2.0f);
  return k[0] == 1 && k[1] == 3 && std::abs(p[1] - 1 / sum) < 1e-6f && std::abs(p[3] - std::exp(-2.0f) / sum) < 1e-6f &&
         p[7] == 1 ? 0 : 1;
)"));
  code.runPython(R"(
q = np.array([[0, 8, 8, -8], [-128, -128, -128, 127]], np.int8)
assert m.argmax(q).tolist() == [1, 3]
p = m.softmax(q, m.OUTPUTS[0]["fix_point"])
assert np.allclose(p.sum(-1), 1) and abs(p[0, 1] - 1 / (2 + np.exp(-1) + np.exp(-2))) < 1e-6
)");
}

/// What the CPU computes comes as floats; a softmax of the model's own is not done twice.
TEST(Classes, OfFloatsAndOfProbabilities) {
  for (const char *role : {"scores", "probabilities"}) {
    Contract c = contractOf(1);
    c.outputs[0].shape = {1, 3}, c.outputs[0].fixPoint.reset(), c.outputs[0].bits = 32, c.outputs[0].role = role;
    Generated code(c);
    code.expectNoWarnings();
    const double p = std::string(role) == "scores" ? std::exp(0.5) / (std::exp(0.5) + std::exp(0.25) * 2) : 0.5;
    ASSERT_TRUE(code.runCpp(fmt::format(R"(
  const float data[] = {{0.25f, 0.5f, 0.25f}};
  const auto all = m::classify(data, 9);
  return all.size() == 3 && all[0].label == 1 && all[1].label == 0 && std::abs(all[0].probability - {}) < 1e-6 ? 0 : 1;
)",
                                        p)));
    code.runPython(fmt::format("all = m.classify(np.array([0.25, 0.5, 0.25], np.float32))\n"
                               "assert [a[0] for a in all] == [1, 0, 2] and abs(all[0][2] - {}) < 1e-6, all\n",
                               p));
  }
}

} // namespace

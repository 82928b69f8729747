//===- FixedFloatTest.cpp - quantized ops on integers are the float ops ------------------===//
//
// Each op between two `fix` ops, with random fix points (also negative ones, so that halves, saturation and zeros
// all occur), runs once on integers and once in float; all bits must be the same.
//
//===----------------------------------------------------------------------===//
#include "IntegerFloat.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const char *activationOf(Random &r) {
  static const char *names[] = {"", "relu", "relu6", "leaky-relu"};
  return names[r.in(0, 3)];
}

constexpr int Rounds = 40;

//===- Convolutions ---------------------------------------------------------------------===//

/// Sizes of a random convolution; in an attribute list and as shapes.
struct ConvCase {
  int n, h, w, c, o, kh, kw, sh, sw, dh, dw, top, bottom, left, right;
  explicit ConvCase(Random &r)
      : n(r.in(1, 2)), h(r.in(3, 7)), w(r.in(3, 7)), c(r.in(1, 9)), o(r.in(1, 9)), kh(r.in(1, 3)), kw(r.in(1, 3)),
        sh(r.in(1, 2)), sw(r.in(1, 2)), dh(r.in(1, 2)), dw(r.in(1, 2)), top(r.in(0, 2)), bottom(r.in(0, 2)),
        left(r.in(0, 2)), right(r.in(0, 2)) {
    if (h + top + bottom < (kh - 1) * dh + 1 || w + left + right < (kw - 1) * dw + 1)
      dh = dw = kh = kw = 1;
  }
  std::string attributes() const {
    return fmt::format("{{kernel = [{}, {}], stride = [{}, {}], dilation = [{}, {}], pad = [{}, {}, {}, {}], "
                       "pad_mode = \"FLOOR\"}}",
                       kw, kh, sw, sh, dw, dh, left, right, top, bottom);
  }
  std::string input() const { return fmt::format("<{}x{}x{}x{}>", n, h, w, c); }
  std::string result(int channels) const {
    return fmt::format("<{}x{}x{}x{}>", n, (h + top + bottom - (kh - 1) * dh - 1) / sh + 1,
                       (w + left + right - (kw - 1) * dw - 1) / sw + 1, channels);
  }
};

TEST(FixedFloat, Conv2d) {
  for (int seed = 0; seed < Rounds; ++seed) {
    Random r(seed);
    ConvCase c(r);
    int fx = r.in(-2, 6), fw = r.in(4, 9), fy = r.in(-3, 6), fb = fx + fw - r.in(-3, 8); // also finer than the sum
    std::string text = graphOf({fmt::format("{}{}", fx, c.input())},
                               constant("w", seed + 1, fw, fmt::format("<{}x{}x{}x{}>", c.o, c.kh, c.kw, c.c)) +
                                   constant("b", seed + 2, fb, fmt::format("<{}>", c.o)),
                               "xir.conv2d(%x, %w, %b) " + c.attributes(), activationOf(r), fy, c.result(c.o));
    compare(text, {numbers({c.n, c.h, c.w, c.c}, fx, r)});
  }
}

TEST(FixedFloat, DepthwiseConv2d) {
  for (int seed = 0; seed < Rounds; ++seed) {
    Random r(seed);
    ConvCase c(r);
    int fx = r.in(-2, 6), fw = r.in(4, 9), fy = r.in(-3, 6);
    std::string text = graphOf({fmt::format("{}{}", fx, c.input())},
                               constant("w", seed + 1, fw, fmt::format("<1x{}x{}x{}>", c.kh, c.kw, c.c)),
                               "xir.depthwise-conv2d(%x, %w) " + c.attributes(), activationOf(r), fy, c.result(c.c));
    compare(text, {numbers({c.n, c.h, c.w, c.c}, fx, r)});
  }
}

TEST(FixedFloat, TransposedConvolutions) {
  for (int seed = 0; seed < Rounds; ++seed) {
    Random r(seed);
    ConvCase c(r);
    bool depthwise = seed % 2;
    int fx = r.in(-2, 6), fw = r.in(4, 9), fy = r.in(-3, 6), k = r.in(2, 4), s = r.in(1, 3), p = r.in(0, 1);
    std::string kind = depthwise ? "transposed-depthwise-conv2d" : "transposed-conv2d";
    int channels = depthwise ? c.c : c.o;
    std::string text = graphOf(
        {fmt::format("{}{}", fx, c.input())},
        constant("w", seed + 1, fw,
                 depthwise ? fmt::format("<1x{0}x{0}x{1}>", k, c.c) : fmt::format("<{1}x{0}x{0}x{2}>", k, c.o, c.c)),
        fmt::format("xir.{}(%x, %w) {{kernel = [{}, {}], stride = [{}, {}], pad = [{}, {}, {}, {}], pad_mode = "
                    "\"FLOOR\"}}",
                    kind, k, k, s, s, p, p, p, p),
        activationOf(r), fy,
        fmt::format("<{}x{}x{}x{}>", c.n, (c.h - 1) * s + k - 2 * p, (c.w - 1) * s + k - 2 * p, channels));
    compare(text, {numbers({c.n, c.h, c.w, c.c}, fx, r)});
  }
}

TEST(FixedFloat, MatrixProducts) {
  for (int seed = 0; seed < Rounds; ++seed) {
    Random r(seed);
    int m = r.in(1, 5), k = r.in(1, 40), n = r.in(1, 20), fx = r.in(-2, 6), fw = r.in(4, 9), fy = r.in(-3, 6);
    bool turned = seed % 2;
    std::string shape = turned ? fmt::format("<{}x{}>", n, k) : fmt::format("<{}x{}>", k, n);
    std::string weights =
        constant("w", seed + 1, fw, shape) + constant("b", seed + 2, fx + fw - 3, fmt::format("<{}>", n));
    std::string body = fmt::format("xir.matmul(%x, %w, %b) {{transpose_a = false, transpose_b = {}}}", turned);
    compare(
        graphOf({fmt::format("{}<{}x{}>", fx, m, k)}, weights, body, activationOf(r), fy, fmt::format("<{}x{}>", m, n)),
        {numbers({m, k}, fx, r)});
  }
}

TEST(FixedFloat, InnerProduct) {
  Random r(1);
  compare(graphOf({"5<2x3x4>"}, constant("w", 3, 7, "<5x12>"), "xir.inner-product(%x, %w, _) {axis = 1}", "relu", 3,
                  "<2x5>"),
          {numbers({2, 3, 4}, 5, r)});
}

//===- Elementwise ----------------------------------------------------------------------===//

TEST(FixedFloat, SumsAndExtremes) {
  for (int seed = 0; seed < 2 * Rounds; ++seed) {
    Random r(seed);
    static const char *kinds[] = {"add", "sub", "max", "min"};
    std::string kind = kinds[seed % 4];
    int fx = r.in(-3, 7), fz = r.in(-3, 7), fy = r.in(-4, 7);
    bool broadcast = r.in(0, 1);
    compare(graphOf({fmt::format("{}<2x3x5x7>", fx), fmt::format("{}{}", fz, broadcast ? "<1x3x1x7>" : "<2x3x5x7>")},
                    "", "xir." + kind + "(%x, %z)", activationOf(r), fy, "<2x3x5x7>"),
            {numbers({2, 3, 5, 7}, fx, r), broadcast ? numbers({1, 3, 1, 7}, fz, r) : numbers({2, 3, 5, 7}, fz, r)});
  }
}

TEST(FixedFloat, Products) {
  for (int seed = 0; seed < Rounds; ++seed) {
    Random r(seed);
    int fx = r.in(-3, 7), fz = r.in(-3, 7), fy = r.in(-4, 7);
    compare(graphOf({fmt::format("{}<2x3x5x7>", fx), fmt::format("{}<2x1x1x7>", fz)}, "", "xir.mul(%x, %z)",
                    activationOf(r), fy, "<2x3x5x7>"),
            {numbers({2, 3, 5, 7}, fx, r), numbers({2, 1, 1, 7}, fz, r)});
  }
}

TEST(FixedFloat, SumOfThree) {
  Random r(9);
  compare(graphOf({"5<4x9>", "3<4x9>", "7<1x1>"}, "", "xir.add(%x, %z, %v)", "relu6", 4, "<4x9>"),
          {numbers({4, 9}, 5, r), numbers({4, 9}, 3, r), numbers({1, 1}, 7, r)});
}

TEST(FixedFloat, SumsBeyondFloatsPrecisionStayInFloat) {
  Random r(3);
  compare(graphOf({"-10<2x5>", "12<2x5>"}, "", "xir.add(%x, %z)", "", -8, "<2x5>"),
          {numbers({2, 5}, -10, r), numbers({2, 5}, 12, r)}, false);
}

TEST(FixedFloat, WithASplatConstant) {
  Random r(4);
  for (const char *kind : {"mul", "add", "sub", "div", "max"})
    compare(graphOf({"4<3x50>"}, "%c = const splat(0.984375) : f32<3x50>\n", std::string("xir.") + kind + "(%x, %c)",
                    "relu", 5, "<3x50>"),
            {numbers({3, 50}, 4, r)});
}

TEST(FixedFloat, ConstantLessATensor) {
  Random r(4);
  compare(graphOf({"4<3x50>"}, "%c = const splat(1.5) : f32<3x50>\n", "xir.sub(%c, %x)", "", 5, "<3x50>"),
          {numbers({3, 50}, 4, r)}, false); // operand 0 is no stored tensor: the engine does not ask
}

TEST(FixedFloat, UnaryFunctions) {
  for (const char *kind : {"relu", "relu6", "sigmoid", "tanh", "hard-sigmoid", "hard-swish", "swish", "gelu", "mish",
                           "elu", "selu", "celu", "exp", "neg", "hard-tanh", "leaky-relu"})
    for (int seed = 0; seed < 4; ++seed) {
      Random r(seed);
      int fx = r.in(-1, 6), fy = r.in(0, 8);
      std::string attributes = std::string(kind) == "leaky-relu" ? " {alpha = 0.3}" : "";
      compare(graphOf({fmt::format("{}<1x300>", fx)}, "", std::string("xir.") + kind + "(%x)" + attributes, "", fy,
                      "<1x300>"),
              {numbers({1, 300}, fx, r)});
    }
}

//===- Pools and reductions -------------------------------------------------------------===//

TEST(FixedFloat, Pools) {
  for (int seed = 0; seed < Rounds; ++seed) {
    Random r(seed);
    ConvCase c(r);
    c.dh = c.dw = 1;
    c.top = std::min(c.top, c.kh - 1), c.left = std::min(c.left, c.kw - 1);
    c.bottom = std::min(c.bottom, c.kh - 1), c.right = std::min(c.right, c.kw - 1);
    int fx = r.in(-3, 7), fy = r.in(-3, 7);
    std::string kind = seed % 2 ? "avgpool2d" : "maxpool2d";
    compare(graphOf({fmt::format("{}{}", fx, c.input())}, "", "xir." + kind + "(%x) " + c.attributes(), activationOf(r),
                    fy, c.result(c.c)),
            {numbers({c.n, c.h, c.w, c.c}, fx, r)});
  }
}

TEST(FixedFloat, GlobalAveragePool) {
  Random r(2);
  compare(graphOf({"5<1x7x7x9>"}, "",
                  "xir.avgpool2d(%x) {global = true, kernel = [7, 7], stride = [1, 1], pad = [0, 0, 0, 0], pad_mode = "
                  "\"FLOOR\"}",
                  "", 6, "<1x1x1x9>"),
          {numbers({1, 7, 7, 9}, 5, r)});
}

TEST(FixedFloat, Reductions) {
  Random r(2);
  for (const char *kind : {"reduction_mean", "reduction_max"}) {
    std::string op = std::string("xir.") + kind;
    compare(graphOf({"5<2x3x7x9>"}, "", op + "(%x) {axis = [1, 2], keep_dims = true}", "", 6, "<2x1x1x9>"),
            {numbers({2, 3, 7, 9}, 5, r)});
    compare(graphOf({"5<2x3x7x9>"}, "", op + "(%x) {axis = [-1], keep_dims = false}", "relu", 6, "<2x3x7>"),
            {numbers({2, 3, 7, 9}, 5, r)});
  }
}

//===- Moves ----------------------------------------------------------------------------===//

TEST(FixedFloat, Concat) {
  for (int seed = 0; seed < Rounds; ++seed) {
    Random r(seed);
    int fx = r.in(-3, 7), fz = r.in(-3, 7), axis = r.in(0, 2);
    Shape a{2, 3, 4}, b{2, 3, 4};
    b[size_t(axis)] = r.in(1, 5);
    Shape y = a;
    y[size_t(axis)] += b[size_t(axis)];
    auto shape = [](const Shape &s) { return fmt::format("<{}x{}x{}>", s[0], s[1], s[2]); };
    compare(graphOf({fmt::format("{}{}", fx, shape(a)), fmt::format("{}{}", fz, shape(b))}, "",
                    fmt::format("xir.concat(%x, %z) {{axis = {}}}", axis - (seed % 2 ? 3 : 0)), activationOf(r),
                    r.in(-3, 7), shape(y)),
            {numbers(a, fx, r), numbers(b, fz, r)});
  }
}

TEST(FixedFloat, Moves) {
  Random r(5);
  struct {
    const char *kind, *attributes, *result;
  } cases[] = {
      {"pad", "{paddings = [0, 0, 1, 2, 3, 0, 0, 0], mode = \"CONSTANT\", constant_values = [0.3]}", "<1x7x9x8>"},
      {"pad", "{paddings = [0, 0, 1, 2, 3, 0, 0, 0], mode = \"SYMMETRIC\"}", "<1x7x9x8>"},
      {"pad", "{paddings = [0, 0, 1, 2, 3, 0, 0, 5], mode = \"REFLECT\"}", "<1x7x9x13>"},
      {"pad", "{paddings = [0, 0, -1, 0, 0, 0, 0, 0], mode = \"CONSTANT\"}", "<1x3x6x8>"},
      {"strided_slice", "{begin = [0, 1, 0, 2], end = [1, 4, 2147483647, -1], strides = [1, 2, 1, 1]}", "<1x2x6x5>"},
      {"strided_slice", "{begin = [0, -1, 5], end = [1, -5, 0], strides = [1, -1, -2]}", "<1x4x3x8>"},
      {"strided_slice", "{begin = [9, 1], end = [0, 2], strides = [1, 1], begin_mask = 1, end_mask = 3}", "<1x3x6x8>"},
      {"transpose", "{order = [0, 3, 1, 2]}", "<1x8x4x6>"},
      {"transpose", "{order = [2, 0, -1, 1]}", "<6x1x8x4>"},
      {"gstiling", "{stride = 2, reverse = false}", "<1x2x3x32>"},
      {"gstiling", "{stride = 2, reverse = true}", "<1x8x12x2>"},
      {"reorg", "{scale = 2, reverse = false}", "<1x2x3x32>"},
      {"reorg", "{scale = 2, reverse = true}", "<1x8x12x2>"},
      {"pixel-shuffle", "{scale = 2, upscale = true}", "<1x8x12x2>"},
      {"pixel-shuffle", "{scale = 2, upscale = false}", "<1x2x3x32>"},
      {"reshape", "{shape = [2, 96]}", "<2x96>"},
      {"flatten", "{start_axis = 1, end_axis = 2}", "<1x24x8>"},
      {"squeeze", "{axis = [0]}", "<4x6x8>"},
      {"resize", "{mode = \"NEAREST\", scale = [2.0, 3.0]}", "<1x12x12x8>"},
      {"resize", "{mode = \"NEAREST\", scale = [1.5, 1.25], half_pixel_centers = true}", "<1x5x9x8>"},
      {"resize", "{mode = \"NEAREST\", scale = [2.0, 2.0], align_corners = true}", "<1x8x12x8>"},
      {"resize", "{mode = \"BILINEAR\", scale = [2.0, 2.0], half_pixel_centers = true}", "<1x8x12x8>"},
      {"resize", "{mode = \"BILINEAR\", scale = [3.0, 1.75]}", "<1x7x18x8>"},
      {"resize", "{mode = \"BILINEAR\", scale = [2.5, 2.0], align_corners = true}", "<1x8x15x8>"},
  };
  for (auto &c : cases)
    for (int fy : {-2, 3, 5, 7}) {
      // Bilinear ones are not followed by an activation here: those stay in float.
      std::string activation = llvm::StringRef(c.attributes).contains("BILINEAR") ? "" : activationOf(r);
      compare(graphOf({"4<1x4x6x8>"}, "", fmt::format("xir.{}(%x) {}", c.kind, c.attributes), activation, fy, c.result),
              {numbers({1, 4, 6, 8}, 4, r)});
    }
}

} // namespace

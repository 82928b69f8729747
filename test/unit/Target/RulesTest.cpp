// Every rule of the table on both sides of its boundary.
#include "Build.h"
#include <set>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
/// A graph in which %t keeps the rule, and one in which it breaks it.
struct Pair {
  const char *rule;
  std::string good, bad;
  const char *target = "0x101000056010407"; // B4096, ISA1, 3.x
  const char *version = "";
  const char *badTarget = nullptr; // where the DPU, not the op, makes the difference
  const char *badVersion = nullptr;
};

const char *Isa0 = "DPUCZDX8G_ISA0_B4096_MAX_BG2", *Isa0Min = "DPUCZDX8G_ISA0_B4096_MIN";

std::string shape(int64_t a, int64_t b, int64_t c, int64_t d) { return fmt::format("{}x{}x{}x{}", a, b, c, d); }

struct Conv {
  const char *type = "conv2d";
  int64_t kw = 1, kh = 1, sw = 1, sh = 1, dw = 1, dh = 1, ih = 64, iw = 64, ic = 16, oc = 16;
  std::string pad = "0, 0, 0, 0", more = "";
  operator std::string() const {
    bool depthwise = std::string(type).find("depthwise") != std::string::npos;
    return data("x", shape(1, ih, iw, ic)) + weights("w", depthwise ? shape(1, kh, kw, ic) : shape(oc, kh, kw, ic)) +
           op("t", type, "%x_f, %w_f",
              fmt::format("kernel = [{}, {}], stride = [{}, {}], dilation = [{}, {}], pad = [{}]{}", kw, kh, sw, sh, dw,
                          dh, pad, more),
              shape(1, 32, 32, oc)) +
           "  return %t_f\n";
  }
};

struct Pool {
  const char *type = "maxpool2d";
  int64_t kw = 2, kh = 2, sw = 2, sh = 2, ih = 512, iw = 512;
  std::string pad = "0, 0, 0, 0";
  operator std::string() const {
    return data("x", shape(1, ih, iw, 16)) +
           op("t", type, "%x_f", fmt::format("kernel = [{}, {}], stride = [{}, {}], pad = [{}]", kw, kh, sw, sh, pad),
              shape(1, 8, 8, 16)) +
           "  return %t_f\n";
  }
};

/// %t = TYPE(inputs of these shapes).
std::string elementwise(const char *type, const char *a, const char *b, const char *out) {
  return data("x", a) + data("y", b) + op("t", type, "%x_f, %y_f", "", out) + "  return %t_f\n";
}

std::string resize(const char *mode, int64_t ih, int64_t iw, int64_t oh, int64_t ow, const char *more = "",
                   int64_t c = 16) {
  return data("x", shape(1, ih, iw, c)) +
         op("t", "resize", "%x_f", fmt::format("mode = \"{}\"{}", mode, more), shape(1, oh, ow, c)) + "  return %t_f\n";
}

std::string unary(const char *type, const char *attrs = "", const char *in = "1x8x8x16", const char *out = "1x8x8x16") {
  return data("x", in) + op("t", type, "%x_f", attrs, out) + "  return %t_f\n";
}

/// A convolution with an activation behind it; %t is the convolution.
std::string activated(const char *type, const char *activation, const char *attrs = "") {
  std::string text = data("x", "1x8x8x16") + weights("w", "16x1x1x16");
  bool two = std::string(type) == "add";
  text += fmt::format("  %t = xir.{}(%x_f, {}) {{kernel = [1, 1], stride = [1, 1]}} : f32<1x8x8x16>\n", type,
                      two ? "%x_f" : "%w_f");
  return text +
         fmt::format("  %a = xir.{}(%t) {{{}}} : f32<1x8x8x16>\n  %a_f = xir.fix(%a) : q8.4<1x8x8x16>\n  return %a_f\n",
                     activation, attrs);
}

/// %t concatenates a DPU tensor with `second` (%c1 from the DPU, %s from the CPU, %x from the user).
std::string concat(const char *first, const char *second, int axis) {
  return data("x", "1x8x8x16") + conv("c1", "x") + conv("c2", "x") + sigmoid("s", "x") +
         op("t", "concat", fmt::format("%{}_f, %{}_f", first, second), fmt::format("axis = {}", axis), "1x8x8x32") +
         "  return %t_f\n";
}

std::string reshape(const std::string &from, const std::string &after = "", const char *to = "1x8x16x8") {
  return data("x", "1x8x8x16") + conv("c", "x") + op("t", "reshape", "%" + from + "_f", "", to) + after +
         (after.empty() ? "  return %t_f\n" : "  return %d_f\n");
}

std::vector<Pair> pairs() {
  std::vector<Pair> p;
  auto add = [&](Pair pair) { p.push_back(std::move(pair)); };
  // conv2d
  add({"conv2d.kernel", Conv{.kw = 16, .kh = 1}, Conv{.kw = 17, .kh = 1}});
  add({"conv2d.kernel", Conv{.kw = 1, .kh = 16}, Conv{.kw = 1, .kh = 17}});
  add({"conv2d.stride", Conv{.kw = 3, .kh = 3, .sw = 8}, Conv{.kw = 3, .kh = 3, .sw = 9}});
  add({"conv2d.stride", Conv{.kw = 8, .kh = 8, .sw = 9, .sh = 9, .ih = 8, .iw = 8},
       Conv{.kw = 8, .kh = 8, .sw = 9, .sh = 9, .ih = 9, .iw = 8}});
  add({"conv2d.dilation", Conv{.kw = 2, .dw = 4, .dh = 4, .ic = 1024}, Conv{.kw = 2, .dw = 5, .dh = 5, .ic = 1024}});
  add({"conv2d.group", Conv{.more = ", group = 1"}, Conv{.more = ", group = 2"}});
  add({"conv2d.input-channels", Conv{.ic = 4096}, Conv{.ic = 4097}});
  add({"conv2d.input-channels", Conv{.ic = 2048}, Conv{.ic = 2049}, "DPUCZDX8G_ISA1_B1024"});
  add({"conv2d.output-channels", Conv{.oc = 4096}, Conv{.oc = 4097}});
  add({"conv2d.weights-depth", Conv{.kw = 16, .kh = 16, .ic = 128}, Conv{.kw = 16, .kh = 16, .ic = 129}});
  add({"conv2d.pad", Conv{.kw = 3, .kh = 3, .pad = "2, 2, 2, 2"}, Conv{.kw = 3, .kh = 3, .pad = "3, 0, 0, 0"}});
  add({"conv2d.pad", Conv{.kw = 3, .kh = 3, .dw = 2, .dh = 2, .pad = "4, 4, 4, 4"},
       Conv{.kw = 3, .kh = 3, .dw = 2, .dh = 2, .pad = "0, 0, 0, 5"}});
  add({"conv2d.pad", Conv{.pad = "0, 0, 0, 0"}, Conv{.pad = "0, -1, 0, 0"}});
  // transposed
  const char *tconv = "transposed-conv2d", *tdw = "transposed-depthwise-conv2d", *dw = "depthwise-conv2d";
  add({"tconv.kernel", Conv{.type = tconv, .kw = 4, .kh = 4, .sw = 2, .sh = 2},
       Conv{.type = tconv, .kw = 2, .kh = 2, .sw = 3, .sh = 2}});
  add({"tconv.kernel", Conv{.type = tconv, .kw = 31, .kh = 2, .sw = 2, .sh = 2},
       Conv{.type = tconv, .kw = 33, .kh = 2, .sw = 2, .sh = 2}});
  add({"tconv.output-padding", Conv{.type = tconv, .kw = 2, .kh = 2, .more = ", output_padding = [0, 0]"},
       Conv{.type = tconv, .kw = 2, .kh = 2, .more = ", output_padding = [0, 1]"}});
  add({"tconv.input-channels", Conv{.type = tconv, .ic = 4096}, Conv{.type = tconv, .ic = 4097}});
  add({"tconv.output-channels", Conv{.type = tconv, .oc = 4096}, Conv{.type = tconv, .oc = 4097}});
  add({"tconv.weights-depth", Conv{.type = tconv, .kw = 8, .kh = 8, .ic = 512},
       Conv{.type = tconv, .kw = 8, .kh = 8, .ic = 513}});
  add({"tconv.pad", Conv{.type = tconv, .kw = 4, .kh = 4, .pad = "3, 3, 3, 3"},
       Conv{.type = tconv, .kw = 4, .kh = 4, .pad = "0, 0, 4, 0"}});
  // depthwise
  add({"dwconv.engine", Conv{.type = dw}, Conv{.type = dw}, Isa0, "", Isa0Min});
  add({"dwconv.kernel", Conv{.type = dw, .kw = 256}, Conv{.type = dw, .kw = 257}});
  add({"dwconv.kernel", Conv{.type = dw, .kh = 16}, Conv{.type = dw, .kh = 17}, Isa0});
  add({"dwconv.stride", Conv{.type = dw, .kw = 3, .sw = 256}, Conv{.type = dw, .kw = 3, .sw = 257}});
  add({"dwconv.stride", Conv{.type = dw, .kw = 3, .sh = 8}, Conv{.type = dw, .kw = 3, .sh = 9}, Isa0});
  add({"dwconv.weights-depth", Conv{.type = dw, .kw = 64, .kh = 32}, Conv{.type = dw, .kw = 64, .kh = 33}});
  add({"dwconv.channels", Conv{.type = dw, .ic = 4096, .oc = 4096}, Conv{.type = dw, .ic = 4097, .oc = 4097}});
  add({"dwconv.pad", Conv{.type = dw, .pad = "15, 255, 15, 255"}, Conv{.type = dw, .pad = "16, 0, 0, 0"}});
  add({"dwconv.pad", Conv{.type = dw, .pad = "0, 255, 0, 0"}, Conv{.type = dw, .pad = "0, 256, 0, 0"}});
  add({"dwconv.pad", Conv{.type = dw, .kw = 3, .kh = 3, .pad = "2, 2, 2, 2"},
       Conv{.type = dw, .kw = 3, .kh = 3, .pad = "2, 3, 2, 2"}, Isa0});
  add({"tdwconv.engine", Conv{.type = tdw}, Conv{.type = tdw}, Isa0, "", Isa0Min});
  add({"tdwconv.kernel", Conv{.type = tdw, .kw = 512, .kh = 2, .sw = 2, .sh = 2},
       Conv{.type = tdw, .kw = 513, .kh = 2, .sw = 2, .sh = 2}});
  add({"tdwconv.channels", Conv{.type = tdw, .ic = 4096, .oc = 4096}, Conv{.type = tdw, .ic = 4097, .oc = 4097}});
  add({"tdwconv.pad", Conv{.type = tdw, .pad = "0, 0, 15, 0"}, Conv{.type = tdw, .pad = "0, 0, 16, 0"}});
  add({"depthwise.engine", elementwise("mul", "1x8x8x16", "1x1x1x16", "1x8x8x16"),
       elementwise("mul", "1x8x8x16", "1x1x1x16", "1x8x8x16"), "kv260", "", Isa0});
  // pool
  add({"pool.engine", Pool{.type = "avgpool2d"}, Pool{.type = "avgpool2d"}, Isa0, "", Isa0Min});
  add({"pool.kernel", Pool{.kw = 256, .kh = 256}, Pool{.kw = 257, .kh = 2}});
  add({"pool.kernel", Pool{.kw = 8, .kh = 8}, Pool{.kw = 8, .kh = 9}, Isa0});
  add({"pool.kernel", Pool{.kw = 100, .kh = 2}, Pool{.kw = 101, .kh = 2}, Isa0});
  add({"pool.kernel", Pool{.type = "avgpool2d"}, Pool{.type = "avgpool2d", .kw = 1, .kh = 1}, Isa0});
  add({"pool.square", Pool{.type = "avgpool2d", .kw = 3, .kh = 3}, Pool{.type = "avgpool2d", .kw = 3, .kh = 2}, Isa0});
  add({"pool.square", Pool{.type = "avgpool2d", .kw = 3, .kh = 2}, Pool{.type = "avgpool2d", .kw = 3, .kh = 2}, "kv260",
       "", Isa0});
  add({"pool.stride", Pool{.sw = 256}, Pool{.sw = 257}});
  add({"pool.stride", Pool{.kw = 8, .kh = 8, .sw = 9, .sh = 9, .ih = 8, .iw = 8},
       Pool{.kw = 7, .kh = 8, .sw = 9, .sh = 9, .ih = 8, .iw = 8}, Isa0});
  add({"pool.pad", Pool{.pad = "15, 255, 15, 255"}, Pool{.pad = "0, 0, 0, 256"}});
  add({"pool.pad", Pool{.pad = "1, 1, 1, 1"}, Pool{.pad = "2, 1, 1, 1"}, Isa0});
  add({"pool.window", Pool{.type = "avgpool2d", .kw = 128, .kh = 128},
       Pool{.type = "avgpool2d", .kw = 128, .kh = 129}});
  add({"mean.shared-input", unary("reduction_mean", "axis = [1, 2], keep_dims = true", "1x8x8x16", "1x1x1x16"),
       data("x", "1x8x8x16") + op("t", "reduction_mean", "%x_f", "axis = [1, 2], keep_dims = true", "1x1x1x16") +
           "  return %t_f, %x_f\n"});
  // elementwise, concat
  add({"eltwise.engine", elementwise("mul", "1x8x8x16", "1x8x8x16", "1x8x8x16"),
       elementwise("mul", "1x8x8x16", "1x8x8x16", "1x8x8x16"), "DPUCZDX8G_ISA0_B4096_MAX_EM", "", Isa0});
  add({"eltwise.shape", elementwise("add", "1x8x8x16", "1x8x8x16", "1x8x8x16"),
       elementwise("add", "1x8x8x16", "1x1x1x16", "1x8x8x16")});
  add({"concat.inputs", concat("c1", "s", 3), concat("x", "s", 3)});
  add({"concat.axis", concat("c1", "s", 3), concat("c1", "s", 2)});
  add({"concat.axis", concat("c1", "c2", 2), concat("c1", "x", 2)});
  // resize, pad
  add({"resize.mode", resize("BILINEAR", 8, 8, 16, 16), resize("TRILINEAR", 8, 8, 16, 16)});
  add({"resize.align-corners", resize("BILINEAR", 8, 8, 16, 16, ", align_corners = false"),
       resize("BILINEAR", 8, 8, 64, 64, ", align_corners = true")});
  add({"resize.scale", resize("NEAREST", 8, 8, 24, 24), resize("NEAREST", 8, 8, 20, 24)});
  add({"resize.scale", resize("BILINEAR", 8, 8, 64, 64), resize("BILINEAR", 8, 8, 24, 24)});
  add({"resize.scale", resize("BILINEAR", 8, 8, 32, 32, ", half_pixel_centers = true"),
       resize("BILINEAR", 8, 8, 64, 64, ", half_pixel_centers = true")});
  add({"resize.scale", resize("BILINEAR", 8, 8, 32, 32), resize("BILINEAR", 8, 8, 32, 16)});
  add({"resize.scale", resize("BILINEAR", 64, 64, 8, 8, ", half_pixel_centers = true"),
       resize("BILINEAR", 64, 64, 8, 9)});
  add({"resize.scale", resize("NEAREST", 5, 11, 3, 6), resize("NEAREST", 5, 11, 3, 7)});
  add({"resize.channels", resize("NEAREST", 8, 8, 16, 16, "", 4096), resize("NEAREST", 8, 8, 16, 16, "", 4097)});
  add({"pad.mode", unary("pad", "mode = \"SYMMETRIC\""), unary("pad", "mode = \"REFLECT\"")});
  add({"pad.channels", unary("pad", "mode = \"CONSTANT\"", "1x8x8x4096"),
       unary("pad", "mode = \"CONSTANT\"", "1x8x8x4097")});
  add({"hard-sigmoid.engine", unary("hard-sigmoid"), unary("hard-sigmoid"), "kv260", "", Isa0});
  add({"argmax.engine", unary("argmax", "axis = 3"), unary("argmax", "axis = 3"), "0x101000056010407", "3.5",
       "0x101000016010407"});
  // slice
  auto slice = [](const std::string &out, const std::string &strides, const std::string &from = "c") {
    return data("x", "1x8x8x16") + conv("c", "x") +
           op("t", "strided_slice", "%" + from + "_f", "strides = [" + strides + "]", out) + "  return %t_f\n";
  };
  add({"slice.channels", slice("1x8x8x8", "1, 1, 1, 1"), slice("1x8x4x16", "1, 1, 1, 1")});
  add({"slice.channels", slice("1x8x8x8", "1, 1, 1, 1"), slice("1x8x8x8", "1, 1, 1, 2")});
  add({"slice.inputs", slice("1x8x8x8", "1, 1, 1, 1"), slice("1x8x8x8", "1, 1, 1, 1", "x")});
  // reshape
  std::string next = op("d", "reshape", "%t_f", "", "1x1024"),
              dense = weights("v", "8x1x1x8") +
                      op("d", "conv2d", "%t_f, %v_f", "kernel = [1, 1], stride = [1, 1]", "1x8x16x8");
  add({"reshape.producer", reshape("c"), reshape("x", dense), "kv260", "2.5"});
  add({"reshape.neighbour", reshape("x", dense), reshape("x"), "kv260", "3.5"});
  add({"reshape.first-dimension", reshape("c"), reshape("c", "", "8x8x16")});
  // general
  add({"fuse.activation", activated("conv2d", "relu6"), activated("add", "relu6")});
  add({"fuse.activation", activated("add", "relu"), activated("add", "leaky-relu", "alpha = 0.1015625")});
  add({"activation.standalone", activated("conv2d", "relu"), unary("relu")});
  add({"leaky-relu.alpha", activated("conv2d", "leaky-relu", "alpha = 0.1015625"),
       activated("conv2d", "leaky-relu", "alpha = 0.1")});
  auto dense2 = [](const char *in, const char *out) {
    return data("x", in) + weights("w", "10x16") + op("t", "matmul", "%x_f, %w_f", "", out) + "  return %t_f\n";
  };
  add({"matmul.rank", dense2("1x16", "1x10"), dense2("1x7x16", "1x7x10")});
  add({"matmul.constant", dense2("1x16", "1x10"),
       data("y", "16x10") + data("x", "1x16") + op("t", "matmul", "%x_f, %y_f", "", "1x10") + "  return %t_f\n"});
  add({"op.float-input", unary("hard-sigmoid"),
       "  %x = xir.data() : f32<1x8x8x16>\n" + op("t", "hard-sigmoid", "%x", "", "1x8x8x16") +
           "  %o = xir.data() : f32<1>\n  %o_f = xir.fix(%o) : q8.4<1>\n  return %t_f\n"});
  add({"op.not-quantized", unary("hard-sigmoid"),
       data("x", "1x8x8x16") + "  %t = xir.hard-sigmoid(%x_f) : f32<1x8x8x16>\n  return %t\n"});
  add({"op.unsupported", unary("hard-sigmoid"), unary("sigmoid")});
  auto gated = [](const char *by) {
    return data("x", "1x8x8x16") + data("y", "1x8x8x16") + "  %t = xir.sigmoid(%x_f) : f32<1x8x8x16>\n" +
           op("m", "mul", std::string("%t, %") + by + "_f", "", "1x8x8x16") + "  return %m_f\n";
  };
  add({"activation.silu", gated("y"), gated("x")});
  auto scaled = [](const char *by) {
    return data("x", "1x8x8x16") + "  %k = const splat(1.2) : f32<1x8x8x16>\n" +
           "  %t = xir.mul(%x_f, %k) : f32<1x8x8x16>\n" + op("h", by, "%t", "", "1x8x8x16") + "  return %h_f\n";
  };
  add({"activation.hardsigmoid", scaled("relu"), scaled("hard-sigmoid")});
  add({"op.unsupported", unary("reduction_max", "axis = [1]", "1x8x8x16", "1x1x8x16"),
       unary("reduction_max", "axis = [3]", "1x8x8x16", "1x8x8x1")});
  add({"op.unknown", unary("sigmoid"), unary("Mylayer")});
  return p;
}

/// Ids of the rules the op %t breaks.
std::set<std::string> brokenBy(const std::string &text, const char *targetName, const char *version) {
  auto g = parse(text);
  auto t = target(targetName, version);
  if (!g->lookup("t"))
    return {"the test's own text is wrong"};
  Partition p = partitionGraph(*g, partitionFor(*t));
  std::set<std::string> ids;
  for (const BrokenRule &b : p.of(*g->lookup("t")->def()).broken) {
    ids.insert(b.rule->id);
    EXPECT_FALSE(b.required.empty());
    EXPECT_FALSE(b.found.empty());
    EXPECT_FALSE(b.remedy.empty());
  }
  return ids;
}
} // namespace

TEST(Rules, BothSidesOfEveryBoundary) {
  for (const Pair &p : pairs()) {
    std::set<std::string> good = brokenBy(p.good, p.target, p.version);
    EXPECT_EQ(good.count(p.rule), 0u) << p.rule << " on " << p.target << ":\n" << p.good;
    const char *badTarget = p.badTarget ? p.badTarget : p.target, *badVersion = p.badVersion ? p.badVersion : p.version;
    std::set<std::string> bad = brokenBy(p.bad, badTarget, badVersion);
    EXPECT_EQ(bad.count(p.rule), 1u) << p.rule << " on " << badTarget << ":\n" << p.bad;
  }
}

TEST(Rules, EveryRuleHasSuchAPair) {
  std::set<std::string> tested;
  for (const Pair &p : pairs())
    tested.insert(p.rule);
  for (const Rule &r : target("kv260")->rules())
    EXPECT_TRUE(tested.erase(r.id)) << "no boundary test for rule " << r.id;
  EXPECT_TRUE(tested.empty()) << "a test names rule " << *tested.begin() << ", which does not exist";
}

TEST(Rules, IdsAreUniqueAndComplete) {
  std::set<std::string> ids;
  for (const Rule &r : target("kv260")->rules()) {
    EXPECT_TRUE(ids.insert(r.id).second) << r.id;
    EXPECT_NE(std::string(r.id).find('.'), std::string::npos) << r.id;
    EXPECT_TRUE(*r.fix && *r.source) << r.id;
    EXPECT_FALSE(r.text(target("kv260")->limits()).empty()) << r.id;
  }
}

TEST(Rules, AllBrokenRulesAreReported) {
  std::set<std::string> ids =
      brokenBy(Conv{.kw = 17, .kh = 17, .sw = 9, .ic = 5000, .oc = 5000, .pad = "20, 0, 0, 0", .more = ", group = 2"},
               "kv260", "");
  EXPECT_EQ(ids, (std::set<std::string>{"conv2d.kernel", "conv2d.stride", "conv2d.dilation", "conv2d.group",
                                        "conv2d.input-channels", "conv2d.output-channels", "conv2d.weights-depth",
                                        "conv2d.pad"}));
}

TEST(Rules, MessagesCarryTheNumbers) {
  auto g = parse(Conv{.kw = 17, .kh = 3});
  auto t = target("kv260");
  Partition p = partitionGraph(*g, partitionFor(*t));
  const Placement &where = p.of(*g->lookup("t")->def());
  EXPECT_EQ(where.device, Device::Cpu);
  EXPECT_EQ(where.reasons, (std::vector<std::string>{
                               "requires that kernel width and height are in 1-16, kernel is 17x3 [conv2d.kernel]"}));
}

TEST(Rules, AbsurdNumbersDoNotOverflow) {
  std::string huge = "2147483647";
  std::string text = data("x", "1x8x8x16") + weights("w", "16x1x1x16") +
                     op("t", "conv2d", "%x_f, %w_f",
                        "kernel = [" + huge + ", " + huge + "], stride = [0, -" + huge + "], dilation = [" + huge +
                            ", 1], pad = [" + huge + ", 0, 0, 0]",
                        "1x8x8x16") +
                     "  return %t_f\n";
  EXPECT_TRUE(brokenBy(text, "kv260", "").count("conv2d.kernel"));
  std::string tconv = text;
  tconv.replace(tconv.find("conv2d("), 6, "transposed-conv2d");
  EXPECT_TRUE(brokenBy(tconv, "kv260", "").count("tconv.kernel"));
}

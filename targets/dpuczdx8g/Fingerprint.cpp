//===- Fingerprint.cpp - from the 64 bits to the engines --------------------===//
//
// ISA1 feature code: 3-0 size; 11-8 ALU pixel parallel; 16 always one; 25-24 image bank
// groups; 26 channel augmentation; 27 mean reduction; 28 conv leaky relu; 29 ALU leaky
// relu; 30 argmax in the save engine (3.0 on); 33-32 and 35-34 log2 of the width
// parallelism of conv and ALU. ISA0: 11-8 pool PP; 15-12 dwconv PP (0: no engine);
// 19-16 eltwise PP; 25-24, 26, 28 as above; 29 conv relu6; 30 average pool; 31 dwconv
// relu6; 36 multiply; 37 max reduce.
//
//===----------------------------------------------------------------------===//
#include "Fingerprint.h"
#include <fmt/format.h>
#include <numeric>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

namespace {
/// Pixel and channel parallelism by size id.
constexpr struct {
  unsigned pp, cp;
} Sizes[] = {{4, 8}, {4, 10}, {8, 8}, {4, 12}, {8, 10}, {8, 12}, {8, 14}, {8, 16}, {4, 4}, {2, 6}, {2, 8}, {2, 4}};

constexpr uint64_t TypeShift = 56, IsaShift = 48, FeatureMask = (uint64_t(1) << IsaShift) - 1;
constexpr const char *Families[] = {nullptr,     "DPUCZDX8G", "DPUCAHX8H", "DPUCAHX8L", "DPUCZDI4G",
                                    "DPUCVDX8H", "DPUCVDX8G", "DPUCADF8H", "IPU_PHX",   "DPUCV2DX8G"};

constexpr unsigned BankDepth = 2048;

unsigned field(uint64_t bits, unsigned low, unsigned width) { return bits >> low & ((1u << width) - 1); }

std::vector<int64_t> upTo(int64_t first, int64_t last) {
  std::vector<int64_t> v(last - first + 1);
  std::iota(v.begin(), v.end(), first);
  return v;
}

class Builder {
public:
  explicit Builder(Config &c)
      : l(c.limits), feature(c.fingerprint & FeatureMask), pp(c.pixelParallel), cp(c.channelParallel) {}
  void buildIsa0();
  void buildIsa1();

private:
  bool bit(unsigned n) const { return feature >> n & 1; }
  unsigned bits(unsigned low, unsigned width) const { return field(feature, low, width); }
  void set(const std::string &key, int64_t v) { l.set(key, {v}); }
  void flag(const std::string &key, bool on = true) {
    if (on)
      set(key, 1);
  }
  void bank(const std::string &name, unsigned num, unsigned width) {
    set(name + ".base_id", nextBank);
    set(name + ".bank_num", num);
    set(name + ".bank_width", width);
    set(name + ".bank_depth", BankDepth);
    nextBank += num;
  }
  void common(bool depthwiseBank);
  void engine(const std::string &name, unsigned pixels) {
    set(name + ".channel_parallel", cp);
    set(name + ".pixel_parallel", pixels);
  }
  /// Output rows one instruction may skip; without width parallelism any of 1-4.
  std::vector<int64_t> strideOutH(unsigned logWidth, unsigned pixels) {
    return logWidth == 0 ? upTo(1, 4) : upTo(1, std::max(1u, pixels >> logWidth));
  }

  Limits &l;
  uint64_t feature;
  unsigned pp, cp, nextBank = 0;
};
} // namespace

void Builder::common(bool depthwiseBank) {
  for (unsigned i = 0; i < bits(24, 2); ++i)
    bank(fmt::format("VB{}", i), pp, cp);
  bank("CONVW", cp, cp);
  if (depthwiseBank)
    bank("DWCONVW", 1, cp);
  bank("BIAS", 1, cp);
  set("load.channel_parallel", cp);
  set("save.channel_parallel", cp);
  set("conv.input_channel_parallel", cp);
  set("conv.output_channel_parallel", cp);
  set("conv.pixel_parallel", pp);
  if (bit(26))
    set("conv.channel_augmentation", 2 * cp);
  flag("conv.nonlinear.relu");
  flag("conv.nonlinear.leaky_relu", bit(28));
  l.set("conv.kernel", upTo(1, 16));
  l.set("conv.stride", upTo(1, 8));
  flag("eltwise.add");
  flag("eltwise.nonlinear.relu");
}

void Builder::buildIsa1() {
  common(true);
  unsigned alu = bits(8, 4);
  flag("save.argmax", bit(30));
  flag("conv.nonlinear.relu_six");
  l.set("conv.stride_out_h", strideOutH(bits(32, 2), pp));
  engine("eltwise", alu);
  flag("eltwise.mult");
  engine("alu", alu);
  for (const char *type :
       {"dwconv", "prelu", "avg_pool", "max_pool", "leaky_relu", "max_reduce", "dwconv_no_bias", "hsigmoid", "w16b0"})
    flag(std::string("alu.") + type);
  flag("alu.nonlinear.relu");
  flag("alu.nonlinear.leaky_relu", bit(29));
  flag("alu.nonlinear.relu_six");
  l.set("alu.kernel", upTo(1, 256));
  l.set("alu.stride", upTo(1, 256));
  l.set("alu.stride_out_h", strideOutH(bits(34, 2), alu));
  l.set("alu.pad_left", upTo(0, 15));
  l.set("alu.pad_right", upTo(0, 255));
  l.set("alu.pad_top", upTo(0, 15));
  l.set("alu.pad_bottom", upTo(0, 255));
}

void Builder::buildIsa0() {
  unsigned pool = bits(8, 4), dwconv = bits(12, 4);
  common(dwconv != 0);
  flag("conv.nonlinear.relu_six", bit(29));
  engine("eltwise", bits(16, 4));
  flag("eltwise.mult", bit(36));
  engine("pool", pool);
  flag("pool.nonlinear.relu");
  flag("pool.max");
  l.set("pool.max.kernel", upTo(1, 8));
  l.set("pool.max.stride", upTo(1, 8));
  if (bit(30)) {
    flag("pool.avg");
    l.set("pool.avg.kernel", upTo(2, 8));
    l.set("pool.avg.stride", upTo(1, 8));
  }
  flag("pool.max_reduce", bit(37));
  if (!dwconv)
    return;
  engine("dwconv", dwconv);
  flag("dwconv.nonlinear.relu");
  flag("dwconv.nonlinear.relu_six", bit(31));
  l.set("dwconv.kernel", upTo(1, 16));
  l.set("dwconv.stride", upTo(1, 8));
}

/// Bits that mean something, by ISA version.
static uint64_t meaningfulBits(unsigned isa) {
  auto range = [](unsigned low, unsigned width) { return ((uint64_t(1) << width) - 1) << low; };
  if (isa == 1)
    return range(0, 4) | range(8, 4) | range(16, 1) | range(24, 7) | range(32, 4);
  return range(0, 4) | range(8, 12) | range(24, 3) | range(28, 4) | range(36, 2);
}

static DiagBuilder refuse(uint64_t fingerprint, DiagEngine &diags, const std::string &why) {
  return std::move(diags.error(fmt::format("fingerprint 0x{:x} is not one of a DPUCZDX8G: {}", fingerprint, why))
                       .rule("target.fingerprint"));
}

static Status checkBits(uint64_t fp, DiagEngine &diags) {
  unsigned type = fp >> TypeShift, isa = field(fp, IsaShift, 8);
  uint64_t feature = fp & FeatureMask;
  if (type != 1) {
    const char *family = type < std::size(Families) ? Families[type] : nullptr;
    std::string found = family ? fmt::format("{} ({}, another family)", type, family) : fmt::format("{}", type);
    return std::move(refuse(fp, diags, "bits 63-56 are 1 for DPUCZDX8G, found " + found)
                         .rule(family ? "target.family" : "target.fingerprint"));
  }
  if (isa > 1)
    return refuse(fp, diags, fmt::format("bits 55-48 (ISA version) are 0 or 1, found {}", isa));
  if (field(feature, 0, 4) >= std::size(Sizes))
    return refuse(fp, diags,
                  fmt::format("bits 3-0 (size) are 0-{}, found {}", std::size(Sizes) - 1, field(feature, 0, 4)));
  if (uint64_t unknown = feature & ~meaningfulBits(isa))
    return refuse(fp, diags, fmt::format("bits 0x{:x} are zero for ISA{}", unknown, isa));
  if (field(feature, 24, 2) == 0)
    return refuse(fp, diags, "bits 25-24 (image bank groups) are 1-3, found 0");
  if (field(feature, 8, 4) == 0)
    return refuse(fp, diags, fmt::format("bits 11-8 ({} pixel parallel) are not 0", isa ? "ALU" : "pool"));
  if (isa == 1 && !(feature >> 16 & 1))
    return refuse(fp, diags, "bit 16 is one for ISA1");
  return success();
}

Result<Config> dpuczdx8g::decodeFingerprint(uint64_t fingerprint, DiagEngine &diags) {
  if (failed(checkBits(fingerprint, diags)))
    return failure();
  Config c;
  c.fingerprint = fingerprint;
  c.isa = field(fingerprint, IsaShift, 8);
  c.pixelParallel = Sizes[fingerprint & 15].pp;
  c.channelParallel = Sizes[fingerprint & 15].cp;
  c.peak = 2 * c.pixelParallel * c.channelParallel * c.channelParallel;
  c.name = fmt::format("DPUCZDX8G_ISA{}_B{}_{:016X}", c.isa, c.peak, fingerprint);
  for (const KnownTarget &k : knownTargets())
    if (k.fingerprint == fingerprint)
      c.name = k.name;
  Builder b(c);
  c.isa ? b.buildIsa1() : b.buildIsa0();
  return c;
}

llvm::ArrayRef<KnownTarget> dpuczdx8g::knownTargets() {
  // ISA1 names first appear in 2.0 compilers; their meaning changed with 3.0.
  constexpr uint64_t isa0 = uint64_t(1) << TypeShift, old = isa0 | uint64_t(1) << IsaShift | 0x16010000,
                     now = old | 0x40000000;
  static const KnownTarget table[] = {
      {"DPUCZDX8G_ISA1_B512", now | 0x200, 30, 99},
      {"DPUCZDX8G_ISA1_B800", now | 0x201, 30, 99},
      {"DPUCZDX8G_ISA1_B1024", now | 0x402, 30, 99},
      {"DPUCZDX8G_ISA1_B1152", now | 0x203, 30, 99},
      {"DPUCZDX8G_ISA1_B1600", now | 0x404, 30, 99},
      {"DPUCZDX8G_ISA1_B2304", now | 0x405, 30, 99},
      {"DPUCZDX8G_ISA1_B3136", now | 0x406, 30, 99},
      {"DPUCZDX8G_ISA1_B4096", now | 0x407, 30, 99},
      {"DPUCZDX8G_ISA1_B512", old | 0x200, 0, 29},
      {"DPUCZDX8G_ISA1_B800", old | 0x201, 0, 29},
      {"DPUCZDX8G_ISA1_B1024", old | 0x402, 0, 29},
      {"DPUCZDX8G_ISA1_B1152", old | 0x203, 0, 29},
      {"DPUCZDX8G_ISA1_B1600", old | 0x404, 0, 29},
      {"DPUCZDX8G_ISA1_B2304", old | 0x405, 0, 29},
      {"DPUCZDX8G_ISA1_B3136", old | 0x406, 0, 29},
      {"DPUCZDX8G_ISA1_B4096", old | 0x407, 0, 29},
      {"DPUCZDX8G_ISA0_B512_MAX", isa0 | 0x20f7012200, 0, 99},
      {"DPUCZDX8G_ISA0_B512_MIN", isa0 | 0x2022010100, 0, 99},
      {"DPUCZDX8G_ISA0_B800_MAX", isa0 | 0x20f7012201, 0, 99},
      {"DPUCZDX8G_ISA0_B800_MIN", isa0 | 0x2022010101, 0, 99},
      {"DPUCZDX8G_ISA0_B1024_MAX", isa0 | 0x20f7014402, 0, 99},
      {"DPUCZDX8G_ISA0_B1024_MIN", isa0 | 0x2022010102, 0, 99},
      {"DPUCZDX8G_ISA0_B1152_MAX", isa0 | 0x20f7012203, 0, 99},
      {"DPUCZDX8G_ISA0_B1152_MIN", isa0 | 0x2022010103, 0, 99},
      {"DPUCZDX8G_ISA0_B1600_MAX", isa0 | 0x20f7014404, 0, 99},
      {"DPUCZDX8G_ISA0_B1600_MIN", isa0 | 0x2022010104, 0, 99},
      {"DPUCZDX8G_ISA0_B2304_MAX", isa0 | 0x20f7014405, 0, 99},
      {"DPUCZDX8G_ISA0_B2304_MAX_BG2", isa0 | 0x20f6014405, 0, 99},
      {"DPUCZDX8G_ISA0_B2304_MIN", isa0 | 0x2022010105, 0, 99},
      {"DPUCZDX8G_ISA0_B3136_MAX", isa0 | 0x20f7014406, 0, 99},
      {"DPUCZDX8G_ISA0_B3136_MAX_BG2", isa0 | 0x20f6014406, 0, 99},
      {"DPUCZDX8G_ISA0_B3136_MIN", isa0 | 0x2022010106, 0, 99},
      {"DPUCZDX8G_ISA0_B4096_MAX", isa0 | 0x20f7014407, 0, 99},
      {"DPUCZDX8G_ISA0_B4096_MAX_BG2", isa0 | 0x20f6014407, 0, 99},
      {"DPUCZDX8G_ISA0_B4096_MAX_EM", isa0 | 0x30f7014407, 0, 99},
      {"DPUCZDX8G_ISA0_B4096_MIN", isa0 | 0x2022010107, 0, 99},
  };
  return table;
}

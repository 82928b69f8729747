//===- Describe.cpp - fingerprints for people, and the list of them ---------===//
#include "Fingerprint.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

namespace {
enum class As : uint8_t { Number, Flag, Size, Log2 };
struct Field {
  unsigned low, width;
  const char *name;
  As as;
};

constexpr Field Isa1[] = {{34, 2, "ALU: rows at once share the width", As::Log2},
                          {32, 2, "convolution: rows at once share the width", As::Log2},
                          {30, 1, "argmax in the save engine", As::Flag},
                          {29, 1, "leaky relu in the ALU (depthwise)", As::Flag},
                          {28, 1, "leaky relu in the convolution engine", As::Flag},
                          {27, 1, "mean reduction on load", As::Flag},
                          {26, 1, "channel augmentation (first layer)", As::Flag},
                          {24, 2, "image bank groups", As::Number},
                          {16, 1, "always one", As::Number},
                          {8, 4, "ALU pixel parallel", As::Number},
                          {0, 4, "size", As::Size}};

constexpr Field Isa0[] = {{37, 1, "max reduction of 100x2 windows", As::Flag},
                          {36, 1, "elementwise product", As::Flag},
                          {31, 1, "relu6 behind depthwise convolutions", As::Flag},
                          {30, 1, "average pool", As::Flag},
                          {29, 1, "relu6 behind convolutions", As::Flag},
                          {28, 1, "leaky relu behind convolutions", As::Flag},
                          {26, 1, "channel augmentation (first layer)", As::Flag},
                          {24, 2, "image bank groups", As::Number},
                          {16, 4, "elementwise pixel parallel", As::Number},
                          {12, 4, "depthwise pixel parallel (0: no engine)", As::Number},
                          {8, 4, "pool pixel parallel", As::Number},
                          {0, 4, "size", As::Size}};
} // namespace

static std::string valueOf(const Field &f, const Config &c) {
  uint64_t v = c.fingerprint >> f.low & ((uint64_t(1) << f.width) - 1);
  switch (f.as) {
  case As::Flag:
    return v ? "yes" : "no";
  case As::Number:
    return std::to_string(v);
  case As::Log2:
    return std::to_string(1u << v);
  case As::Size:
    return fmt::format("{} = B{}: {} pixels x {} x {} channels", v, c.peak, c.pixelParallel, c.channelParallel,
                       c.channelParallel);
  }
  return "";
}

Result<std::vector<FingerprintField>> dpuopt::describeFingerprint(uint64_t fingerprint, DiagEngine &diags) {
  auto config = decodeFingerprint(fingerprint, diags);
  if (!config)
    return failure();
  std::vector<FingerprintField> fields = {{"63-56", "DPU family", "1 = DPUCZDX8G"},
                                          {"55-48", "ISA", std::to_string(config->isa)}};
  for (const Field &f : config->isa ? llvm::makeArrayRef(Isa1) : llvm::makeArrayRef(Isa0))
    fields.push_back({f.width == 1 ? std::to_string(f.low) : fmt::format("{}-{}", f.low + f.width - 1, f.low), f.name,
                      valueOf(f, *config)});
  return fields;
}

std::vector<DpuConfiguration> dpuopt::dpuczdx8gConfigurations() {
  std::vector<DpuConfiguration> list;
  DiagEngine quiet;
  for (const KnownTarget &k : knownTargets()) {
    auto config = decodeFingerprint(k.fingerprint, quiet);
    bool known = llvm::any_of(list, [&](const DpuConfiguration &c) { return c.fingerprint == k.fingerprint; });
    if (config && !known)
      list.push_back({k.name, k.fingerprint, config->peak, lastReleaseOf(k.fingerprint).value_or(DefaultVitisAi)});
  }
  llvm::stable_sort(list, [](const DpuConfiguration &a, const DpuConfiguration &b) {
    return std::make_pair(b.release, a.peak) < std::make_pair(a.release, b.peak);
  });
  return list;
}

std::string dpuopt::releasesOfFingerprint(uint64_t fingerprint) {
  for (const KnownTarget &k : knownTargets())
    if (k.fingerprint == fingerprint)
      return k.since >= 30 ? "Vitis AI 3.0/3.5" : k.until < 30 ? "Vitis AI 2.5, DPU-PYNQ 2.5" : "up to Vitis AI 2.0";
  return "no release registers it";
}

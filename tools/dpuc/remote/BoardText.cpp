//===- BoardText.cpp - a board in words, as JSON, and against a model -----------------------===//
#include "Board.h"
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

/// The name that a release registers for it; empty: none, or another family.
static std::string dpuName(uint64_t fingerprint) {
  for (const DpuConfiguration &c : dpuczdx8gConfigurations())
    if (c.fingerprint == fingerprint)
      return c.name;
  return "";
}

/// What --target and --vitis-ai have to be for such a DPU, shortest first: "kv260", "kv260 --vitis-ai 2.5".
static std::string targetFlag(uint64_t fingerprint) {
  for (const char *alias : {"kv260", "ultra96"})
    for (const char *release : {"", "2.5"}) {
      DiagEngine silent;
      auto target = makeDpuczdx8gTarget({alias, release}, silent);
      if (target && (*target)->fingerprint() == fingerprint)
        return fmt::format("--target {}{}{}", alias, *release ? " --vitis-ai " : "", release);
    }
  return fmt::format("--target 0x{:x}", fingerprint);
}

/// "KV260, PetaLinux 2022.2 (aarch64)".
static std::string placeOf(const Board &b) {
  std::string text;
  for (const std::string &part : {b.model.empty() ? b.name : b.model, b.os})
    if (!part.empty())
      text += (text.empty() ? "" : ", ") + part;
  return text + (b.machine.empty() ? "" : fmt::format(" ({})", b.machine));
}

std::string dpuopt::coresOf(const Board &b, uint64_t fingerprint) {
  std::vector<const BoardCore *> list;
  for (const BoardCore &c : b.cores)
    if (c.fingerprint == fingerprint)
      list.push_back(&c);
  std::string text = fmt::format("{} core{}", list.size(), list.size() == 1 ? "" : "s");
  const std::string name = list[0]->arch.empty() ? dpuName(fingerprint) : list[0]->arch;
  text += name.empty() ? "" : " of " + name;
  return text + (list[0]->megahertz ? fmt::format(" at {} MHz", list[0]->megahertz) : "");
}

void dpuopt::printBoard(const Board &b, llvm::raw_ostream &os) {
  printWrapped(os, "board     ", b.address + (placeOf(b).empty() ? "" : ": " + placeOf(b)));
  printWrapped(os, "runtime   ",
               (b.runtime.empty() ? std::string("of an unknown release") : "Vitis AI " + b.runtime) +
                   (b.ipVersion.empty() ? "" : ", DPU IP " + b.ipVersion));
  for (uint64_t f : b.fingerprints()) {
    printWrapped(os, "DPU       ", coresOf(b, f));
    DiagEngine silent;
    auto fields = describeFingerprint(f, silent);
    if (!fields) {
      printWrapped(os, "          ", fmt::format("0x{:x}, which is no DPUCZDX8G: this program has no rules for it", f));
      continue;
    }
    printWrapped(os, "          ", fmt::format("0x{:x} ({})", f, releasesOfFingerprint(f)));
    for (const FingerprintField &field : *fields)
      printWrapped(os, fmt::format("  {:>6}  {:<38} ", field.bits, field.name), field.value);
    printWrapped(os, "compile   ", targetFlag(f));
  }
  printWrapped(os, "programs  ", [&] {
    std::vector<std::string> there;
    for (const std::string &tool : {b.xdputil, b.showDpu, b.dpuc, b.runner})
      if (!tool.empty())
        there.push_back(tool);
    return fmt::format("{}", fmt::join(there, ", "));
  }());
}

static Json orNull(const std::string &text) { return text.empty() ? Json() : Json(text); }

std::string dpuopt::boardJson(const Board &b) {
  Json cores = Json::array(), dpus = Json::array();
  for (const BoardCore &c : b.cores)
    cores.push_back({{"name", c.name},
                     {"arch", orNull(c.arch)},
                     {"fingerprint", fmt::format("0x{:x}", c.fingerprint)},
                     {"mhz", c.megahertz ? Json(c.megahertz) : Json()}});
  for (uint64_t f : b.fingerprints()) {
    DiagEngine silent;
    auto fields = describeFingerprint(f, silent);
    Json bits = Json::array();
    if (fields)
      for (const FingerprintField &field : *fields)
        bits.push_back({{"bits", field.bits}, {"name", field.name}, {"value", field.value}});
    dpus.push_back({{"fingerprint", fmt::format("0x{:x}", f)},
                    {"name", orNull(dpuName(f))},
                    {"releases", fields ? Json(releasesOfFingerprint(f)) : Json()},
                    {"target", fields ? Json(targetFlag(f)) : Json()},
                    {"fields", bits}});
  }
  Json j = {{"board", b.address},
            {"name", orNull(b.name)},
            {"model", orNull(b.model)},
            {"machine", orNull(b.machine)},
            {"os", orNull(b.os)},
            {"runtime", orNull(b.runtime)},
            {"ip_version", orNull(b.ipVersion)},
            {"cores", cores},
            {"dpus", dpus},
            {"programs",
             {{"xdputil", orNull(b.xdputil)},
              {"show_dpu", orNull(b.showDpu)},
              {"dpuc", orNull(b.dpuc)},
              {"dpuopt-vart-runner", orNull(b.runner)}}}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// A note for each field in which two DPUs differ.
static void noteDifferences(uint64_t model, uint64_t board, DiagBuilder &error) {
  DiagEngine silent;
  auto ours = describeFingerprint(model, silent), theirs = describeFingerprint(board, silent);
  if (!ours || !theirs) {
    error.note(fmt::format("0x{:x} is no DPUCZDX8G", ours ? board : model));
    return;
  }
  if (ours->size() != theirs->size() || (*ours)[1].value != (*theirs)[1].value) {
    error.note("the instruction sets differ: nothing compiled for one runs on the other");
    return;
  }
  for (size_t i = 0; i < ours->size(); ++i)
    if ((*ours)[i].value != (*theirs)[i].value)
      error.note(fmt::format("bit {}, {}: {} in the model, {} on the board", (*ours)[i].bits, (*ours)[i].name,
                             (*ours)[i].value, (*theirs)[i].value));
}

bool dpuopt::checkFingerprint(const Board &board, uint64_t wanted, const std::string &path, DiagEngine &diags) {
  const std::vector<uint64_t> has = board.fingerprints();
  if (!wanted || has.empty() || llvm::is_contained(has, wanted)) // VART does not check what it does not know, either
    return true;
  DiagBuilder error = diags.error(
      fmt::format("compiled for the DPU 0x{:x} ({}), the board has 0x{:x} ({}): its runtime will refuse the file",
                  wanted, releasesOfFingerprint(wanted), has[0], releasesOfFingerprint(has[0])));
  error.file(path).rule("remote.fingerprint");
  noteDifferences(wanted, has[0], error);
  error.note(
      fmt::format("compile again for it: dpuc compile ... {}, or vai_c_xir with {{\"fingerprint\":\"0x{:x}\"}} as "
                  "arch.json; dpuc doctor MODEL --board 0x{:x} looks at the rest",
                  targetFlag(has[0]), has[0], has[0]));
  return false;
}

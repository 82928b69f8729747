//===- Runtimes.cpp - what the runtimes on a board can load ----------------------------===//
#include "dpuopt/Target/Runtimes.h"
#include <fmt/format.h>
#include <map>

using namespace dpuopt;

namespace {
constexpr struct {
  const char *name;
  Runtime runtime;
} Names[] = {{"vart", Runtime::Vart}, {"graph-runner", Runtime::GraphRunner}, {"dpu-pynq", Runtime::DpuPynq}};

constexpr struct {
  const char *type;
  VitisAi since, until;
} Plugins[] = {
#define CPU_OP(Type, Since, Until) {Type, Since, Until},
#include "GraphRunnerOps.def"
#undef CPU_OP
};

using Checks = std::vector<RuntimeCheck>;
} // namespace

static const char *nameOf(Runtime r) {
  for (auto &n : Names)
    if (n.runtime == r)
      return n.name;
  return "";
}

std::string RuntimeProfile::str() const { return fmt::format("{}@{}", nameOf(runtime), vitisAiStr(release)); }

Result<RuntimeProfile> dpuopt::parseRuntimeProfile(llvm::StringRef text, VitisAi otherwise, DiagEngine &diags) {
  auto [name, release] = text.split('@');
  RuntimeProfile p;
  p.release = otherwise;
  if (text.contains('@')) {
    std::optional<VitisAi> v = parseVitisAi(release);
    if (!v)
      return diags.error(fmt::format("a runtime profile's release is a number such as 2.5, found '{}'", release.str()))
          .rule("runtime.profile");
    p.release = *v;
  }
  for (auto &n : Names)
    if (name == n.name) {
      p.runtime = n.runtime;
      return p;
    }
  return diags.error(fmt::format("there is no runtime profile '{}'", name.str()))
      .rule("runtime.profile")
      .note("profiles: vart, graph-runner, dpu-pynq, each with a release if wanted: dpu-pynq@2.5");
}

bool dpuopt::runsOnGraphRunner(llvm::StringRef type, VitisAi release) {
  // A release between two that are known behaves as the earlier one.
  for (auto &p : Plugins)
    if (type == p.type)
      return release >= p.since && release <= p.until;
  return false;
}

static void checkSubgraphs(const RuntimeProfile &profile, const LoadedModel &m, Checks &out) {
  std::string found = fmt::format("{} DPU subgraph{}", m.dpuSubgraphs, m.dpuSubgraphs == 1 ? "" : "s");
  bool one = m.dpuSubgraphs == 1;
  if (profile.runtime == Runtime::GraphRunner)
    out.push_back({m.dpuSubgraphs ? RuntimeCheck::Ok : RuntimeCheck::Fail, "runtime.subgraphs", found});
  else if (one)
    out.push_back({RuntimeCheck::Ok, "runtime.subgraphs", found});
  else
    out.push_back({RuntimeCheck::Fail, "runtime.subgraphs",
                   fmt::format("{}, {} runs exactly one{}", found, nameOf(profile.runtime),
                               profile.runtime == Runtime::DpuPynq ? ": load_model stops at its assertion" : "")});
}

/// One line per type of op, however many there are.
static void checkCpuOps(const RuntimeProfile &profile, const LoadedModel &m, Checks &out) {
  std::map<std::string, std::pair<unsigned, std::string>> missing;
  unsigned conversions = 0, others = 0;
  for (const LoadedModel::CpuOp &op : m.cpuOps) {
    conversions += op.isConversion;
    others += !op.isConversion;
    bool runs = profile.runtime == Runtime::GraphRunner && runsOnGraphRunner(op.type, profile.release);
    if (runs || op.isConversion)
      continue;
    auto &entry = missing.try_emplace(op.type, 0, op.name).first->second;
    ++entry.first;
  }
  for (auto &[type, entry] : missing) {
    std::string what = fmt::format("CPU op `{}` ({}{})", type, entry.second,
                                   entry.first > 1 ? fmt::format(" and {} more", entry.first - 1) : "");
    if (profile.runtime == Runtime::GraphRunner)
      out.push_back(
          {RuntimeCheck::Fail, "runtime.cpu-op",
           fmt::format("{} is not in cpu_task of {}: graph_runner aborts at load", what, vitisAiStr(profile.release))});
    else
      out.push_back({RuntimeCheck::Warn, "runtime.cpu-op",
                     fmt::format("{} is not run by {}: the application has to", what, nameOf(profile.runtime))});
  }
  if (missing.empty() && others)
    out.push_back({RuntimeCheck::Ok, "runtime.cpu-op", fmt::format("{} CPU ops have a plugin", others)});
  if (conversions)
    out.push_back({RuntimeCheck::Ok, "runtime.conversion",
                   fmt::format("{} output{} converted to float on the CPU, harmless: x / 2^fix point", conversions,
                               conversions == 1 ? " is" : "s are")});
}

static void checkRounding(const RuntimeProfile &profile, const LoadedModel &m, Checks &out) {
  for (const LoadedModel::CpuOp &op : m.cpuOps)
    if (!op.badRoundMode.empty()) {
      auto verdict = profile.runtime == Runtime::GraphRunner ? RuntimeCheck::Fail : RuntimeCheck::Warn;
      out.push_back(
          {verdict, "runtime.round-mode",
           fmt::format("`{}` on the CPU rounds {}, cpu_task knows DPU_ROUND only", op.name, op.badRoundMode)});
      return;
    }
}

static void checkVersions(const RuntimeProfile &profile, const LoadedModel &m, Checks &out) {
  if (m.compiler && *m.compiler > profile.release)
    out.push_back({RuntimeCheck::Fail, "runtime.compiler",
                   fmt::format("built by xcompiler {}, the runtime is {} (known: the process dies without a message)",
                               vitisAiStr(*m.compiler), vitisAiStr(profile.release))});
  else if (m.compiler && *m.compiler / 10 < profile.release / 10)
    out.push_back({RuntimeCheck::Warn, "runtime.compiler",
                   fmt::format("built by xcompiler {}, the runtime is {}: compile again with the release of the board",
                               vitisAiStr(*m.compiler), vitisAiStr(profile.release))});
  else if (m.compiler)
    out.push_back({RuntimeCheck::Ok, "runtime.compiler", "built by xcompiler " + vitisAiStr(*m.compiler)});
  if (!m.board)
    return;
  bool same = m.fingerprint == *m.board;
  if (same || !m.fingerprint || !*m.board)
    out.push_back({RuntimeCheck::Ok, "runtime.fingerprint",
                   same ? fmt::format("fingerprint 0x{:x}", m.fingerprint) : "fingerprint 0 is not checked"});
  else
    out.push_back({RuntimeCheck::Fail, "runtime.fingerprint",
                   fmt::format("fingerprint of the model 0x{:x}, of the board 0x{:x}: CHECK fingerprint fail",
                               m.fingerprint, *m.board)});
}

std::vector<RuntimeCheck> dpuopt::checkRuntime(const RuntimeProfile &profile, const LoadedModel &m) {
  Checks out;
  checkSubgraphs(profile, m, out);
  if (m.batch > 1)
    out.push_back({RuntimeCheck::Warn, "runtime.batch",
                   fmt::format("batch is {}: a DPUCZDX8G core takes one image at a time", m.batch)});
  else if (m.batch == 1)
    out.push_back({RuntimeCheck::Ok, "runtime.batch", "batch 1"});
  checkVersions(profile, m, out);
  checkCpuOps(profile, m, out);
  checkRounding(profile, m, out);
  return out;
}

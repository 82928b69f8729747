//===- Target.cpp - limits, rules, releases ---------------------------------===//
#include "dpuopt/Target/Target.h"
#include "dpuopt/Target/Fusion.h"
#include <algorithm>
#include <fmt/format.h>

using namespace dpuopt;

const char *dpuopt::deviceName(Device d) {
  switch (d) {
  case Device::User:
    return "USER";
  case Device::Dpu:
    return "DPU";
  case Device::Cpu:
    return "CPU";
  }
  return "";
}

int64_t Limits::get(llvm::StringRef key, int64_t dflt) const {
  const std::vector<int64_t> &values = list(key);
  return values.empty() ? dflt : values.front();
}

const std::vector<int64_t> &Limits::list(llvm::StringRef key) const {
  static const std::vector<int64_t> none;
  auto it = values_.find(key.str());
  return it == values_.end() ? none : it->second;
}

bool Limits::contains(llvm::StringRef key, int64_t v) const { return llvm::is_contained(list(key), v); }

std::string Limits::text(llvm::StringRef key) const {
  const std::vector<int64_t> &values = list(key);
  std::string out;
  for (size_t i = 0; i < values.size();) {
    size_t last = i;
    while (last + 1 < values.size() && values[last + 1] == values[last] + 1)
      ++last;
    out += out.empty() ? "" : ", ";
    // Two neighbours read better as a list than as a range.
    if (last > i + 1)
      out += fmt::format("{}-{}", values[i], values[last]);
    else if (last = i, true)
      out += fmt::format("{}", values[i]);
    i = last + 1;
  }
  return out;
}

std::optional<VitisAi> dpuopt::parseVitisAi(llvm::StringRef text) {
  auto [major, rest] = text.split('.');
  llvm::StringRef minor = rest.split('.').first; // "3.5.0" is 3.5
  if (major.size() != 1 || minor.size() != 1 || major[0] < '1' || major[0] > '9' || minor[0] < '0' || minor[0] > '9')
    return std::nullopt;
  return (major[0] - '0') * 10 + (minor[0] - '0');
}

std::string dpuopt::vitisAiStr(VitisAi version) { return fmt::format("{}.{}", version / 10, version % 10); }

std::string BrokenRule::message() const { return fmt::format("requires that {}, {}", required, found); }

std::string BrokenRule::str() const { return fmt::format("{} [{}]", message(), rule->id); }

static bool applies(const Rule &rule, const FusedOp &op, VitisAi version) {
  if (version < rule.since || version > rule.until)
    return false;
  // Rules of a kind may look at the first operand; one that lacks it is malformed, not illegal.
  if (!rule.ops.empty() && op.anchor && !op.anchor->operand(0))
    return false;
  const std::string &kind = op.candidate.empty() ? op.kind : op.candidate;
  return rule.ops.empty() || llvm::is_contained(rule.ops, llvm::StringRef(kind));
}

std::vector<BrokenRule> Target::check(const FusedOp &op) const {
  std::vector<BrokenRule> broken;
  for (const Rule &rule : rules())
    if (applies(rule, op, vitisAi()) && !rule.holds(op, limits()))
      broken.push_back(
          {&rule, rule.text(limits()), rule.found(op), rule.remedy ? rule.remedy(op) : std::string(rule.fix)});
  return broken;
}

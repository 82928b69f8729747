//===- DiffReport.cpp - a GraphDiff as text and JSON --------------------------------===//
#include "dpuopt/Report/DiffReport.h"
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

static std::string lineOf(const Difference &d) {
  std::string sides = d.kind == DiffKind::OnlyInA   ? d.a
                      : d.kind == DiffKind::OnlyInB ? d.b
                      : d.a.empty() && d.b.empty()
                          ? ""
                          : fmt::format("{} -> {}", d.a.empty() ? "none" : d.a, d.b.empty() ? "none" : d.b);
  return fmt::format("  {}: {}{}{}\n", d.where, d.what, sides.empty() ? "" : ": ", sides);
}

void dpuopt::printDiff(const GraphDiff &diff, llvm::StringRef nameA, llvm::StringRef nameB, size_t perKind,
                       llvm::raw_ostream &os) {
  os << fmt::format("A: {}, {} ops\nB: {}, {} ops\n", nameA.str(), diff.opsInA, nameB.str(), diff.opsInB);
  os << fmt::format("paired: {} by name, {} by structure\n", diff.pairedByName, diff.pairedByStructure);
  if (diff.same()) {
    os << "no difference\n";
    return;
  }
  os << fmt::format("{} difference{}\n", diff.differences.size(), diff.differences.size() == 1 ? "" : "s");
  for (size_t k = 0; k < NumDiffKinds; ++k)
    if (size_t n = diff.count(DiffKind(k)))
      os << fmt::format("  {:<14}{}\n", diffKindName(DiffKind(k)).str(), n);
  for (size_t k = 0; k < NumDiffKinds; ++k) {
    size_t n = 0;
    for (const Difference &d : diff.differences) {
      if (d.kind != DiffKind(k))
        continue;
      if (n == 0)
        os << '\n' << diffKindName(DiffKind(k)) << '\n';
      if (n++ < perKind)
        os << lineOf(d);
    }
    if (n > perKind)
      os << fmt::format("  and {} more (--all prints them)\n", n - perKind);
  }
}

/// JSON has no infinity and no NaN.
static Json number(double v) { return std::isfinite(v) ? Json(v) : Json(fmt::format("{}", v)); }

static Json constantJson(const ConstantDelta &c) {
  Json first = Json::array();
  for (const ConstantDelta::Element &e : c.first)
    first.push_back({{"index", e.index}, {"a", number(e.a)}, {"b", number(e.b)}});
  return {{"hash_a", fmt::format("{:016x}", c.hashA)},
          {"hash_b", fmt::format("{:016x}", c.hashB)},
          {"elements", c.elements},
          {"differing", c.differing},
          {"largest", number(c.largest)},
          {"unit", c.inLsb ? "lsb" : "number"},
          {"first", std::move(first)}};
}

std::string dpuopt::diffJson(const GraphDiff &diff, llvm::StringRef nameA, llvm::StringRef nameB) {
  Json counts = Json::object(), list = Json::array();
  for (size_t k = 0; k < NumDiffKinds; ++k)
    counts[diffKindName(DiffKind(k)).str()] = diff.count(DiffKind(k));
  for (const Difference &d : diff.differences) {
    Json j = {{"kind", diffKindName(d.kind).str()}, {"where", d.where}, {"what", d.what}, {"a", d.a}, {"b", d.b}};
    if (d.constant)
      j["constant"] = constantJson(*d.constant);
    list.push_back(std::move(j));
  }
  Json j = {{"a", nameA.str()},
            {"b", nameB.str()},
            {"same", diff.same()},
            {"ops_in_a", diff.opsInA},
            {"ops_in_b", diff.opsInB},
            {"paired_by_name", diff.pairedByName},
            {"paired_by_structure", diff.pairedByStructure},
            {"counts", std::move(counts)},
            {"differences", std::move(list)}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

//===- Sarif.cpp - findings for code scanning (SARIF 2.1.0) ---------------------------===//
#include "SarifLog.h"
#include "dpuopt/Report/Formats.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

/// A path as a URI reference: everything but unreserved characters and '/' is escaped.
static std::string uriOf(llvm::StringRef path) {
  std::string uri;
  for (unsigned char c : path.bytes())
    if (llvm::isAlnum(c) || llvm::StringRef("-._~/").contains(static_cast<char>(c)))
      uri += static_cast<char>(c);
    else
      uri += fmt::format("%{:02X}", c);
  return uri;
}

/// The rules of a cause; a head has its own.
static std::vector<ReportedRule> rulesOf(const ReportedCause &c) {
  if (!c.isHead && !c.rules.empty())
    return c.rules;
  return {{c.id.empty() ? "op.cpu" : c.id, "every op is on the DPU", "this one is " + c.title, c.remedy, ""}};
}

Json dpuopt::sarifLocation(llvm::StringRef model, const std::string &node) {
  return {{"physicalLocation", {{"artifactLocation", {{"uri", uriOf(model)}}}}},
          {"logicalLocations", Json::array({{{"fullyQualifiedName", node}, {"kind", "element"}}})}};
}

std::string dpuopt::sarifLog(llvm::StringRef model, Json rules, Json results) {
  Json driver = {{"name", "dpuc"}, {"rules", std::move(rules)}};
  Json run = {{"tool", {{"driver", std::move(driver)}}},
              {"artifacts", Json::array({{{"location", {{"uri", uriOf(model)}}}}})},
              {"results", std::move(results)}};
  Json sarif = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                {"version", "2.1.0"},
                {"runs", Json::array({std::move(run)})}};
  return sarif.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string dpuopt::reportSarif(const ModelReport &r) {
  Json rules = Json::array(), results = Json::array();
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < r.causes.size(); ++i) {
    const ReportedCause &c = r.causes[i];
    bool first = r.plan && llvm::is_contained(r.plan->first, i);
    for (const ReportedRule &rule : rulesOf(c)) {
      auto [it, isNew] = index.try_emplace(rule.id, rules.size());
      if (isNew)
        rules.push_back({{"id", rule.id},
                         {"shortDescription", {{"text", "Required: " + rule.required}}},
                         {"help", {{"text", rule.remedy.empty() ? rule.required : rule.remedy}}}});
      std::string text = fmt::format("{}: required is that {}; {}.", c.title, rule.required, rule.found);
      if (!rule.remedy.empty())
        text += " Remedy: " + rule.remedy + ".";
      for (const std::string &node : c.nodes)
        results.push_back({{"ruleId", rule.id},
                           {"ruleIndex", it->second},
                           {"level", first ? "error" : "warning"},
                           {"message", {{"text", text}}},
                           {"locations", Json::array({sarifLocation(r.model, node)})}});
    }
  }
  return sarifLog(r.model, std::move(rules), std::move(results));
}

//===- LintForms.cpp - a LintReport for programs -----------------------------------------===//
#include "SarifLog.h"
#include "dpuopt/Report/LintReport.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

/// JSON has no infinity: null is a ratio without noise.
static Json decibels(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }

static Json moveJson(const LintMove &m) {
  Json j = {{"tensor", m.tensor}, {"role", m.role},          {"before", m.before},
            {"after", m.after},   {"bits_lost", m.bitsLost}, {"range_fits", m.rangeFits}};
  if (m.param)
    j["parameter"] = {{"snr_before", decibels(m.param->snrBefore)},
                      {"snr_after", decibels(m.param->snrAfter)},
                      {"max_error_before", m.param->maxErrorBefore},
                      {"max_error_after", m.param->maxErrorAfter}};
  if (m.data)
    j["data"] = {{"snr_before", decibels(m.data->snrBefore)},
                 {"snr_after", decibels(m.data->snrAfter)},
                 {"saturated_before", m.data->saturatedBefore},
                 {"saturated_after", m.data->saturatedAfter}};
  return j;
}

static void addOutputs(Json &j, const std::optional<double> &snr, const std::optional<unsigned> &top1) {
  if (snr)
    j["output_snr"] = decibels(*snr);
  if (top1)
    j["answers_changed"] = *top1;
}

static Json wayJson(const LintWay &way) {
  Json moves = Json::array();
  for (const LintMove &m : way.moves)
    moves.push_back(moveJson(m));
  Json j = {{"cheapest", way.cheapest}, {"cost", way.cost}, {"tools", way.tools}, {"breaks", way.breaks}};
  addOutputs(j, way.outputSnr, way.top1Changed);
  j["moves"] = std::move(moves);
  return j;
}

static Json findingJson(const LintFinding &f) {
  Json ways = Json::array();
  for (const LintWay &way : f.ways)
    ways.push_back(wayJson(way));
  return {{"rule", f.rule},         {"node", f.node}, {"op", f.op},     {"tensor", f.tensor}, {"numbers", f.numbers},
          {"amount", f.amount},     {"low", f.low},   {"high", f.high}, {"margin", f.margin}, {"broken", f.broken},
          {"ways", std::move(ways)}};
}

static Json toolJson(const LintTool &tool) {
  Json changes = Json::array();
  for (const LintTool::Change &c : tool.changes)
    changes.push_back({{"tensor", c.tensor},
                       {"before", c.before},
                       {"after", c.after},
                       {"rule", c.rule},
                       {"node", c.node},
                       {"numbers", c.numbers}});
  Json j = {{"tool", tool.name}, {"changes", std::move(changes)}};
  addOutputs(j, tool.outputSnr, tool.top1Changed);
  return j;
}

std::string dpuopt::lintJson(const LintReport &r) {
  Json rules = Json::array(), findings = Json::array(), tools = Json::array();
  for (const LintRule &rule : r.rules) {
    rules.push_back({{"id", rule.id},
                     {"gravity", rule.gravity},
                     {"required", rule.required},
                     {"why", rule.why},
                     {"tools", rule.tools},
                     {"source", rule.source},
                     {"checked", rule.checked},
                     {"broken", rule.broken}});
    if (rule.tightest)
      rules.back()["tightest"] = *rule.tightest;
  }
  for (const LintFinding &f : r.findings)
    findings.push_back(findingJson(f));
  for (const LintTool &tool : r.tools)
    tools.push_back(toolJson(tool));
  Json j = {{"model", r.model},
            {"positions", r.positions},
            {"tensors", r.placed},
            {"clean", r.clean()},
            {"errors", r.broken("error")},
            {"changed", r.broken("changed")},
            {"advice", r.broken("advice")}};
  if (!r.data.empty())
    j["measured_on"] = {{"data", r.data}, {"samples", r.samples}};
  addOutputs(j, r.outputSnr, r.top1Changed);
  j["rules"] = std::move(rules);
  j["constraints"] = std::move(findings);
  j["tools"] = std::move(tools);
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string dpuopt::lintSarif(const LintReport &r) {
  Json rules = Json::array(), results = Json::array();
  for (const LintRule &rule : r.rules) {
    if (!rule.broken)
      continue;
    const char *level = rule.gravity == "error" ? "error" : rule.gravity == "changed" ? "warning" : "note";
    for (const LintFinding &f : r.findings)
      if (f.rule == rule.id && f.broken)
        results.push_back({{"ruleId", rule.id},
                           {"ruleIndex", rules.size()},
                           {"level", level},
                           {"message", {{"text", f.numbers}}},
                           {"locations", Json::array({sarifLocation(r.model, f.node.empty() ? f.tensor : f.node)})}});
    rules.push_back({{"id", rule.id},
                     {"shortDescription", {{"text", "Required: " + rule.required}}},
                     {"help", {{"text", rule.why + ". " + rule.tools + "."}}}});
  }
  return sarifLog(r.model, std::move(rules), std::move(results));
}

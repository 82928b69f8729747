//===- Json.cpp - reports for programs ---------------------------------------------------===//
#include "dpuopt/Report/Report.h"
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

static Json shapeJson(llvm::ArrayRef<int64_t> shape) { return std::vector<int64_t>(shape.begin(), shape.end()); }

static Json rulesJson(llvm::ArrayRef<ReportedRule> rules) {
  Json list = Json::array();
  for (const ReportedRule &r : rules)
    list.push_back(
        {{"id", r.id}, {"required", r.required}, {"found", r.found}, {"remedy", r.remedy}, {"source", r.source}});
  return list;
}

static Json opJson(const ReportedOp &op) {
  Json j = {
      {"name", op.name}, {"node", op.node},    {"type", op.type}, {"device", op.device}, {"shape", shapeJson(op.shape)},
      {"macs", op.macs}, {"params", op.params}};
  if (op.subgraph >= 0)
    j["subgraph"] = op.subgraph;
  if (op.cause >= 0)
    j["cause"] = op.cause;
  if (!op.reasons.empty())
    j["reasons"] = op.reasons;
  if (!op.rules.empty())
    j["rules"] = rulesJson(op.rules);
  return j;
}

static Json tensorJson(const ReportedTensor &t, bool placeholder) {
  Json j = {{"name", t.name},
            {"role", t.isInput ? "input" : "output"},
            {"layout", "NHWC"},
            {"shape", shapeJson(t.type.shape())}};
  ElemType e = t.type.elemType();
  if (e.isFix())
    j["bit_width"] = e.bits;
  if (e.isFix() && !placeholder)
    j["fix_point"] = e.fixPoint;
  j["type"] = e.isFix() ? "int" + std::to_string(e.bits) : e.str();
  return j;
}

static Json causeJson(const ReportedCause &c) {
  Json cut = Json::array();
  for (const ReportedTensor &t : c.cut)
    cut.push_back({{"node", t.name}, {"layout", "NHWC"}, {"shape", shapeJson(t.type.shape())}});
  return {{"id", c.id},
          {"title", c.title},
          {"at_end", c.atEnd},
          {"count", c.nodes.size()},
          {"nodes", c.nodes},
          {"followers", c.followers},
          {"rules", rulesJson(c.rules)},
          {"remedy", c.remedy},
          {"dpu_subgraphs_if_fixed", c.dpuIfFixed},
          {"cut", std::move(cut)}};
}

static Json planJson(const ReportedPlan &p) {
  return {{"dpu_subgraphs", p.dpu},
          {"expected_dpu_subgraphs", p.expected},
          {"dpu_subgraphs_if_all_fixed", p.dpuIfAllFixed},
          {"reachable", p.reachable},
          {"exact", p.exact},
          {"first_causes", p.first}};
}

static void addCauses(Json &j, const ModelReport &r) {
  Json causes = Json::array(), crossings = Json::array(), passes = Json::array();
  for (const ReportedCause &c : r.causes)
    causes.push_back(causeJson(c));
  for (const ReportedCrossing &c : r.crossings)
    crossings.push_back({{"name", c.name},
                         {"from", c.from},
                         {"to", c.to},
                         {"shape", shapeJson(c.shape)},
                         {"type", c.type},
                         {"bytes", c.bytes}});
  for (const ReportedPass &p : r.passes)
    passes.push_back({{"pass", p.name}, {"ops_before", p.before}, {"ops_after", p.after}});
  j["passes_that_changed_it"] = std::move(passes);
  j["causes"] = std::move(causes);
  if (r.plan)
    j["change_first"] = planJson(*r.plan);
  j["tensors_between_devices"] = std::move(crossings);
  j["harmless_conversions"] = r.harmless;
  j["cpu_ops"] = r.cpuOps();
  if (const ReportedOp *op = r.largestCpuOp())
    j["largest_cpu_op"] = op->node.empty() ? op->name : op->node;
  if (!r.hasBudget)
    return;
  Json over = Json::array();
  for (const ReportedOver &o : r.overBudget)
    over.push_back({{"figure", o.key}, {"allowed", o.most}, {"found", o.found}});
  j["over_budget"] = std::move(over);
}

std::string dpuopt::reportJson(const ModelReport &r) {
  Json ops = Json::array(), subgraphs = Json::array(), interface = Json::array();
  for (const ReportedOp &op : r.ops)
    ops.push_back(opJson(op));
  for (const ReportedSubgraph &s : r.subgraphs)
    subgraphs.push_back(
        {{"name", s.name}, {"device", s.device}, {"ops", s.ops}, {"macs", s.macs}, {"added_ops", s.added}});
  for (const ReportedTensor &t : r.interface)
    interface.push_back(tensorJson(t, r.placeholderFixPoints));
  Json j = {{"model", r.model}, {"graph", r.graph}, {"target", r.target}};
  j["dpu_subgraphs"] = r.count("DPU");
  j["cpu_subgraphs"] = r.count("CPU");
  j["user_subgraphs"] = r.count("USER");
  if (r.expectedDpu)
    j["expected_dpu_subgraphs"] = *r.expectedDpu;
  addCauses(j, r);
  j["macs"] = r.macs();
  j["macs_on_dpu"] = r.macsOnDpu();
  j["params"] = r.params();
  j["ops_before"] = r.before;
  j["ops_after"] = r.after;
  j["interface"] = interface;
  j["subgraphs"] = subgraphs;
  j["ops"] = ops;
  if (!r.fixPointSource.empty())
    j["fix_points_from"] = r.fixPointSource;
  j["adjusted_fix_points"] = r.changes;
  if (r.accuracy)
    j["accuracy"] = {
        {"images", r.accuracy->images}, {"float_top1", r.accuracy->floatTop1}, {"fixed_top1", r.accuracy->fixedTop1}};
  j["files"] = r.files;
  j["libxir"] = r.xirVerdict;
  j["compile_command"] = r.compileCommand;
  j["compile_result"] = r.compileResult;
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

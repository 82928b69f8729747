//===- Json.cpp - reports for programs ---------------------------------------------------===//
#include "dpuopt/Report/Report.h"
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

static Json shapeJson(llvm::ArrayRef<int64_t> shape) { return std::vector<int64_t>(shape.begin(), shape.end()); }

static Json opJson(const ReportedOp &op) {
  Json j = {
      {"name", op.name}, {"node", op.node},    {"type", op.type}, {"device", op.device}, {"shape", shapeJson(op.shape)},
      {"macs", op.macs}, {"params", op.params}};
  if (!op.reasons.empty())
    j["reasons"] = op.reasons;
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

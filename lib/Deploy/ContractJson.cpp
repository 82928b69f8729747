//===- ContractJson.cpp - contract.json, written -----------------------------------===//
//
// The schema is docs/deploy.md. A key that is added keeps version 1; one that changes its
// meaning does not.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Deploy/Contract.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {

constexpr int Version = 1;

Json fileJson(const ContractFile &f) {
  return {{"file", f.name}, {"bytes", f.bytes}, {"sha256", f.sha256}, {"md5", f.md5}};
}

Json tensorJson(const ContractTensor &t) {
  Json j{{"name", t.name}, {"tensor", t.tensor}, {"layout", t.shape.size() == 4 ? "NHWC" : "as given"}};
  j["shape"] = t.shape;
  j["dtype"] = t.fixPoint ? fmt::format("{}int{}", t.isSigned ? "" : "u",
                                        t.bits <= 8    ? 8
                                        : t.bits <= 16 ? 16
                                                       : 32)
                          : "float32";
  if (t.fixPoint) {
    j["bits"] = t.bits;
    j["fix_point"] = *t.fixPoint;
  }
  return j;
}

Json pixelsJson(const PixelRecipe &r) {
  Json j;
  j["from"] = "uint8";
  j["channels"] = r.multiplier.size() == 1 ? "gray" : r.format.bgr ? "bgr" : "rgb";
  j["mean"] = r.format.mean;
  j["scale"] = r.format.scale;
  j["formula"] = "clamp((pixel * multiplier[c] + offset[c]) >> shift, -128, 127)";
  j["multiplier"] = r.multiplier;
  j["offset"] = r.offset;
  j["shift"] = r.shift;
  j["known_from"] = r.format.source;
  j["fit"] = r.format.fit.empty() ? Json(nullptr) : Json(r.format.fit);
  if (r.format.fit == "crop")
    j["short_side"] = r.format.shortSide;
  return j;
}

Json inputJson(const ContractInput &in) {
  Json j = tensorJson(in);
  if (in.fixPoint)
    j["quantize"] = Json{{"formula", "clamp(floor(x * factor + 0.5))"}, {"factor", std::ldexp(1.0, *in.fixPoint)}};
  if (in.pixels)
    j["pixels"] = pixelsJson(*in.pixels);
  return j;
}

Json outputJson(const ContractOutput &out, const Contract &c) {
  Json j = tensorJson(out);
  if (out.fixPoint)
    j["dequantize"] = Json{{"formula", "q * factor"}, {"factor", std::ldexp(1.0, -*out.fixPoint)}};
  j["role"] = out.role.empty() ? Json(nullptr) : Json(out.role);
  if (out.map && c.head && c.head->kind != "custom") {
    const HeadMap &m = c.head->maps[*out.map];
    j["map"] = *out.map;
    j["stride"] = Json{m.strideX, m.strideY};
  }
  return j;
}

Json roleJson(const HeadRole &r) {
  return {{"output", r.output}, {"first", r.first}, {"count", r.count}, {"step", r.step}};
}

Json mapJson(const ContractHead &head, const HeadMap &m) {
  Json j{{"height", m.height}, {"width", m.width}};
  if (head.kind == "custom")
    return j;
  j["stride"] = Json{m.strideX, m.strideY};
  j["offset"] = Json{m.offsetX, m.offsetY};
  j["row_step"] = m.rowStep;
  for (const HeadAnchorBox &a : m.anchors) {
    Json anchor{{"first_row", a.firstRow}};
    if (a.width != 0 || a.height != 0)
      anchor["size"] = Json{a.width, a.height};
    anchor["box"] = roleJson(a.box);
    if (a.objectness.output >= 0)
      anchor["objectness"] = roleJson(a.objectness);
    anchor["classes"] = roleJson(a.classes);
    j["anchors"].push_back(anchor);
  }
  return j;
}

/// In words of the contract, for who writes a decoder from it alone.
Json formulasJson(const ContractHead &head) {
  const bool square = head.decode == "sigmoid-square", prior = head.decode == "prior";
  std::string box = "t[0], t[1], t[2], t[3] as they come";
  if (square || head.decode == "sigmoid-exp")
    box = std::string("center = (cell + offset + xy_scale * (sigmoid(t) - 0.5)) * stride; extent = ") +
          (square ? "(2 * sigmoid(t))^2 * size" : "exp(t) * size");
  else if (head.decode == "offset-exp")
    box = "center = (cell + offset + t) * stride; extent = exp(t) * stride";
  else if (head.decode == "distances")
    box = "left, top = (cell + offset - t) * stride; right, bottom = (cell + offset + t) * stride";
  else if (prior)
    box = "center = (cell + offset) * stride + variances[0] * t * size; extent = exp(variances[1] * t) * size";
  Json j{{"row", "anchors[a].first_row + (y * width + x) * row_step"}};
  j["t"] = head.bins > 1 ? "sum over b of b * softmax(the dfl_bins numbers of a side)[b]" : "the four numbers of box";
  j["box"] = box;
  j["score"] = std::string(head.scores == "none" ? "number" : head.scores) + " of classes" +
               (head.objectness.empty()     ? ""
                : head.objectness == "none" ? " * objectness"
                                            : " * sigmoid of objectness");
  return j;
}

Json headJson(const ContractHead &head) {
  Json j{{"kind", head.kind}};
  if (head.kind != "custom") {
    j["classes"] = head.classes;
    j["rows"] = head.rows;
    j["decode"] = head.decode;
    if (head.decode == "distances")
      j["dfl_bins"] = head.bins;
    if (head.decode == "sigmoid-square" || head.decode == "sigmoid-exp")
      j["xy_scale"] = head.xyScale;
    if (head.decode == "prior")
      j["variances"] = head.variances;
    j["scores"] = head.scores;
    j["objectness"] = head.objectness.empty() ? Json(nullptr) : Json(head.objectness);
    j["background"] = head.background < 0 ? Json(nullptr) : Json(head.background);
  }
  if (head.kind != "custom")
    j["formulas"] = formulasJson(head);
  j["maps"] = Json::array();
  for (const HeadMap &m : head.maps)
    j["maps"].push_back(mapJson(head, m));
  return j;
}

/// Two spaces of indent; lists without structure on one line.
void print(const Json &j, const std::string &indent, std::string &out) {
  auto text = [](const Json &value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); };
  if (!j.is_structured() || j.empty()) {
    out += text(j);
    return;
  }
  const bool flat = j.is_array() && llvm::none_of(j, [](const Json &e) { return e.is_structured() || e.is_string(); });
  const std::string inner = flat ? "" : "\n" + indent + "  ";
  const char *separator = "";
  out += j.is_array() ? '[' : '{';
  for (auto it = j.begin(); it != j.end(); ++it, separator = flat ? ", " : ",") {
    out += separator + inner;
    if (j.is_object())
      out += text(it.key()) + ": ";
    print(*it, indent + "  ", out);
  }
  out += (flat ? "" : "\n" + indent) + (j.is_array() ? ']' : '}');
}

} // namespace

std::string dpuopt::contractJson(const Contract &c) {
  Json j{{"format", "dpuopt-contract"}, {"version", Version}, {"model", c.name}, {"graph", c.graph}};
  j["xmodel"] = fileJson(c.xmodel);
  j["xmodel"]["compiled"] = c.compiled;
  j["source"] = c.source ? fileJson(*c.source) : Json(nullptr);
  j["target"] = Json{{"dpu", c.dpu}};
  j["target"]["fingerprint"] = c.fingerprint ? Json(fmt::format("0x{:x}", c.fingerprint)) : Json(nullptr);
  j["dpu_subgraphs"] = c.dpuSubgraphs;
  j["cpu_ops"] = c.cpuOps;
  j["interface"] = c.interface;
  j["batch"] = c.batch();
  j["inputs"] = Json::array();
  for (const ContractInput &in : c.inputs)
    j["inputs"].push_back(inputJson(in));
  j["outputs"] = Json::array();
  for (const ContractOutput &out : c.outputs)
    j["outputs"].push_back(outputJson(out, c));
  j["head"] = c.head ? headJson(*c.head) : Json(nullptr);
  j["labels"] = c.labels;
  std::string text;
  print(j, "", text);
  return text + "\n";
}

//===- HeadJson.cpp - a head's description for programs and for people -----------===//
#include "dpuopt/Passes/DetectHead.h"
#include "llvm/ADT/STLExtras.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dpuopt {
namespace {

using Json = nlohmann::ordered_json;

const char *formulaOf(BoxDecode d, bool center) {
  switch (d) {
  case BoxDecode::SigmoidSq:
    return center ? "((cell + offset) + xy_scale * (sigmoid(t) - 0.5)) * stride" : "(2 * sigmoid(t))^2 * anchor";
  case BoxDecode::SigmoidExp:
    return center ? "((cell + offset) + xy_scale * (sigmoid(t) - 0.5)) * stride" : "exp(t) * anchor";
  case BoxDecode::OffsetExp:
    return center ? "((cell + offset) + t) * stride" : "exp(t) * stride";
  case BoxDecode::Distances:
    return center ? "((cell + offset) + (t[2..3] - t[0..1]) / 2) * stride" : "(t[0..1] + t[2..3]) * stride";
  case BoxDecode::Prior:
    return center ? "(cell + offset) * stride + variances[0] * t * anchor" : "exp(variances[1] * t) * anchor";
  case BoxDecode::Raw:
    return "t";
  }
  return "";
}

const char *decodeName(BoxDecode d) {
  const char *names[] = {"none", "sigmoid-square", "sigmoid-exp", "offset-exp", "distances", "prior"};
  return names[static_cast<unsigned>(d)];
}
const char *scoreName(ScoreForm f) {
  return f == ScoreForm::Raw ? "none" : f == ScoreForm::Sigmoid ? "sigmoid" : "softmax";
}

Json shape(llvm::ArrayRef<int64_t> s) { return Json(std::vector<int64_t>(s.begin(), s.end())); }

/// Channels of one role in one output: [a] lists those of anchor a.
Json channelsOf(const HeadScale &s, unsigned output, const char *role) {
  Json all = Json::array();
  for (const HeadAnchor &a : s.anchors) {
    Json mine = Json::array();
    std::vector<HeadChannel> list = role[0] == 'b' ? a.box : a.classes;
    if (role[0] == 'o')
      list = a.objectness ? std::vector<HeadChannel>{*a.objectness} : std::vector<HeadChannel>();
    for (HeadChannel c : list)
      if (c.output == output)
        mine.push_back(c.channel);
    all.push_back(mine);
  }
  return all;
}

/// [[0, 1, 2, 3], ...] as "first", "count" and the step between anchors, where it is so regular.
Json compressed(const Json &lists) {
  const size_t count = lists[0].size();
  int64_t first = lists[0][0], step = lists.size() > 1 ? lists[1][0].get<int64_t>() - first : 0;
  for (size_t a = 0; a < lists.size(); ++a)
    for (size_t i = 0; i < lists[a].size() || i < count; ++i)
      if (lists[a].size() != count || lists[a][i] != first + static_cast<int64_t>(a) * step + static_cast<int64_t>(i))
        return Json{{"list", lists}};
  return Json{{"first", first}, {"count", count}, {"anchor_step", step}};
}

Json outputJson(const DetectHead &head, unsigned i) {
  const HeadOutput &o = head.outputs[i];
  Json j{{"name", o.name}, {"node", o.node}};
  llvm::ArrayRef<int64_t> dims = o.type.shape();
  j["shape_nchw"] = shape(dims);
  if (dims.size() == 4)
    j["shape_nhwc"] = Json{dims[0], dims[2], dims[3], dims[1]};
  if (o.scale < 0 || head.scales[o.scale].anchors.empty())
    return j;
  j["scale"] = o.scale;
  j["role"] = o.role;
  for (const char *role : {"box", "objectness", "classes"}) {
    Json lists = channelsOf(head.scales[o.scale], i, role);
    if (llvm::any_of(lists, [](const Json &l) { return !l.empty(); }))
      j["channels"][role] = lists[0].empty() ? Json{{"list", lists}} : compressed(lists);
  }
  return j;
}

Json scaleJson(const DetectHead &head, const HeadScale &s) {
  Json j{{"height", s.height}, {"width", s.width}};
  if (s.anchors.empty())
    return j;
  bool boxes = head.decode != BoxDecode::Raw;
  j["stride"] =
      boxes ? Json{s.strideX, s.strideY}
            : Json{double(head.inputType.dim(3)) / double(s.width), double(head.inputType.dim(2)) / double(s.height)};
  if (boxes)
    j["offset"] = Json{s.offsetX, s.offsetY};
  bool sized =
      head.decode == BoxDecode::SigmoidSq || head.decode == BoxDecode::SigmoidExp || head.decode == BoxDecode::Prior;
  for (const HeadAnchor &a : s.anchors) {
    if (sized)
      j["anchors"].push_back(Json{a.width, a.height});
    j["first_row"].push_back(a.firstRow);
  }
  j["row_step"] = s.cellStep;
  return j;
}

void describe(const DetectHead &head, Json &j) {
  j["classes"] = head.classes;
  if (head.bins > 1)
    j["dfl_bins"] = head.bins;
  Json &box = j["box"];
  box["decode"] = decodeName(head.decode);
  box["center"] = formulaOf(head.decode, true);
  box["size"] = formulaOf(head.decode, false);
  if (head.bins > 1)
    box["t"] = "sum of b * softmax(channels)[b] over the bins of a side; sides are left, top, right, bottom";
  if (head.decode == BoxDecode::SigmoidSq || head.decode == BoxDecode::SigmoidExp)
    box["xy_scale"] = head.xyScale;
  if (head.decode == BoxDecode::Prior)
    box["variances"] = head.variances;
  box["result"] = head.decode == BoxDecode::Raw      ? "t"
                  : head.form == BoxForm::CenterSize ? "center_x, center_y, width, height"
                                                     : "left, top, right, bottom";
  box["unit"] = head.unitX == 1 ? "pixels" : "parts of the image";
  box["columns"] = Json{head.boxColumn, head.boxColumn + 4};
  Json &scores = j["scores"];
  scores["function"] = scoreName(head.scores);
  scores["columns"] = Json{head.classColumn, head.classColumn + head.classes};
  if (head.constantObjectness)
    scores["objectness"] = Json{{"constant", 1}, {"column", head.objectnessColumn}};
  else if (head.scales[0].anchors[0].objectness) {
    scores["objectness"] = Json{{"function", scoreName(head.objectness)}};
    if (head.multiplied)
      scores["objectness"]["multiplied_with_classes"] = true;
    else
      scores["objectness"]["column"] = head.objectnessColumn;
  }
}

/// Two spaces of indent; lists of numbers on one line.
void print(const Json &j, const std::string &indent, std::string &out) {
  bool flat = !j.is_structured() || (j.is_array() && llvm::none_of(j, [](const Json &e) { return e.is_structured(); }));
  if (flat) {
    std::string text = j.dump(-1, ' ', false, Json::error_handler_t::replace);
    for (char c : text)
      out += c == ',' && j.is_array() ? ", " : std::string(1, c);
    return;
  }
  const char *separator = "\n";
  out += j.is_array() ? '[' : '{';
  for (auto it = j.begin(); it != j.end(); ++it, separator = ",\n") {
    out += separator + indent + "  ";
    if (j.is_object())
      out += Json(it.key()).dump() + ": ";
    print(*it, indent + "  ", out);
  }
  out += "\n" + indent + (j.is_array() ? ']' : '}');
}

} // namespace

std::string headJson(const DetectHead &head) {
  Json j{{"format", "dpuopt-detect-head"}, {"version", 1}, {"kind", head.kind}};
  if (!head.known())
    j["why_custom"] = head.why;
  j["input"] = Json{{"name", head.input}, {"shape_nchw", shape(head.inputType.shape())}};
  if (head.known())
    describe(head, j);
  j["scales"] = Json::array();
  for (const HeadScale &s : head.scales)
    j["scales"].push_back(scaleJson(head, s));
  for (unsigned i = 0; i < head.outputs.size(); ++i)
    j["outputs"].push_back(outputJson(head, i));
  for (const HeadResult &r : head.results) {
    Json result{{"name", r.name}, {"shape", shape(r.type.shape())}, {"described", r.described}};
    if (r.described && head.known()) {
      result["rows"] = Json{r.firstRow, r.firstRow + r.rows};
      result["columns"] = Json{r.firstColumn, r.firstColumn + r.columns};
      result["columns_first"] = r.columnsFirst;
    }
    j["replaces"].push_back(result);
  }
  if (!head.cutBefore.empty())
    j["described_up_to"] = head.cutBefore;
  j["removed_ops"] = head.cutOps;
  if (head.proof)
    j["proof"] = Json{{"max_abs_error", (*head.proof)[0]}, {"range", (*head.proof)[1]}};
  std::string text;
  print(j, "", text);
  return text + "\n";
}

std::vector<std::string> headSummary(const DetectHead &head) {
  std::vector<std::string> lines;
  if (!head.known())
    return {"head of no known kind: " + head.why};
  lines.push_back(fmt::format("{} head, {} classes{}{}: {} ops removed, {} outputs", head.kind, head.classes,
                              head.objectnessColumn >= 0 || head.multiplied ? " and objectness" : "",
                              head.bins > 1 ? fmt::format(", {} bins per side", head.bins) : "", head.cutOps,
                              head.outputs.size()));
  for (const HeadScale &s : head.scales) {
    std::string line = fmt::format("map {}x{}", s.height, s.width);
    if (head.decode != BoxDecode::Raw)
      line += fmt::format(", stride {:g}", s.strideX);
    if (head.decode != BoxDecode::Distances && head.decode != BoxDecode::OffsetExp && head.decode != BoxDecode::Raw) {
      line += ", anchors";
      for (const HeadAnchor &a : s.anchors)
        line += fmt::format(" {:g}x{:g}", a.width, a.height);
    }
    lines.push_back(line);
  }
  if (head.proof)
    lines.push_back(fmt::format("decoded from the description: largest difference {:.2g} of a range of {:.4g}",
                                (*head.proof)[0], (*head.proof)[1]));
  return lines;
}

} // namespace dpuopt

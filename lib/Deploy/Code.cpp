//===- Code.cpp - a contract as a C++ header and a NumPy module ---------------------===//
//
// One template per language (CppHeader.inc, PythonModule.inc); here is what they are filled
// with. Numbers are in both to the last bit.
//
//===----------------------------------------------------------------------===//
#include "Template.h"
#include "dpuopt/Deploy/Package.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace dpuopt;
using namespace dpuopt::deploy;

// In the order of the generated file.
// clang-format off
static constexpr llvm::StringLiteral cppText =
#include "CppHeader.inc"
#include "CppImage.inc"
#include "CppHead.inc"
#include "CppDetect.inc"
    ;
static constexpr llvm::StringLiteral pythonText =
#include "PythonModule.inc"
#include "PythonHead.inc"
    ;
// clang-format on

namespace {

constexpr size_t LongestName = 60;
/// Of the border around a picture with another aspect: what YOLO is trained with, and fit=pad of calibration data has.
constexpr int BorderGray = 114;

/// A literal of both languages; of type double in C++.
std::string real(double v) {
  std::string s = fmt::format("{}", v);
  return s.find_first_of(".en") == std::string::npos ? s + ".0" : s;
}

/// What both languages are told, in the syntax of one.
class CodeValues {
public:
  CodeValues(const Contract &contract, bool cpp) : c(contract), cpp(cpp) {}

  Values run() {
    v["code_name"] = codeName(c.name);
    v["guard"] = llvm::StringRef(v["code_name"]).upper() + "_H";
    v["model"] = text(c.name);
    v["xmodel"] = text(c.xmodel.name);
    v["md5"] = text(c.xmodel.md5);
    v["fingerprint"] = fmt::format("0x{:x}", c.fingerprint);
    v["batch"] = std::to_string(c.batch());
    for (const ContractInput &t : c.inputs)
      v["inputs"] += tensor(t, "");
    for (const ContractOutput &t : c.outputs)
      v["outputs"] += tensor(t, t.role);
    for (const std::string &l : c.labels)
      v["labels"] += fmt::format("    {},\n", text(l));
    v["labels"];
    addScores();
    const bool head = decodesHead(c);
    addSize(head);
    addImage();
    v["head"] = when(head);
    v["detects"] = when(head && c.head->decode != "none");
    v["how"] = v["image"].empty() ? "" : cpp ? ", how" : ", fit=how";
    if (head)
      addHead(*c.head);
    return std::move(v);
  }

private:
  static std::string when(bool b) { return b ? "yes" : ""; }
  std::string text(const std::string &s) const { return cpp ? cppLiteral(s) : pythonLiteral(s); }

  std::string tensor(const ContractTensor &t, const std::string &role) const {
    std::string shape = fmt::format("{}", fmt::join(t.shape, ", "));
    const int fixPoint = t.fixPoint.value_or(0);
    if (!cpp)
      return fmt::format("    dict(name={}, tensor={}, role={},\n         shape=({},), fix_point={}),\n", text(t.name),
                         text(t.tensor), text(role), shape, t.fixPoint ? std::to_string(fixPoint) : "None");
    return fmt::format("    {{{}, {}, {}, {{{}}}, {}, {}, {}, {}, {}f}},\n", text(t.name), text(t.tensor),
                       t.shape.size(), shape, t.elements(), t.channels(), !t.fixPoint, fixPoint,
                       real(static_cast<float>(std::ldexp(1.0, -fixPoint))));
  }

  void addScores() {
    auto scores = c.scores();
    v["scores"] = scores ? std::to_string(*scores) : "";
    v["scores_or_zero"] = std::to_string(scores.value_or(0));
    v["score_type"] = scores && !c.outputs[*scores].fixPoint ? "float" : "std::int8_t";
    v["probabilities"] = scores && c.outputs[*scores].role == "probabilities" ? "true" : "false";
  }

  /// Of the input that a picture becomes; a detector has one, whether or not its pixels are known.
  void addSize(bool head) {
    auto image = c.image();
    const ContractTensor *in = image ? &c.inputs[*image] : head && !c.inputs.empty() ? &c.inputs[0] : nullptr;
    v["sized"] = when(in && in->shape.size() == 4);
    if (v["sized"].empty())
      return;
    v["image_height"] = std::to_string(in->shape[1]);
    v["image_width"] = std::to_string(in->shape[2]);
    v["image_channels"] = std::to_string(in->shape[3]);
    v["border_gray"] = std::to_string(BorderGray);
    v["border"] = fmt::format("{}", fmt::join(std::vector<int>(in->shape[3], BorderGray), ", "));
    const PixelFormat *format = image ? &c.inputs[*image].pixels->format : nullptr;
    const bool known = format && !format->fit.empty();
    const std::string fit = known ? format->fit : head ? "pad" : "stretch";
    v["fit_comment"] = known ? "As it was done to the pictures that the model was calibrated with, or as was said."
                             : "Nobody said how pictures were resized for training: this is the usual way.";
    v["fit_call"] = fit == "pad"    ? "letterbox(width, height)"
                    : fit == "crop" ? fmt::format("center_crop(width, height, {})", format->shortSide)
                                    : "stretch(width, height)";
  }

  void addImage() {
    auto image = c.image();
    v["image"] = image ? std::to_string(*image) : "";
    if (!image)
      return;
    const PixelRecipe &pixels = *c.inputs[*image].pixels;
    v["multiplier"] = fmt::format("{}", fmt::join(pixels.multiplier, ", "));
    v["offset"] = fmt::format("{}", fmt::join(pixels.offset, ", "));
    v["shift"] = std::to_string(pixels.shift);
    v["model_order"] = pixels.format.bgr ? "bgr" : "rgb";
  }

  void addHead(const ContractHead &h) {
    v["classes"] = std::to_string(h.classes);
    v["rows"] = std::to_string(h.rows);
    v["decoded"] = when(h.decode != "none");
    for (auto [key, decode] : {std::pair("sigmoid_square", "sigmoid-square"),
                               {"sigmoid_exp", "sigmoid-exp"},
                               {"offset_exp", "offset-exp"},
                               {"distances", "distances"},
                               {"prior", "prior"}})
      v[key] = when(h.decode == decode);
    v["bins"] = h.bins > 1 ? std::to_string(h.bins) : "";
    v["box_channels"] = std::to_string(4 * h.bins);
    v["xy_scale"] = real(h.xyScale);
    v["variance0"] = real(h.variances[0]);
    v["variance1"] = real(h.variances[1]);
    const bool softmax = h.scores == "softmax", objectness = !h.objectness.empty(), background = h.background >= 0;
    v["softmax"] = when(softmax);
    v["score"] = h.scores == "sigmoid" ? "sigmoid" : "";
    v["score_call"] = h.scores == "sigmoid" ? "_sigmoid(t)" : "t";
    v["objectness"] = when(objectness);
    v["object_function"] = h.objectness == "sigmoid" ? "sigmoid" : "";
    v["object_call"] = h.objectness == "sigmoid" ? "_sigmoid(t)" : "t";
    v["background"] = std::to_string(h.background);
    v["has_background"] = when(background);
    v["early"] = when(!softmax || objectness || background);
    v["grows"] = when(h.decode == "sigmoid-exp" || h.decode == "offset-exp" || h.decode == "prior");
    size_t first = 0;
    for (const HeadMap &m : h.maps) {
      v["maps"] += map(m, first);
      first += m.anchors.size();
      for (const HeadAnchorBox &a : m.anchors)
        v["anchors"] += anchor(a);
    }
  }

  std::string map(const HeadMap &m, size_t first) const {
    std::string stride = real(m.strideX) + ", " + real(m.strideY);
    std::string offset = real(m.offsetX) + ", " + real(m.offsetY);
    if (cpp)
      return fmt::format("    {{{}, {}, {}, {}, {}, {}, {}}},\n", m.height, m.width, m.rowStep, stride, offset, first,
                         m.anchors.size());
    return fmt::format("    dict(height={}, width={}, row_step={}, stride=({}), offset=({}), first_anchor={}, "
                       "anchors={}),\n",
                       m.height, m.width, m.rowStep, stride, offset, first, m.anchors.size());
  }

  std::string role(const HeadRole &r) const {
    std::string three = fmt::format("{}, {}, {}", std::max(r.output, 0), r.first, r.step);
    return cpp ? "{" + three + "}" : "(" + three + ")";
  }

  std::string anchor(const HeadAnchorBox &a) const {
    std::string size = real(a.width) + ", " + real(a.height);
    if (cpp)
      return fmt::format("    {{{}, {}, {}, {}, {}}},\n", a.firstRow, size, role(a.box), role(a.objectness),
                         role(a.classes));
    return fmt::format("    dict(first_row={}, size=({}), box={}, objectness={}, classes={}),\n", a.firstRow, size,
                       role(a.box), role(a.objectness), role(a.classes));
  }

  const Contract &c;
  const bool cpp;
  Values v;
};

} // namespace

std::string dpuopt::codeName(llvm::StringRef model) {
  std::string name = "dpu_";
  for (char ch : model)
    if (llvm::isAlnum(ch))
      name += ch;
    else if (name.back() != '_')
      name += '_'; // two in a row are reserved
  while (name.size() > 4 && name.back() == '_')
    name.pop_back();
  if (name.size() > LongestName)
    name = name.substr(0, LongestName - 17) + fmt::format("_{:016x}", llvm::xxHash64(model));
  return name == "dpu_" ? fmt::format("dpu_{:016x}", llvm::xxHash64(model)) : name;
}

std::string dpuopt::whyNoCode(const Contract &c) {
  auto whyNot = [](const ContractTensor &t) -> std::string {
    if (t.fixPoint && !t.isInt8())
      return fmt::format("'{}' is neither of 8-bit integers nor float", t.name);
    if (t.shape.empty() || t.shape.size() > 8 || t.elements() <= 0 || t.elements() > INT32_MAX)
      return fmt::format("'{}' has {} dimensions of {} elements", t.name, t.shape.size(), t.elements());
    return t.fixPoint && std::abs(*t.fixPoint) > 100 ? fmt::format("'{}' has the fix point {}", t.name, *t.fixPoint)
                                                     : "";
  };
  if (c.inputs.empty() || c.outputs.empty())
    return "the model has no inputs or no outputs";
  for (const ContractInput &t : c.inputs)
    if (std::string why = whyNot(t); !why.empty())
      return "input " + why;
  for (const ContractOutput &t : c.outputs)
    if (std::string why = whyNot(t); !why.empty())
      return "output " + why;
  return "";
}

bool dpuopt::decodesHead(const Contract &c) {
  if (!c.head || c.head->kind == "custom")
    return false;
  for (const HeadMap &m : c.head->maps)
    for (const HeadAnchorBox &a : m.anchors)
      for (const HeadRole *r : {&a.box, &a.objectness, &a.classes})
        if (r->output >= 0 && !c.outputs[static_cast<size_t>(r->output)].isInt8())
          return false; // the CPU computes the map: as an application would use it is not known
  return true;
}

std::string dpuopt::cppHeader(const Contract &contract) {
  return fillTemplate(cppText, CodeValues(contract, true).run());
}

std::string dpuopt::pythonModule(const Contract &contract) {
  return fillTemplate(pythonText, CodeValues(contract, false).run());
}

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

static constexpr llvm::StringLiteral cppText =
#include "CppHeader.inc"
    ;
static constexpr llvm::StringLiteral pythonText =
#include "PythonModule.inc"
    ;

namespace {

constexpr size_t LongestName = 60;

/// A C++ literal of type float, or a Python number.
std::string real(double v, bool cpp) {
  std::string s = cpp ? fmt::format("{}", static_cast<float>(v)) : fmt::format("{}", v);
  if (s.find_first_of(".en") == std::string::npos)
    s += ".0";
  return cpp ? s + "f" : s;
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
    for (const ContractInput &t : c.inputs)
      v["inputs"] += tensor(t);
    for (const ContractOutput &t : c.outputs)
      v["outputs"] += tensor(t);
    for (const std::string &l : c.labels)
      v["labels"] += fmt::format("    {},\n", text(l));
    v["labels"];
    addImage();
    auto scores = c.scores();
    v["scores"] = scores ? std::to_string(*scores) : "";
    v["head"] = "";
    if (c.head && c.head->kind != "custom")
      addHead(*c.head);
    return std::move(v);
  }

private:
  std::string text(const std::string &s) const { return cpp ? cppLiteral(s) : pythonLiteral(s); }
  std::string number(double x) const { return real(x, cpp); }

  std::string tensor(const ContractTensor &t) const {
    std::string shape = fmt::format("{}", fmt::join(t.shape, ", "));
    if (!cpp)
      return fmt::format("    dict(name={}, tensor={},\n         shape=({},), fix_point={}),\n", text(t.name),
                         text(t.tensor), shape, *t.fixPoint);
    return fmt::format("    {{{}, {}, {}, {{{}}}, {}, {}, {}, {}}},\n", text(t.name), text(t.tensor), t.shape.size(),
                       shape, t.elements(), t.channels(), *t.fixPoint, number(std::ldexp(1.0, -*t.fixPoint)));
  }

  void addImage() {
    auto image = c.image();
    for (const char *key :
         {"image", "image_height", "image_width", "image_channels", "multiplier", "offset", "shift", "model_order"})
      v[key];
    if (!image)
      return;
    const ContractInput &in = c.inputs[*image];
    v["image"] = std::to_string(*image);
    v["image_height"] = std::to_string(in.shape[1]);
    v["image_width"] = std::to_string(in.shape[2]);
    v["image_channels"] = std::to_string(in.shape[3]);
    v["multiplier"] = fmt::format("{}", fmt::join(in.pixels->multiplier, ", "));
    v["offset"] = fmt::format("{}", fmt::join(in.pixels->offset, ", "));
    v["shift"] = std::to_string(in.pixels->shift);
    v["model_order"] = in.pixels->format.bgr ? "bgr" : "rgb";
  }

  void addHead(const ContractHead &h) {
    auto when = [](bool b) { return std::string(b ? "yes" : ""); };
    v["head"] = "yes";
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
    v["xy_scale"] = number(h.xyScale);
    v["variance0"] = number(h.variances[0]);
    v["variance1"] = number(h.variances[1]);
    v["softmax"] = when(h.scores == "softmax");
    v["sigmoid"] = when(h.scores == "sigmoid");
    v["score"] = h.scores == "sigmoid" ? "sigmoid" : "";
    v["objectness"] = when(!h.objectness.empty());
    v["objectness_sigmoid"] = when(h.objectness == "sigmoid");
    v["object_function"] = h.objectness == "sigmoid" ? "sigmoid" : "";
    v["certain_scores"] = when(!h.objectness.empty() && h.scores != "none");
    v["background"] = h.background >= 0 ? std::to_string(h.background) : "";
    v["first_class"] = h.background == 0 ? "1" : "0";
    size_t first = 0;
    for (const HeadMap &m : h.maps) {
      v["maps"] += map(m, first);
      first += m.anchors.size();
      for (const HeadAnchorBox &a : m.anchors)
        v["anchors"] += anchor(a);
    }
  }

  std::string map(const HeadMap &m, size_t first) const {
    std::string stride = number(m.strideX) + ", " + number(m.strideY);
    std::string offset = number(m.offsetX) + ", " + number(m.offsetY);
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
    std::string size = number(a.width) + ", " + number(a.height);
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
    if (!t.isInt8())
      return fmt::format("'{}' is not of 8-bit integers", t.name);
    if (t.shape.empty() || t.shape.size() > 8 || t.elements() <= 0 || t.elements() > INT32_MAX)
      return fmt::format("'{}' has {} dimensions of {} elements", t.name, t.shape.size(), t.elements());
    return std::abs(*t.fixPoint) > 100 ? fmt::format("'{}' has the fix point {}", t.name, *t.fixPoint) : "";
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

std::string dpuopt::cppHeader(const Contract &contract) {
  return fillTemplate(cppText, CodeValues(contract, true).run());
}

std::string dpuopt::pythonModule(const Contract &contract) {
  return fillTemplate(pythonText, CodeValues(contract, false).run());
}

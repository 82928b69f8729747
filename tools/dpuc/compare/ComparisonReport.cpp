//===- ComparisonReport.cpp - a comparison as text and JSON ------------------------------===//
#include "Comparison.h"
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

/// Names are long and end in what tells them apart.
constexpr size_t Widest = 56, OpWidth = 24;

static std::string cut(const std::string &name) {
  return name.size() <= Widest ? name : "..." + name.substr(name.size() - Widest + 3);
}

static std::string decibels(double snr) {
  return std::isinf(snr) ? (snr > 0 ? "inf" : "-inf") : fmt::format("{:.1f}", snr);
}

/// "=", steps of the fix point, or a difference of real numbers.
static std::string distance(const TensorStats &s) {
  if (s.identical())
    return "=";
  if (std::isinf(s.maxAbs))
    return "NaN";
  return s.maxLsb ? fmt::format("{:.4g}", *s.maxLsb) : fmt::format("{:.1e}r", s.maxAbs);
}

static std::string share(int64_t n, int64_t total) {
  return total ? fmt::format("{:.2f} %", 100.0 * static_cast<double>(n) / static_cast<double>(total)) : "-";
}

static std::string rowText(const ComparedTensor &r, size_t width) {
  std::string text =
      fmt::format("{:<{}}  {:<24}  {:<6}", cut(r.name) + (r.byName ? "" : " ~") + (r.rescaled ? " *" : ""), width,
                  r.op.substr(0, OpWidth), r.type.elemType().str());
  text += r.single
              ? fmt::format("  {:>8} {:>6}", distance(*r.single), r.single->identical() ? "" : decibels(r.single->snr))
              : fmt::format("  {:>8} {:>6}", "", "");
  const TensorStats &e = r.entire;
  text += fmt::format("  {:>8}", distance(e));
  if (!e.identical())
    text += fmt::format(" {:>6}  {:>9}  {:>9.6f}", decibels(e.snr), share(e.differing, e.elements), e.cosine);
  if (e.saturated > 0)
    text += fmt::format("{:>{}}", fmt::format("{:.2f} %", 100 * e.saturated), e.identical() ? 39 : 10);
  return text;
}

static void printLone(llvm::ArrayRef<LoneTensor> list, const char *side, llvm::raw_ostream &os) {
  constexpr size_t Most = 10;
  for (const LoneTensor &t : list.take_front(Most))
    os << fmt::format("only in {}: {}{}{}\n", side, t.name, t.op.empty() ? "" : " (" + t.op + ")",
                      t.into.empty() ? "" : ", part of " + t.into);
  if (list.size() > Most)
    os << fmt::format("only in {}: {} more (--json)\n", side, list.size() - Most);
}

void dpuopt::printComparison(const Comparison &c, llvm::ArrayRef<const ComparedTensor *> rows, llvm::StringRef input,
                             llvm::raw_ostream &os) {
  os << "A  " << c.a << "\nB  " << c.b << "\n";
  if (!input.empty())
    os << "input  " << input << "\n";
  size_t width = 6;
  bool ordered = false, rescaled = false;
  for (const ComparedTensor *r : rows) {
    width = std::max(width, cut(r->name).size() + (r->byName ? 0 : 2) + (r->rescaled ? 2 : 0));
    ordered |= !r->byName;
    rescaled |= r->rescaled;
  }
  if (!rows.empty()) {
    os << fmt::format("\n{:<{}}  {:<24}  {:<6}  {:>15}  {:>15}\n", "", width, "", "", "single", "entire");
    os << fmt::format("{:<{}}  {:<24}  {:<6}  {:>8} {:>6}  {:>8} {:>6}  {:>9}  {:>9} {:>9}\n", "tensor", width, "op",
                      "type", "LSB", "SNR", "LSB", "SNR", "differ", "cosine", "saturated");
  }
  for (const ComparedTensor *r : rows)
    os << llvm::StringRef(rowText(*r, width)).rtrim() << "\n";
  os << "\n";
  if (ordered)
    os << "~ paired by the order of layers: the names have nothing in common\n";
  if (rescaled)
    os << "* the channels differ by constant factors: the quantizer has equalized the weights (then `single` of what "
          "reads\n"
          "  the tensor says nothing either)\n";
  printLone(c.onlyA, "A", os);
  printLone(c.onlyB, "B", os);
}

//===----------------------------------------------------------------------===//
// JSON

static Json number(double x) { return std::isfinite(x) ? Json(x) : Json(x > 0 ? "inf" : "-inf"); }

static Json statsJson(const TensorStats &s) {
  Json j = {{"identical", s.identical()}, {"elements", s.elements}, {"differing", s.differing}};
  if (s.maxLsb)
    j["max_lsb"] = number(*s.maxLsb);
  j["max_abs"] = number(s.maxAbs);
  j["cosine"] = s.cosine;
  j["snr_db"] = number(s.snr);
  j["saturated"] = s.saturated;
  if (s.firstDiffering >= 0)
    j["first_differing"] = s.firstDiffering;
  return j;
}

static Json loneJson(llvm::ArrayRef<LoneTensor> list) {
  Json j = Json::array();
  for (const LoneTensor &t : list)
    j.push_back({{"name", t.name}, {"op", t.op}, {"into", t.into}});
  return j;
}

std::string dpuopt::comparisonJson(const Comparison &c, bool same) {
  Json rows = Json::array();
  for (const ComparedTensor &r : c.rows) {
    llvm::ArrayRef<int64_t> shape = r.type.shape();
    Json j = {{"name", r.name},
              {"name_b", r.nameB},
              {"op", r.op},
              {"shape", std::vector<int64_t>(shape.begin(), shape.end())},
              {"dtype", r.type.elemType().str()},
              {"paired_by", r.byName ? "name" : "order"}};
    if (r.single)
      j["single"] = statsJson(*r.single);
    j["entire"] = statsJson(r.entire);
    if (r.rescaled)
      j["rescaled"] = true;
    if (!r.cause.empty())
      j["cause"] = r.cause;
    rows.push_back(std::move(j));
  }
  Json all = {{"a", c.a},
              {"b", c.b},
              {"same", same},
              {"compared", c.rows.size()},
              {"identical", c.identical()},
              {"tensors", rows},
              {"only_a", loneJson(c.onlyA)},
              {"only_b", loneJson(c.onlyB)}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

//===- ComparisonReport.cpp - a comparison as text and JSON ------------------------------===//
#include "Comparison.h"
#include "dpuopt/Report/Lines.h"
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

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

static std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

namespace {

/// The table of tensors. A name that would make a line too long has one of its own.
class Table {
public:
  explicit Table(llvm::ArrayRef<const ComparedTensor *> rows);
  void print(llvm::raw_ostream &os) const;

private:
  static std::string nameOf(const ComparedTensor &r) {
    return r.name + (r.byName ? "" : " ~") + (r.rescaled ? " *" : "");
  }
  void printHead(llvm::raw_ostream &os) const;
  void printRow(const ComparedTensor &r, llvm::raw_ostream &os) const;

  llvm::ArrayRef<const ComparedTensor *> rows;
  size_t name = 6, op = 2, type = 4; ///< widths of columns
  bool saturates = false;            ///< there is a column for it
};

} // namespace

Table::Table(llvm::ArrayRef<const ComparedTensor *> rows) : rows(rows) {
  constexpr size_t MostOp = 20, Numbers = 55, Saturated = 10;
  for (const ComparedTensor *r : rows) {
    name = std::max(name, nameOf(*r).size());
    op = std::min(MostOp, std::max(op, r->op.size()));
    type = std::max(type, r->type.elemType().str().size());
    saturates |= r->entire.saturated > 0;
  }
  name = std::min(name, Columns - Numbers - (saturates ? Saturated : 0) - type - op - 4);
}

void Table::printHead(llvm::raw_ostream &os) const {
  os << fmt::format("\n{:<{}}  {:<{}}  {:<{}}  {:>15}  {:>15}\n", "", name, "", op, "", type, "single", "entire");
  os << fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>8} {:>6}  {:>8} {:>6}  {:>8}  {:>9}{}\n", "tensor", name, "op", op,
                    "type", type, "LSB", "SNR", "LSB", "SNR", "differ", "cosine", saturates ? " saturated" : "");
}

void Table::printRow(const ComparedTensor &r, llvm::raw_ostream &os) const {
  std::string called = nameOf(r);
  if (called.size() > name) {
    os << shortened(called, Columns) << "\n";
    called.clear();
  }
  std::string text =
      fmt::format("{:<{}}  {:<{}}  {:<{}}", called, name, r.op.substr(0, op), op, r.type.elemType().str(), type);
  const bool same = !r.single || r.single->identical();
  text += fmt::format("  {:>8} {:>6}", r.single ? distance(*r.single) : "", same ? "" : decibels(r.single->snr));
  const TensorStats &e = r.entire;
  text += fmt::format("  {:>8}", distance(e));
  if (!e.identical())
    text += fmt::format(" {:>6}  {:>8}  {:>9.6f}", decibels(e.snr),
                        percent(static_cast<double>(e.differing) / static_cast<double>(e.elements)), e.cosine);
  if (e.saturated > 0)
    text += fmt::format("{:>{}}", percent(e.saturated), e.identical() ? 38 : 10);
  os << llvm::StringRef(text).rtrim() << "\n";
}

void Table::print(llvm::raw_ostream &os) const {
  if (!rows.empty())
    printHead(os);
  for (const ComparedTensor *r : rows)
    printRow(*r, os);
}

static void printLone(llvm::ArrayRef<LoneTensor> list, const char *side, llvm::raw_ostream &os) {
  constexpr size_t Most = 10;
  for (const LoneTensor &t : list.take_front(Most))
    printWrapped(os, fmt::format("only in {}: ", side),
                 t.name + (t.op.empty() ? "" : " (" + t.op + ")") + (t.into.empty() ? "" : ", part of " + t.into));
  if (list.size() > Most)
    os << fmt::format("only in {}: {} more (--json)\n", side, list.size() - Most);
}

void dpuopt::printComparison(const Comparison &c, llvm::ArrayRef<const ComparedTensor *> rows, llvm::StringRef input,
                             llvm::raw_ostream &os) {
  os << "A  " << c.a << "\nB  " << c.b << "\n";
  if (!input.empty())
    os << "input  " << input << "\n";
  Table(rows).print(os);
  os << "\n";
  if (llvm::any_of(rows, [](auto *r) { return !r->byName; }))
    os << "~ paired by the order of layers: the names have nothing in common\n";
  if (llvm::any_of(rows, [](auto *r) { return r->rescaled; }))
    printWrapped(os, "* ",
                 "the channels differ by constant factors: the quantizer has equalized the weights (then `single` of "
                 "what reads the tensor says nothing either)");
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

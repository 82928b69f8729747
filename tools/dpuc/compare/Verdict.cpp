//===- Verdict.cpp - what a comparison comes to, in sentences ----------------------------===//
#include "Verdict.h"
#include "dpuopt/Report/Lines.h"
#include <fmt/format.h>
#include <set>

using namespace dpuopt;

static bool passes(const TensorStats &s, const CompareLimits &limits) {
  return s.identical() || (s.maxLsb && *s.maxLsb <= limits.tolerance) || (limits.minSnr && s.snr >= *limits.minSnr);
}

std::vector<const ComparedTensor *> dpuopt::rowsToPrint(const Comparison &c, bool all, unsigned worst) {
  constexpr size_t Most = 60;
  std::vector<const ComparedTensor *> rows;
  for (const ComparedTensor &r : c.rows)
    if (all || worst || c.rows.size() <= 20 || !r.entire.identical() || (r.single && !r.single->identical()))
      rows.push_back(&r);
  if (worst) {
    llvm::stable_sort(rows, [](auto *x, auto *y) { return x->entire.snr < y->entire.snr; });
    rows.resize(std::min<size_t>(rows.size(), worst));
  } else if (!all && rows.size() > Most) {
    rows.resize(Most);
  }
  return rows;
}

/// "WHAT: text", in more lines where one is too short; names stay whole.
static void printOf(llvm::raw_ostream &os, const std::string &what, const std::string &text) {
  if (what.size() + 2 + text.size() <= Columns)
    os << what << ": " << text << "\n";
  else
    os << what << ":\n", printWrapped(os, "  ", text);
}

/// Real numbers against fix points: nothing is the same. Where does most of the error come from?
static void printWorst(const Comparison &c, llvm::raw_ostream &os) {
  const ComparedTensor *layer = nullptr, *sum = nullptr;
  for (const ComparedTensor &r : c.rows) {
    if (!r.isInput && !r.rescaled && (!sum || r.entire.snr < sum->entire.snr))
      sum = &r;
    if (r.single && (!layer || r.single->snr < layer->single->snr))
      layer = &r;
  }
  if (layer && llvm::none_of(c.rows, [](const ComparedTensor &r) { return r.rescaled; }))
    printOf(os, fmt::format("the layer that loses most by itself: {} ({})", layer->name, layer->op),
            fmt::format("{:.1f} dB", layer->single->snr));
  if (sum)
    printOf(os, fmt::format("the tensor with the largest error in all: {} ({})", sum->name, sum->op),
            fmt::format("{:.1f} dB; the last one, {}: {:.1f} dB", sum->entire.snr, c.rows.back().name,
                        c.rows.back().entire.snr));
}

bool dpuopt::printVerdict(const Comparison &c, const CompareLimits &limits, llvm::raw_ostream &os) {
  size_t differ = 0;
  const ComparedTensor *first = nullptr;
  for (const ComparedTensor &r : c.rows)
    if (!passes(r.entire, limits)) {
      ++differ;
      first = first ? first : &r;
    }
  os << fmt::format("{} of {} tensors bit-identical", c.identical(), c.rows.size());
  if (!first)
    return os << (c.identical() == c.rows.size() ? "\n" : ", the others within the limits\n"), true;
  if (!c.bothRound)
    return os << "; one side rounds to fix points, the other does not\n", printWorst(c, os), false;
  const TensorStats &e = first->entire;
  os << "\n";
  printOf(os, "first to differ: " + first->name + (first->op.empty() ? "" : " (" + first->op + ")"),
          fmt::format("{} of {} numbers, by at most {}; index of the first {}", e.differing, e.elements,
                      e.maxLsb ? fmt::format("{:.6g} LSB", *e.maxLsb) : fmt::format("{:.4g}", e.maxAbs),
                      e.firstDiffering));
  if (first->single)
    os << (first->single->identical()
               ? "  fed with A's tensors the layer alone computes the same: what it reads differs\n"
               : "  the layer alone differs, fed with the same tensors\n");
  unsigned shown = 0;
  std::set<std::string> said;
  for (const ComparedTensor &r : c.rows)
    if (!r.cause.empty() && said.insert(r.cause).second && shown++ < 5)
      printOf(os, "why " + r.name, r.cause);
  return false;
}

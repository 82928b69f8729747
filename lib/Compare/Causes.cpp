//===- Causes.cpp - why two ways of computing one layer differ ---------------------------===//
//
// Looks at the ops, never at names of models. Each rule says what one side does otherwise.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Compare/Isolate.h"
#include "dpuopt/Compare/Matching.h"
#include "dpuopt/Compare/Meaning.h"
#include "llvm/ADT/StringMap.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {

using Segment = llvm::ArrayRef<const Op *>;

template <class... Names> const Op *findOp(Segment s, Names... names) {
  auto it = llvm::find_if(s, [&](const Op *op) { return op->isOneOf(names...); });
  return it == s.end() ? nullptr : *it;
}

int64_t product(llvm::ArrayRef<int64_t> v) {
  int64_t n = 1;
  for (int64_t d : v)
    n *= d;
  return n;
}

/// How many numbers go into one of the result.
int64_t averaged(const Op &op) {
  if (op.is("xir.pool-fix") || op.is("xir.avgpool2d"))
    if (auto kernel = op.getInts("kernel"); !kernel.empty())
      return product(kernel);
  const Type &from = op.operand(0)->type(), &to = op.result()->type();
  return from.isStatic() && to.isStatic() && to.numElements() ? from.numElements() / to.numElements() : 0;
}

/// A scalar that a product of the segment multiplies by.
std::optional<double> factorOf(Segment s) {
  for (const Op *op : s)
    if (op->is("xir.mul"))
      for (const Value *v : op->operands())
        if (const Tensor *t = constantOf(v); t && (t->numElements() == 1 || t->isSplat()))
          return t->at(0);
  return std::nullopt;
}

std::string average(Segment a, Segment b) {
  const Op *pool = findOp(b, "xir.pool-fix", "xir.reduction_mean-fix"),
           *mean = findOp(a, "xir.avgpool2d", "xir.reduction_mean");
  if (!pool || !mean || (pool->is("xir.pool-fix") && pool->getString("type") != "AVG"))
    return {};
  auto factor = factorOf(a);
  return fmt::format(
      "the compiler turned the average over {} numbers into integer constants: a sum times N/2^M, rounded once; "
      "the quantized graph divides real numbers{}",
      averaged(*pool), factor ? fmt::format(" and multiplies by {:.9g}", *factor) : std::string());
}

std::string scaleText(const Op &op) {
  std::string text;
  for (float s : op.getFloats("scale"))
    text += fmt::format("{}{:.6g}", text.empty() ? "" : " x ", s);
  return text.empty() ? "" : ", scale " + text;
}

std::string downsample(Segment a, Segment b) {
  const Op *down = findOp(b, "xir.downsample-fix"), *resize = findOp(a, "xir.resize");
  if (!down || !resize)
    return {};
  return fmt::format(
      "the compiler turned the resize (mode {}{}{}) into a downsample: it takes every n-th pixel and rounds, "
      "whatever the mode says",
      resize->getString("mode"), scaleText(*resize),
      resize->getBool("half_pixel_centers") ? ", half_pixel_centers" : "");
}

/// Constants by name, as stored integers where they are fixed.
llvm::StringMap<Tensor> constantsOf(Segment s) {
  llvm::StringMap<Tensor> found;
  for (const Op *op : s) {
    const Op *from = op->is("xir.fix") && op->operand(0) ? op->operand(0)->def() : op;
    const Tensor *t = from && from->isConst() ? from->getTensor("value") : nullptr;
    if (t && op->result()->type().isFix())
      found[plainName(op->result()->name())] = storedIntegers(*t, op->result()->type().elemType());
  }
  return found;
}

std::string constants(Segment a, Segment b) {
  auto ofA = constantsOf(a), ofB = constantsOf(b);
  for (const auto &entry : ofA) {
    auto it = ofB.find(entry.first());
    if (it == ofB.end() || entry.second.numElements() != it->second.numElements())
      continue;
    const Tensor &x = entry.second, &y = it->second;
    if (x.elemType() != y.elemType())
      return fmt::format("constant '{}' is {} in one and {} in the other", entry.first().str(), x.elemType().str(),
                         y.elemType().str());
    int64_t differ = 0;
    for (int64_t i = 0; i < x.numElements(); ++i)
      differ += x.intAt(i) != y.intAt(i);
    if (differ)
      return fmt::format("constant '{}' has other numbers: {} of {} differ", entry.first().str(), differ,
                         x.numElements());
  }
  return {};
}

unsigned roundings(Segment s) {
  return static_cast<unsigned>(llvm::count_if(s, [](const Op *op) {
    const bool ofConstant = op->numOperands() == 1 && op->operand(0) && constantOf(op->operand(0));
    return !op->isConst() && !ofConstant && op->numResults() == 1 && op->result()->type().isFix() &&
           !copiedFrom(*op->result());
  }));
}

std::string fixPoints(Segment a, Segment b) {
  auto last = [](Segment s) { return s.empty() ? std::nullopt : fixOf(*s.back()->result()); };
  auto x = last(a), y = last(b);
  return x && y && *x != *y ? fmt::format("the result is {} in one and {} in the other", x->str(), y->str()) : "";
}

std::string roundingCount(Segment a, Segment b) {
  const unsigned x = roundings(a), y = roundings(b);
  return x && y && x != y ? fmt::format("one rounds {} time{} here, the other {}", x, x == 1 ? "" : "s", y) : "";
}

} // namespace

LayerCause dpuopt::explainDifference(llvm::ArrayRef<const Op *> a, llvm::ArrayRef<const Op *> b) {
  struct Rewrite {
    std::string (*rule)(Segment, Segment);
    double mostLsb;
  };
  for (const Rewrite &r : {Rewrite{average, 1}, Rewrite{downsample, 256}})
    for (bool swapped : {false, true})
      if (std::string text = swapped ? r.rule(b, a) : r.rule(a, b); !text.empty())
        return {text, r.mostLsb};
  for (auto rule : {fixPoints, constants, roundingCount})
    if (std::string text = rule(a, b); !text.empty())
      return {text};
  return {};
}

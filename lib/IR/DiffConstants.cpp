//===- DiffConstants.cpp - how the numbers of two constants differ ---------------===//
#include "DiffParts.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::diff;

static constexpr size_t MaxShown = 4;

static bool sameNumber(double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); }

/// Element `i` as it is stored: a fix point's integer, else the number.
static double stored(const Tensor &t, int64_t i) {
  return t.elemType().isFix() ? static_cast<double>(t.intAt(i)) : t.at(i);
}

/// In stored integers if both are fixed alike; else in steps of the fix op that reads it.
static double unitOf(const Tensor &a, const Tensor &b, double step, bool &inLsb) {
  inLsb = (a.elemType().isFix() && b.elemType().isFix()) || step > 0;
  return a.elemType().isFix() || step <= 0 ? 1 : step;
}

std::optional<ConstantDelta> diff::diffConstants(const Tensor &a, const Tensor &b, double step) {
  ConstantDelta d;
  d.hashA = a.hash(), d.hashB = b.hash();
  if (d.hashA == d.hashB && a == b)
    return std::nullopt;
  d.elements = a.numElements();
  bool countable =
      d.elements >= 0 && b.numElements() == d.elements && a.elemType().byteSize() && b.elemType().byteSize();
  if (!countable)
    return d;
  bool reals = a.elemType().isFix() != b.elemType().isFix(); // one holds integers, the other reals
  double unit = unitOf(a, b, step, d.inLsb);
  // Two splats differ everywhere in the same way, however large they are.
  int64_t looked = a.isSplat() && b.isSplat() ? std::min<int64_t>(d.elements, 1) : d.elements;
  for (int64_t i = 0; i < looked; ++i) {
    double x = reals ? a.at(i) : stored(a, i), y = reals ? b.at(i) : stored(b, i);
    if (sameNumber(x, y))
      continue;
    ++d.differing;
    if (double delta = std::abs(x - y) / unit; !(delta <= d.largest)) // NaN counts as largest
      d.largest = delta;
    if (d.first.size() < MaxShown)
      d.first.push_back({i, x, y});
  }
  if (looked < d.elements && d.differing)
    d.differing = d.elements;
  // Equal numbers in another element type or shape: what the type says is reported as that.
  if (!d.differing && a.type() != b.type())
    return std::nullopt;
  return d;
}

//===- TensorStats.cpp - how far apart two tensors are -----------------------------------===//
#include "dpuopt/Compare/TensorStats.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

using namespace dpuopt;

/// The coarser step of the two, if there is one.
static std::optional<double> stepOf(ElemType a, ElemType b) {
  if (!a.isFix() && !b.isFix())
    return std::nullopt;
  int point = a.isFix() ? a.fixPoint : b.fixPoint;
  if (a.isFix() && b.isFix())
    point = std::min(a.fixPoint, b.fixPoint);
  return std::ldexp(1.0, -point);
}

static double saturatedShare(const Tensor &t) {
  const ElemType e = t.elemType();
  if (!e.isFix() || t.numElements() == 0)
    return 0;
  const int64_t high = (int64_t(1) << (e.bits - e.isSigned)) - 1, low = e.isSigned ? -high - 1 : -1;
  int64_t count = 0;
  for (int64_t i = 0; i < t.numElements(); ++i) {
    const int64_t q = t.intAt(i);
    count += q == high || q == low;
  }
  return static_cast<double>(count) / static_cast<double>(t.numElements());
}

TensorStats dpuopt::compareTensors(const Tensor &a, const Tensor &b) {
  assert(a.numElements() == b.numElements());
  TensorStats s;
  s.elements = a.numElements();
  const Tensor x = a.toFloat().expanded(), y = b.toFloat().expanded();
  llvm::ArrayRef<float> p = x.as<float>(), q = y.as<float>();
  double pp = 0, qq = 0, pq = 0, dd = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const double u = p[i], v = q[i];
    if (u == v || (std::isnan(u) && std::isnan(v))) {
      if (std::isfinite(u))
        pp += u * u, qq += u * u, pq += u * u;
      continue;
    }
    double apart = std::fabs(u - v);
    apart = std::isnan(apart) ? INFINITY : apart;
    s.firstDiffering = s.differing++ ? s.firstDiffering : static_cast<int64_t>(i);
    s.maxAbs = std::max(s.maxAbs, apart);
    pp += u * u, qq += v * v, pq += u * v, dd += apart * apart;
  }
  if (auto step = stepOf(a.elemType(), b.elemType()))
    s.maxLsb = s.maxAbs / *step;
  const bool zeros = pp == 0 && qq == 0;
  s.cosine = zeros ? 1 : pp == 0 || qq == 0 ? 0 : pq / std::sqrt(pp * qq);
  s.cosine = std::isnan(s.cosine) ? 0 : std::clamp(s.cosine, -1.0, 1.0);
  s.snr = dd == 0 ? INFINITY : pp == 0 ? -INFINITY : 10 * std::log10(pp / dd);
  s.snr = std::isnan(s.snr) ? -INFINITY : s.snr;
  s.saturated = saturatedShare(b);
  return s;
}

double dpuopt::snrOfScaledChannels(const Tensor &a, const Tensor &b, size_t axis) {
  assert(a.shape() == b.shape() && axis < a.shape().size());
  const Tensor x = a.toFloat().expanded(), y = b.toFloat().expanded();
  llvm::ArrayRef<float> p = x.as<float>(), q = y.as<float>();
  const size_t channels = static_cast<size_t>(a.shape()[axis]);
  size_t inner = 1;
  for (int64_t d : a.shape().drop_front(axis + 1))
    inner *= static_cast<size_t>(d);
  std::vector<double> pp(channels, 0), qq(channels, 0), pq(channels, 0);
  for (size_t i = 0; i < p.size(); ++i) {
    const size_t c = i / inner % channels;
    const double u = p[i], v = q[i];
    pp[c] += u * u, qq[c] += v * v, pq[c] += u * v;
  }
  // |p - s q|^2 is least for s = pq / qq.
  double signal = 0, noise = 0;
  for (size_t c = 0; c < channels; ++c) {
    signal += pp[c];
    noise += std::max(0.0, qq[c] > 0 ? pp[c] - pq[c] * pq[c] / qq[c] : pp[c]);
  }
  return noise > 0 && signal > 0 ? 10 * std::log10(signal / noise) : noise > 0 ? -INFINITY : INFINITY;
}

//===----------------------------------------------------------------------===//
// Shapes

static Shape withoutOnes(llvm::ArrayRef<int64_t> shape) {
  Shape out;
  llvm::copy_if(shape, std::back_inserter(out), [](int64_t d) { return d != 1; });
  return out;
}

using Order = llvm::SmallVector<unsigned, 5>;

/// The order of dimensions that moves channels last or first and makes `target` of `from`; empty: it does not.
static Order movedOrder(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> target, bool last) {
  const size_t rank = from.size();
  if (rank < 3 || rank > 5 || target.size() != rank)
    return {};
  Order order;
  for (unsigned i = 0; i < rank; ++i)
    order.push_back(i);
  last ? std::rotate(order.begin() + 1, order.begin() + 2, order.end())
       : std::rotate(order.begin() + 1, order.end() - 1, order.end());
  for (size_t i = 0; i < rank; ++i)
    if (target[i] != from[order[i]])
      return {};
  return order;
}

bool dpuopt::canAlign(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> target) {
  return from == target || !movedOrder(from, target, true).empty() || !movedOrder(from, target, false).empty() ||
         withoutOnes(from) == withoutOnes(target);
}

std::optional<Tensor> dpuopt::alignedTo(const Tensor &t, llvm::ArrayRef<int64_t> target, std::optional<bool> last) {
  if (last)
    if (Order order = movedOrder(t.shape(), target, *last); !order.empty())
      return t.transposed(order);
  if (t.shape() == target)
    return t;
  for (bool direction : {true, false})
    if (Order order = movedOrder(t.shape(), target, direction); !order.empty())
      return t.transposed(order);
  if (withoutOnes(t.shape()) == withoutOnes(target))
    return t.reshaped(target);
  return std::nullopt;
}

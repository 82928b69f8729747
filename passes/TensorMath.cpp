//===- TensorMath.cpp - arithmetic on weights, per channel ------------------===//
#include "TensorMath.h"
#include "llvm/ADT/STLExtras.h"
#include <cstring>

namespace dpuopt {
namespace {

bool allEqual(llvm::ArrayRef<double> v) {
  return llvm::all_of(v, [&](double x) { return x == v.front(); });
}

/// f32 in another float type.
Tensor narrowed(const Tensor &t, ElemType elem) {
  if (elem.kind == ElemKind::F32)
    return t;
  auto convert = [&](float f) { return elem.kind == ElemKind::F16 ? floatToHalf(f) : floatToBfloat(f); };
  std::vector<uint16_t> bits;
  const auto *values = reinterpret_cast<const float *>(t.elements());
  for (size_t i = 0, n = t.storage().size() / sizeof(float); i < n; ++i)
    bits.push_back(convert(values[i]));
  Blob blob = Blob::adopt(std::move(bits));
  Type type = t.type().withElem(elem);
  return t.isSplat() ? Tensor::splat(type, std::move(blob)) : Tensor(type, std::move(blob));
}

template <class T> const T *stored(const Tensor &t) { return reinterpret_cast<const T *>(t.elements()); }

/// What happens to each element and its channel's factor. In double both are rounded once, also for f32.
struct Times {
  double operator()(double x, double factor) const { return x * factor; }
};
struct Over {
  double operator()(double x, double divisor) const { return x / divisor; }
};

/// The scaled elements, one channel at a time. Appending to reserved memory touches
/// every page once; filling it with zeros first would cost as much as the arithmetic.
template <class T, class How>
std::vector<T> scaled(const T *in, bool splat, const ChannelView &v, llvm::ArrayRef<double> factors, How how) {
  std::vector<T> out;
  out.reserve(v.groups * v.repeat * v.channels * v.inner);
  for (int64_t g = 0; g < v.groups; ++g)
    for (int64_t r = 0; r < v.repeat; ++r)
      for (int64_t c = 0; c < v.channels; ++c) {
        double f = factors[g * v.channels + c];
        if (splat) {
          out.insert(out.end(), v.inner, static_cast<T>(how(*in, f)));
        } else if (v.inner == 1) {
          out.push_back(static_cast<T>(how(*in++, f)));
        } else {
          auto change = [f, how](T x) { return static_cast<T>(how(x, f)); };
          auto begin = llvm::map_iterator(in, change), end = llvm::map_iterator(in += v.inner, change);
          out.insert(out.end(), begin, end);
        }
      }
  return out;
}

template <class T, class How>
Tensor scale(const Tensor &t, const ChannelView &v, llvm::ArrayRef<double> factors, How how) {
  if (t.isSplat() && allEqual(factors))
    return Tensor::splat(t.type(), Blob::adopt(std::vector<T>{static_cast<T>(how(*stored<T>(t), factors[0]))}));
  std::vector<double> all(v.total(), factors[0]);
  if (factors.size() > 1)
    all.assign(factors.begin(), factors.end());
  return Tensor(t.type(), Blob::adopt(scaled(stored<T>(t), t.isSplat(), v, all, how)));
}

template <class How>
Tensor scaleNow(const Tensor &t, const ChannelView &view, llvm::ArrayRef<double> factors, How how) {
  switch (t.elemType().kind) {
  case ElemKind::F32:
    return scale<float>(t, view, factors, how);
  case ElemKind::F64:
    return scale<double>(t, view, factors, how);
  default:
    return narrowed(scale<float>(t.toFloat(), view, factors, how), t.elemType());
  }
}

/// Weights are scaled when somebody reads them.
template <class How>
Tensor scaleAny(const Tensor &t, const ChannelView &view, llvm::ArrayRef<double> factors, How how) {
  assert(t.elemType().isFloat() && t.numElements() == view.total() * view.repeat * view.inner);
  assert(factors.size() == 1 || static_cast<int64_t>(factors.size()) == view.total());
  if ((t.isSplat() && allEqual(factors)) || t.numElements() == 0)
    return scaleNow(t, view, factors, how);
  return Tensor::deferred(t.type(), t, [view, factors = factors.vec(), how](const Tensor &now) {
    return scaleNow(now, view, factors, how);
  });
}

template <class T>
void addSums(const T *in, bool splat, const ChannelView &v, llvm::ArrayRef<double> values, std::vector<double> &out) {
  for (int64_t g = 0; g < v.groups; ++g)
    for (int64_t r = 0; r < v.repeat; ++r)
      for (int64_t c = 0; c < v.channels; ++c) {
        double sum = splat ? double(*in) * v.inner : 0;
        for (int64_t i = 0; !splat && i < v.inner; ++i)
          sum += *in++;
        out[g * v.repeat + r] += sum * values[g * v.channels + c];
      }
}

} // namespace

Tensor scaleChannels(const Tensor &t, const ChannelView &view, llvm::ArrayRef<double> factors) {
  return scaleAny(t, view, factors, Times());
}

Tensor divideChannels(const Tensor &t, const ChannelView &view, llvm::ArrayRef<double> divisors) {
  return scaleAny(t, view, divisors, Over());
}

std::vector<float> channelRows(const Tensor &t, const ChannelView &v) {
  assert(t.elemType().isFloat() && t.numElements() == v.total() * v.repeat * v.inner);
  Tensor f = t.toFloat();
  const float *in = stored<float>(f);
  if (f.isSplat())
    return std::vector<float>(v.total(), *in);
  std::vector<float> rows(f.numElements());
  for (int64_t g = 0; g < v.groups; ++g)
    for (int64_t r = 0; r < v.repeat; ++r)
      for (int64_t c = 0; c < v.channels; ++c, in += v.inner)
        std::copy(in, in + v.inner, &rows[((g * v.channels + c) * v.repeat + r) * v.inner]);
  return rows;
}

std::vector<double> channelSums(const Tensor &t, const ChannelView &view, llvm::ArrayRef<double> values) {
  assert(t.elemType().isFloat() && t.numElements() == view.total() * view.repeat * view.inner);
  std::vector<double> out(view.groups * view.repeat);
  if (t.elemType().kind == ElemKind::F64) {
    addSums(stored<double>(t), t.isSplat(), view, values, out);
  } else {
    Tensor f = t.toFloat();
    addSums(stored<float>(f), f.isSplat(), view, values, out);
  }
  return out;
}

Tensor flippedPlanes(const Tensor &w) {
  size_t rank = w.type().rank();
  size_t plane = w.shape()[rank - 2] * w.shape()[rank - 1], bytes = w.elemType().byteSize();
  if (w.isSplat() || plane <= 1 || w.numElements() == 0)
    return w;
  Tensor out = Tensor::zeros(w.type());
  Blob storage = out.storage();
  out = Tensor(); // leaves `storage` the only owner, so that it is written in place
  auto dst = storage.mutableBytes();
  auto src = w.storage().bytes();
  for (size_t i = 0, n = src.size() / bytes; i < n; ++i) {
    size_t base = i - i % plane;
    std::memcpy(&dst[(base + plane - 1 - i % plane) * bytes], &src[i * bytes], bytes);
  }
  return Tensor(w.type(), std::move(storage));
}

std::vector<double> toDoubles(const Tensor &t) {
  if (t.elemType().kind == ElemKind::F32 && !t.isSplat())
    return {t.as<float>().begin(), t.as<float>().end()};
  std::vector<double> out(t.numElements());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = t.at(i);
  return out;
}

Tensor fromDoubles(const Type &type, llvm::ArrayRef<double> values) {
  assert(type.elemType().isFloat() && type.numElements() == static_cast<int64_t>(values.size()));
  bool splat = !values.empty() && allEqual(values);
  llvm::ArrayRef<double> kept = splat ? values.take_front(1) : values;
  auto make = [&](const Type &t, Blob blob) {
    return splat ? Tensor::splat(t, std::move(blob)) : Tensor(t, std::move(blob));
  };
  if (type.elemType().kind == ElemKind::F64)
    return make(type, Blob::adopt(kept.vec()));
  return narrowed(make(type.withElem(ElemKind::F32), Blob::adopt(std::vector<float>(kept.begin(), kept.end()))),
                  type.elemType());
}

std::optional<double> uniformValue(const Tensor &t) {
  size_t size = t.elemType().byteSize();
  llvm::ArrayRef<uint8_t> bytes = t.storage().bytes();
  if (!size || bytes.empty() || t.numElements() == 0)
    return std::nullopt;
  if (!t.isSplat() && std::memcmp(bytes.data(), bytes.data() + size, bytes.size() - size) != 0)
    return std::nullopt;
  return t.at(0);
}

} // namespace dpuopt

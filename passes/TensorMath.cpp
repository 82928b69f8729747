//===- TensorMath.cpp - arithmetic on weights, per channel ------------------===//
#include "TensorMath.h"
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
  const auto *values = reinterpret_cast<const float *>(t.storage().bytes().data());
  for (size_t i = 0, n = t.storage().size() / sizeof(float); i < n; ++i)
    bits.push_back(convert(values[i]));
  Blob blob = Blob::adopt(std::move(bits));
  Type type = t.type().withElem(elem);
  return t.isSplat() ? Tensor::splat(type, std::move(blob)) : Tensor(type, std::move(blob));
}

template <class T> const T *stored(const Tensor &t) { return reinterpret_cast<const T *>(t.storage().bytes().data()); }

/// One channel at a time; element-wise factors where a channel has no inner elements.
template <class T> void scaleDense(const T *in, T *out, const ChannelView &v, llvm::ArrayRef<double> factors) {
  for (int64_t g = 0; g < v.groups; ++g) {
    const double *f = factors.data() + g * v.channels;
    for (int64_t r = 0; r < v.repeat; ++r) {
      int64_t row = v.channels * v.inner;
      if (v.inner == 1)
        for (int64_t c = 0; c < v.channels; ++c)
          out[c] = static_cast<T>(in[c] * f[c]);
      else
        for (int64_t c = 0; c < v.channels; ++c)
          for (int64_t i = c * v.inner; i < (c + 1) * v.inner; ++i)
            out[i] = static_cast<T>(in[i] * f[c]);
      in += row, out += row;
    }
  }
}

template <class T> Tensor scale(const Tensor &t, const ChannelView &v, llvm::ArrayRef<double> factors) {
  if (t.isSplat() && allEqual(factors))
    return Tensor::splat(t.type(), Blob::adopt(std::vector<T>{static_cast<T>(*stored<T>(t) * factors[0])}));
  Tensor dense = t.expanded();
  std::vector<double> all(v.total(), factors[0]);
  if (factors.size() > 1)
    all.assign(factors.begin(), factors.end());
  Tensor out = Tensor::zeros(t.type());
  scaleDense(dense.as<T>().data(), out.mut<T>().data(), v, all);
  return out;
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
  assert(t.elemType().isFloat() && t.numElements() == view.total() * view.repeat * view.inner);
  assert(factors.size() == 1 || static_cast<int64_t>(factors.size()) == view.total());
  switch (t.elemType().kind) {
  case ElemKind::F32:
    return scale<float>(t, view, factors);
  case ElemKind::F64:
    return scale<double>(t, view, factors);
  default:
    return narrowed(scale<float>(t.toFloat(), view, factors), t.elemType());
  }
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

std::vector<double> toDoubles(const Tensor &t) {
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

//===- Tensor.cpp - a typed block of numbers ------------------------------===//
#include "dpuopt/IR/Tensor.h"
#include "llvm/Support/xxhash.h"
#include <cmath>
#include <cstring>

using namespace dpuopt;

Tensor::Tensor(Type type, Blob data) : ty(std::move(type)), data(std::move(data)) {
  assert(ty.elemType().kind == ElemKind::String || ty.numBytes() == static_cast<int64_t>(this->data.size()));
}

Tensor Tensor::splat(Type type, Blob element) {
  assert(element.size() == type.elemType().byteSize());
  Tensor t;
  t.ty = std::move(type);
  t.data = std::move(element);
  t.splatted = true;
  return t;
}

Tensor Tensor::splatFloat(llvm::ArrayRef<int64_t> shape, float value) {
  return splat(Type(ElemKind::F32, shape), Blob::adopt(std::vector<float>{value}));
}

Tensor Tensor::zeros(Type type) {
  Blob data = Blob::zeros(type.numBytes());
  return Tensor(std::move(type), std::move(data));
}

Tensor Tensor::deferred(Type type, const Tensor &source, std::function<Tensor(const Tensor &)> compute) {
  Tensor shell = source; // all but the bytes, which the blob keeps until they are used
  shell.data = Blob();
  Type computed = type;
  auto make = [shell, type = std::move(type), compute = std::move(compute)](const Blob &bytes) {
    Tensor in = shell;
    in.data = bytes;
    Tensor out = compute(in).expanded();
    assert(out.ty == type);
    (void)type;
    return out.data;
  };
  return Tensor(computed, Blob::deferred(computed.numBytes(), source.data, std::move(make)));
}

Tensor Tensor::fromFloats(llvm::ArrayRef<int64_t> shape, std::vector<float> values) {
  return Tensor(Type(ElemKind::F32, shape), Blob::adopt(std::move(values)));
}

Tensor Tensor::fromInts(llvm::ArrayRef<int64_t> shape, std::vector<int64_t> values) {
  return Tensor(Type(ElemKind::I64, shape), Blob::adopt(std::move(values)));
}

/// Calls `f` with a zero of the unsigned integer type that has the stored size.
template <class F> static void withWord(unsigned byteSize, F f) {
  switch (byteSize) {
  case 1:
    return f(uint8_t(0));
  case 2:
    return f(uint16_t(0));
  case 4:
    return f(uint32_t(0));
  case 8:
    return f(uint64_t(0));
  default:
    assert(false && "element type without numbers");
  }
}

const uint8_t *Tensor::elements() const {
  unsigned size = ty.elemType().byteSize();
  if (size && reinterpret_cast<uintptr_t>(data.bytes().data()) % size)
    data = Blob::copy(data.bytes());
  return data.bytes().data();
}

Tensor Tensor::expanded() const {
  if (!splatted)
    return *this;
  Tensor out;
  withWord(ty.elemType().byteSize(), [&](auto word) {
    using W = decltype(word);
    std::memcpy(&word, data.bytes().data(), sizeof word);
    out = Tensor(ty, Blob::adopt(std::vector<W>(ty.numElements(), word)));
  });
  return out;
}

void Tensor::makeWritable() {
  if (splatted)
    *this = expanded();
  (void)elements();
  (void)data.mutableBytes();
}

Tensor Tensor::reshaped(llvm::ArrayRef<int64_t> shape) const {
  Tensor t = *this;
  t.ty = ty.withShape(shape);
  assert(t.numElements() == numElements());
  return t;
}

Tensor Tensor::bitcast(ElemType elem) const {
  assert(elem.byteSize() == ty.elemType().byteSize());
  Tensor t = *this;
  t.ty = ty.withElem(elem);
  return t;
}

namespace {
/// A permutation with its trivial axes dropped and runs of axes that stay
/// together merged: OIHW -> OHWI on [64, 64, 3, 3] becomes [64, 64, 9] -> (0, 2, 1).
struct Permutation {
  llvm::SmallVector<int64_t, 6> dims;   // merged source dimensions
  llvm::SmallVector<unsigned, 6> order; // merged permutation

  Permutation(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<unsigned> perm) {
    llvm::SmallVector<llvm::SmallVector<unsigned, 6>, 6> groups; // of source axes, in result order
    for (unsigned axis : perm) {
      if (shape[axis] == 1)
        continue;
      bool follows = false;
      if (!groups.empty()) {
        unsigned next = groups.back().back() + 1;
        while (next < axis && shape[next] == 1)
          ++next;
        follows = next == axis;
      }
      if (follows)
        groups.back().push_back(axis);
      else
        groups.push_back({axis});
    }
    llvm::SmallVector<unsigned, 6> bySource(groups.size());
    for (unsigned g = 0; g < groups.size(); ++g)
      bySource[g] = g;
    std::sort(bySource.begin(), bySource.end(), [&](unsigned a, unsigned b) { return groups[a][0] < groups[b][0]; });
    order.resize(groups.size());
    for (unsigned rank = 0; rank < bySource.size(); ++rank) {
      int64_t n = 1;
      for (unsigned axis : groups[bySource[rank]])
        n *= shape[axis];
      dims.push_back(n);
      order[bySource[rank]] = rank;
    }
  }
};

/// dst[j * ds + i] = src[i * ss + j] for an n x m block, in cache-sized tiles.
template <class W> void transposeTiles(const W *src, W *dst, int64_t n, int64_t m, int64_t ss, int64_t ds) {
  constexpr int64_t tile = 32;
  for (int64_t i0 = 0; i0 < n; i0 += tile)
    for (int64_t j0 = 0; j0 < m; j0 += tile)
      for (int64_t j = j0; j < std::min(j0 + tile, m); ++j)
        for (int64_t i = i0; i < std::min(i0 + tile, n); ++i)
          dst[j * ds + i] = src[i * ss + j];
}

template <class W> void permute(const W *src, W *dst, const Permutation &p) {
  unsigned rank = p.dims.size();
  llvm::SmallVector<int64_t, 6> stride(rank, 1); // of the source
  for (unsigned i = rank; i-- > 1;)
    stride[i - 1] = stride[i] * p.dims[i];
  llvm::SmallVector<int64_t, 6> outDims, outStride; // result dimensions, and the source stride of each
  for (unsigned a : p.order)
    outDims.push_back(p.dims[a]), outStride.push_back(stride[a]);

  // The last result axis is the fast one to write; the axis whose source stride
  // is 1 is the fast one to read. Tile over that pair when it sits next to it.
  unsigned last = rank - 1;
  bool tiled = rank >= 2 && outStride[last - 1] == 1;
  unsigned inner = tiled ? 2 : 1;
  int64_t block = tiled ? outDims[last] * outDims[last - 1] : outDims[last];
  int64_t blocks = 1;
  for (unsigned i = 0; i + inner < rank; ++i)
    blocks *= outDims[i];
  llvm::SmallVector<int64_t, 6> index(rank, 0);
  for (int64_t b = 0; b < blocks; ++b, dst += block) {
    int64_t offset = 0;
    for (unsigned i = 0; i + inner < rank; ++i)
      offset += index[i] * outStride[i];
    if (tiled)
      transposeTiles(src + offset, dst, outDims[last], outDims[last - 1], outStride[last], outDims[last]);
    else
      for (int64_t i = 0; i < block; ++i)
        dst[i] = src[offset + i * outStride[last]];
    for (unsigned i = rank - inner; i-- > 0;) {
      if (++index[i] < outDims[i])
        break;
      index[i] = 0;
    }
  }
}
} // namespace

Tensor Tensor::transposed(llvm::ArrayRef<unsigned> perm) const {
  assert(perm.size() == ty.rank());
  Shape shape;
  for (unsigned a : perm)
    shape.push_back(ty.dim(a));
  Permutation p(ty.shape(), perm);
  if (splatted || p.dims.size() <= 1 || numElements() == 0)
    return reshaped(shape);
  Tensor out = zeros(ty.withShape(shape));
  withWord(ty.elemType().byteSize(), [&](auto word) {
    using W = decltype(word);
    permute(reinterpret_cast<const W *>(elements()), reinterpret_cast<W *>(out.data.mutableBytes().data()), p);
  });
  return out;
}

//===-- Numbers --------------------------------------------------------------===//

float dpuopt::halfToFloat(uint16_t h) {
  uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;
  uint32_t bits;
  if (exponent == 31)
    bits = 0x7f800000 | mantissa << 13;
  else if (exponent)
    bits = (exponent + 112) << 23 | mantissa << 13;
  else { // zero or subnormal: mantissa * 2^-24 is exact in float
    float f = std::ldexp(float(mantissa), -24);
    std::memcpy(&bits, &f, 4);
  }
  bits |= sign;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

uint16_t dpuopt::floatToHalf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint16_t sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00 | (magnitude >> 13 & 0x3ff);
  if (magnitude >= 0x477ff000) // rounds to infinity
    return sign | 0x7c00;
  if (magnitude < 0x38800000) { // subnormal half: round to a multiple of 2^-24
    float scaled;
    std::memcpy(&scaled, &magnitude, 4);
    return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(scaled, 24)));
  }
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return sign | static_cast<uint16_t>((rounded - (112u << 23)) >> 13);
}

float dpuopt::bfloatToFloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float f;
  std::memcpy(&f, &wide, 4);
  return f;
}

uint16_t dpuopt::floatToBfloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// Calls `f` with a pointer to the stored elements as their C++ type; bool as
/// uint8_t, Fix as its storage integer. Half types come as uint16_t: see `real`.
template <class F> static void withElements(ElemType e, const uint8_t *p, F f) {
  switch (e.kind) {
  case ElemKind::F32:
    return f(reinterpret_cast<const float *>(p));
  case ElemKind::F64:
    return f(reinterpret_cast<const double *>(p));
  case ElemKind::I8:
    return f(reinterpret_cast<const int8_t *>(p));
  case ElemKind::Bool:
  case ElemKind::U8:
    return f(reinterpret_cast<const uint8_t *>(p));
  case ElemKind::I16:
    return f(reinterpret_cast<const int16_t *>(p));
  case ElemKind::F16:
  case ElemKind::BF16:
  case ElemKind::U16:
    return f(reinterpret_cast<const uint16_t *>(p));
  case ElemKind::I32:
    return f(reinterpret_cast<const int32_t *>(p));
  case ElemKind::U32:
    return f(reinterpret_cast<const uint32_t *>(p));
  case ElemKind::I64:
    return f(reinterpret_cast<const int64_t *>(p));
  case ElemKind::U64:
    return f(reinterpret_cast<const uint64_t *>(p));
  case ElemKind::Fix: {
    unsigned bytes = e.byteSize();
    ElemKind integer = bytes == 1   ? (e.isSigned ? ElemKind::I8 : ElemKind::U8)
                       : bytes == 2 ? (e.isSigned ? ElemKind::I16 : ElemKind::U16)
                                    : (e.isSigned ? ElemKind::I32 : ElemKind::U32);
    return withElements(integer, p, f);
  }
  case ElemKind::None:
  case ElemKind::String:
    assert(false && "element type without numbers");
  }
}

/// What a stored element means, given its element type.
template <class T> static double real(ElemType e, T stored) {
  if (e.kind == ElemKind::F16)
    return halfToFloat(static_cast<uint16_t>(stored));
  if (e.kind == ElemKind::BF16)
    return bfloatToFloat(static_cast<uint16_t>(stored));
  return e.isFix() ? std::ldexp(double(stored), -e.fixPoint) : double(stored);
}

double Tensor::at(int64_t i) const {
  double value = 0;
  withElements(elemType(), elements(), [&](auto *p) { value = real(elemType(), p[splatted ? 0 : i]); });
  return value;
}

int64_t Tensor::intAt(int64_t i) const {
  int64_t value = 0;
  withElements(elemType(), elements(), [&](auto *p) {
    auto stored = p[splatted ? 0 : i];
    if (elemType().isFloat()) {
      double d = real(elemType(), stored); // saturate: converting out of range is undefined
      value = std::isnan(d) ? 0 : d >= 9.2e18 ? INT64_MAX : d <= -9.2e18 ? INT64_MIN : static_cast<int64_t>(d);
    } else {
      value = static_cast<int64_t>(stored);
    }
  });
  return value;
}

Tensor Tensor::toFloat() const {
  ElemType e = elemType();
  if (e.kind == ElemKind::F32)
    return *this;
  std::vector<float> out(splatted ? 1 : numElements());
  withElements(e, elements(), [&](auto *p) {
    if (e.isFix()) { // scaling by a power of two is exact
      float scale = std::ldexp(1.0f, -e.fixPoint);
      for (size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<float>(p[i]) * scale;
    } else {
      for (size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<float>(real(e, p[i]));
    }
  });
  Type floatType = ty.withElem(ElemKind::F32);
  Blob blob = Blob::adopt(std::move(out));
  return splatted ? splat(floatType, std::move(blob)) : Tensor(floatType, std::move(blob));
}

std::vector<int64_t> Tensor::toInts() const {
  std::vector<int64_t> out(numElements());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = intAt(i);
  return out;
}

//===-- Identity --------------------------------------------------------------===//

/// Is every element the same as the first?
static bool isUniform(llvm::ArrayRef<uint8_t> bytes, unsigned size) {
  return bytes.size() <= size || std::memcmp(bytes.data(), bytes.data() + size, bytes.size() - size) == 0;
}

uint64_t Tensor::hash() const {
  unsigned size = elemType().byteSize();
  llvm::ArrayRef<uint8_t> bytes = data.bytes();
  if (size && !splatted && isUniform(bytes, size))
    bytes = bytes.take_front(size); // so that a splat and its expansion agree
  std::string key = ty.str() + ":" + std::to_string(llvm::xxHash64(bytes));
  return llvm::xxHash64(llvm::StringRef(key));
}

bool dpuopt::operator==(const Tensor &a, const Tensor &b) {
  if (a.ty != b.ty)
    return false;
  if (a.splatted == b.splatted)
    return a.data == b.data;
  const Tensor &splat = a.splatted ? a : b, &dense = a.splatted ? b : a;
  unsigned size = splat.data.size();
  return dense.data.size() == 0 ||
         (dense.data.bytes().take_front(size) == splat.data.bytes() && isUniform(dense.data.bytes(), size));
}

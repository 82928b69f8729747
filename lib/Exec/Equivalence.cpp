//===- Equivalence.cpp - random inputs, and comparing two graphs ----------------------------===//
#include "dpuopt/Exec/Executor.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

/// splitmix64: the i-th number of stream `seed`, as 64 random bits.
static uint64_t randomBits(uint64_t seed, uint64_t i) {
  uint64_t z = (seed * 0x9e3779b97f4a7c15u) ^ ((i + 1) * 0xbf58476d1ce4e5b9u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// The mean of three uniform numbers, in [-1, 1).
static double bell(uint64_t bits) {
  auto part = [&](int shift) { return double(bits >> shift & 0x1fffff) / double(1 << 21); };
  return (part(0) + part(21) + part(42)) * (2.0 / 3) - 1;
}

/// One stored element of `type`.
static int64_t randomInt(ElemType type, uint64_t bits) {
  if (type.kind == ElemKind::Bool)
    return int64_t(bits >> 63);
  if (!type.isFix())
    return int64_t(bits >> 62); // 0 to 3: valid as an index of nearly everything
  double high = std::ldexp(1.0, type.bits - (type.isSigned ? 1 : 0)) - 1;
  double low = type.isSigned ? -high - 1 : 0;
  return int64_t(std::clamp(std::floor(std::ldexp(bell(bits), type.fixPoint)), low, high));
}

Tensor dpuopt::randomTensor(const Type &type, uint64_t seed) {
  Shape shape;
  for (int64_t d : type.shape())
    shape.push_back(d < 0 ? 1 : d);
  ElemType elem = type.elemType();
  if (elem.isFloat() || elem.byteSize() == 0)
    elem = ElemKind::F32;
  Tensor t = Tensor::zeros(Type(elem, shape));
  auto fill = [&](auto elements, auto make) {
    for (size_t i = 0; i < elements.size(); ++i)
      elements[i] = static_cast<std::remove_reference_t<decltype(elements[i])>>(make(randomBits(seed, i)));
  };
  auto integer = [&](uint64_t bits) { return randomInt(elem, bits); };
  if (elem.kind == ElemKind::F32)
    fill(t.mut<float>(), bell);
  else if (elem.byteSize() == 1)
    fill(t.mut<int8_t>(), integer);
  else if (elem.byteSize() == 2)
    fill(t.mut<int16_t>(), integer);
  else if (elem.byteSize() == 4)
    fill(t.mut<int32_t>(), integer);
  else
    fill(t.mut<int64_t>(), integer);
  return t;
}

Deviation dpuopt::difference(const Tensor &a, const Tensor &b) {
  Deviation d;
  if (a.numElements() != b.numElements())
    return {INFINITY, 0, false};
  double low = 0, high = 0;
  int64_t n = a.isSplat() && b.isSplat() ? std::min<int64_t>(a.numElements(), 1) : a.numElements();
  for (int64_t i = 0; i < n; ++i) {
    double x = a.at(i), y = b.at(i);
    if (std::isfinite(x))
      low = std::min(low, x), high = std::max(high, x);
    if (x == y || (std::isnan(x) && std::isnan(y)))
      continue;
    double apart = std::fabs(x - y);
    d.maxAbs = std::max(d.maxAbs, std::isnan(apart) ? INFINITY : apart);
  }
  d.range = high - low;
  return d;
}

/// N, C, spatial... -> N, spatial..., C, or the other way round.
static Tensor moveChannels(const Tensor &t, bool last) {
  unsigned rank = unsigned(t.shape().size());
  llvm::SmallVector<unsigned, 5> order{0};
  if (!last)
    order.push_back(rank - 1);
  for (unsigned i = last ? 2 : 1; i < rank - (last ? 0 : 1); ++i)
    order.push_back(i);
  if (last)
    order.push_back(1);
  return t.transposed(order);
}

/// Does `nhwc` have the shape of `nchw` with the channels moved last?
static bool isMoved(llvm::ArrayRef<int64_t> nchw, llvm::ArrayRef<int64_t> nhwc) {
  size_t rank = nchw.size();
  if (rank < 3 || rank > 5 || nhwc.size() != rank)
    return false;
  return nchw[0] == nhwc[0] && nchw[1] == nhwc.back() && nchw.drop_front(2) == nhwc.slice(1, rank - 2);
}

static bool isXirGraph(const Graph &g) {
  return llvm::any_of(g.ops(), [](const Op &op) { return op.isXir(); });
}

enum class Rewrite { SameLayout, Lowered, Raised };

/// Was a value of shape `from` moved to `to`, to channels last or (true) first? Where both
/// readings fit, what the graphs are decides.
static std::optional<bool> wasMoved(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to, Rewrite rewrite) {
  if (rewrite == Rewrite::Raised)
    return isMoved(to, from) && (from.size() == 4 || from != to) ? std::optional(true) : std::nullopt;
  return isMoved(from, to) && (rewrite == Rewrite::Lowered || from != to) ? std::optional(false) : std::nullopt;
}

/// The inputs of `after`, taken from `before`'s by name, or by position if there are as many.
static Result<std::vector<Tensor>> matchFeeds(const Graph &before, llvm::ArrayRef<Tensor> given, const Graph &after,
                                              Rewrite rewrite, DiagEngine &diags) {
  std::vector<Value *> old = graphFeeds(before), fresh = graphFeeds(after);
  std::vector<Tensor> out;
  for (size_t i = 0; i < fresh.size(); ++i) {
    size_t from = old.size();
    for (size_t k = 0; k < old.size(); ++k)
      if (old[k]->name() == fresh[i]->name())
        from = k;
    if (from == old.size() && old.size() == fresh.size())
      from = i;
    if (from == old.size())
      return diags.error(fmt::format("input '{}' is in the second graph only", fresh[i]->name()));
    const Tensor &t = given[from];
    const Type &type = fresh[i]->type();
    auto first = type.isStatic() ? wasMoved(t.shape(), type.shape(), rewrite) : std::nullopt;
    out.push_back(first ? moveChannels(t, !*first) : t);
  }
  return out;
}

static Result<std::vector<Tensor>> runOnce(const Graph &g, llvm::ArrayRef<Tensor> inputs, DiagEngine &diags) {
  auto executor = Executor::create(g, {}, diags);
  if (!executor)
    return failure();
  return (*executor)->run(inputs);
}

Result<double> dpuopt::checkEquivalence(const Graph &before, const Graph &after, double tolerance, uint64_t seed,
                                        DiagEngine &diags) {
  const bool wasXir = isXirGraph(before), isXir = isXirGraph(after);
  const Rewrite rewrite = wasXir == isXir ? Rewrite::SameLayout : isXir ? Rewrite::Lowered : Rewrite::Raised;
  std::vector<Tensor> inputs;
  for (const Value *v : graphFeeds(before)) {
    // Real numbers even for a fix type, so that both graphs see the same values.
    Type type = v->type().isFix() ? v->type().withElem(ElemKind::F32) : v->type();
    inputs.push_back(randomTensor(type, seed + inputs.size()));
  }
  auto moved = matchFeeds(before, inputs, after, rewrite, diags);
  auto a = moved ? runOnce(before, inputs, diags) : failure();
  auto b = a ? runOnce(after, *moved, diags) : failure();
  if (!b)
    return failure();
  if (a->size() != b->size())
    return diags.error(fmt::format("the graphs have {} and {} outputs", a->size(), b->size()));
  double worst = 0;
  for (size_t i = 0; i < a->size(); ++i) {
    const Tensor &x = (*a)[i];
    Tensor y = (*b)[i];
    const std::string &name = before.outputs()[i]->name();
    if (auto first = wasMoved(x.shape(), y.shape(), rewrite))
      y = moveChannels(y, *first);
    Deviation d = difference(x, y);
    if (!d.comparable)
      return diags.error(
          fmt::format("output '{}' is {} in one graph and {} in the other", name, x.type().str(), y.type().str()));
    double relative = d.maxAbs == 0 ? 0 : d.maxAbs / d.range;
    if (!(relative <= tolerance))
      return diags.error(
          fmt::format("output '{}' differs by {:.3g} (range {:.3g}); at most {:.3g} of the range is allowed", name,
                      d.maxAbs, d.range, tolerance));
    worst = std::max(worst, relative);
  }
  return worst;
}

//===- ChannelFactors.cpp - which channels of a graph may be scaled together ------===//
#include "ChannelFactors.h"
#include "Patterns.h"
#include "llvm/ADT/DenseMap.h"
#include <cmath>
#include <numeric>

namespace dpuopt {
namespace {

/// A file of a few bytes can claim any number of equal weights, and of channels.
constexpr int64_t MaxWeightsInAll = int64_t(1) << 28, MaxChannels = 1 << 20, MaxChannelsInAll = 1 << 24;

/// Sets of numbers, joined; the least number of a set stands for it.
class Sets {
public:
  unsigned add() { return parent.push_back(static_cast<unsigned>(parent.size())), parent.back(); }
  unsigned find(unsigned x) {
    while (parent[x] != x)
      x = parent[x] = parent[parent[x]];
    return x;
  }
  void join(unsigned a, unsigned b) {
    a = find(a), b = find(b);
    parent[std::max(a, b)] = std::min(a, b);
  }
  unsigned size() const { return static_cast<unsigned>(parent.size()); }

private:
  std::vector<unsigned> parent;
};

using Channels = std::vector<unsigned>;
constexpr unsigned Fixed = ChannelFactors::Fixed;

/// Of an f32 tensor with a channel axis (the second); else 0.
int64_t channelsOf(const Value *v) {
  const Type &t = v->type();
  return t.elemType() == ElemKind::F32 && t.hasRank() && t.rank() >= 2 ? std::clamp<int64_t>(t.dim(1), 0, MaxChannels)
                                                                       : 0;
}

bool isFinite(const Tensor &t) {
  const auto *x = reinterpret_cast<const float *>(t.elements());
  return std::all_of(x, x + t.storage().size() / sizeof(float), [](float v) { return std::isfinite(v); });
}

/// The layer `op` is, if its weights can be scaled.
std::optional<LinearOp> layerOf(Op &op) {
  auto layer = LinearOp::match(&op);
  if (!layer || !op.operand(0) || onnx::Gemm(op).transA)
    return std::nullopt;
  for (unsigned i : {1, 2})
    if (const Tensor *t = constantOf(op.operand(i)))
      if (t->elemType() != ElemKind::F32 || t->numElements() > MaxWeightsInAll || !isFinite(*t))
        return std::nullopt;
  bool fits = layer->inChannels() == channelsOf(op.operand(0)) && layer->outChannels() == channelsOf(op.result());
  return fits ? layer : std::nullopt;
}

//===-- What commutes with a factor per channel ----------------------------------===//

/// Padding with zeros, or with what is there, on spatial axes only.
bool padsSpatially(const Op &op) {
  const Tensor *list = constantOf(op.operand(1));
  std::vector<int64_t> pads = list ? list->toInts() : op.getInts("pads");
  const Tensor *filler = constantOf(op.operand(2));
  size_t half = pads.size() / 2;
  bool untouched = pads.size() >= 4 && !op.operand(3) && !pads[0] && !pads[1] && !pads[half] && !pads[half + 1];
  bool zeros = op.operand(2) ? filler && uniformValue(*filler) == 0.0 : op.getFloat("value") == 0;
  return untouched && (op.getString("mode", "constant") != "constant" || zeros);
}

bool resizesSpatially(const Op &op) {
  const Type &x = op.operand(0)->type(), &y = op.result()->type();
  return op.getString("coordinate_transformation_mode") != "tf_crop_and_resize" && op.getInts("axes").empty() &&
         x.hasRank() && y.hasRank() && x.rank() == y.rank() && x.rank() >= 3 && x.dim(0) == y.dim(0);
}

/// f(s x) == s f(x) for s > 0, for the first operand and channel by channel.
bool commutes(const Op &op) {
  if (!op.operand(0))
    return false;
  if (op.isOneOf("onnx.Relu", "onnx.LeakyRelu", "onnx.PRelu", "onnx.Identity", "onnx.MaxPool", "onnx.AveragePool",
                 "onnx.GlobalAveragePool", "onnx.GlobalMaxPool"))
    return true;
  if (op.is("onnx.Clip")) {
    auto bounds = clipBounds(op);
    return bounds && bounds->low == 0 && std::isinf(bounds->high) && bounds->high > 0;
  }
  return (op.is("onnx.Pad") && padsSpatially(op)) || (op.is("onnx.Resize") && resizesSpatially(op));
}

bool reshapes(const Op &op) { return op.isOneOf("onnx.Reshape", "onnx.Flatten", "onnx.Squeeze", "onnx.Unsqueeze"); }

bool alongChannels(const Op &op) {
  const Value *v = op.operand(0);
  return v && v->type().hasRank() && onnx::normalizeAxis(op.getInt("axis"), v->type().rank()) == 1;
}

int64_t product(llvm::ArrayRef<int64_t> dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t(1), std::multiplies<>());
}

//===-- The search ----------------------------------------------------------------===//

class Finder {
public:
  Finder(Graph &g, bool throughClips) : g(g), throughClips(throughClips) { sets.add(); }

  ChannelFactors find() {
    for (Op &op : g.ops())
      if (!op.isConst())
        visit(op);
    for (const Value *v : g.outputs())
      fix(v);
    fixUnread();
    return number();
  }

private:
  void visit(Op &op) {
    if (auto layer = layerOf(op); layer && (weights -= layer->op().operand(1)->type().numElements()) >= 0)
      return addLayer(std::move(*layer));
    if (op.isOneOf("onnx.Add", "onnx.Sub", "onnx.Max", "onnx.Min", "onnx.Sum"))
      return addJoin(op);
    if (op.isOneOf("onnx.Mul", "onnx.Div"))
      return addProduct(op);
    if (op.is("onnx.Concat") && alongChannels(op))
      return addConcat(op);
    if (op.is("onnx.Split") && alongChannels(op))
      return addSplit(op);
    const Channels *x = channels(op.operand(0));
    if (!x)
      return fixAll(op);
    bool passes = commutes(op) ? assign(op.result(), *x) : reshapes(op) ? assign(op.result(), reshaped(*x, op)) : false;
    if (auto bound = upperBoundOf(op); bound && throughClips && !passes) {
      found.bounded.push_back({&op, *bound, *x});
      passes = assign(op.result(), *x);
    }
    for (unsigned i = passes; i < op.numOperands(); ++i)
      fix(op.operand(i));
  }

  //===-- Ops ---------------------------------------------------------------------===//
  void addLayer(LinearOp layer) {
    const Op &op = layer.op();
    const Channels *x = channels(op.operand(0));
    Channels in = x ? *x : Channels(layer.inChannels(), Fixed), out;
    budget -= layer.outChannels();
    for (int64_t c = 0; c < layer.outChannels(); ++c)
      out.push_back(budget > 0 ? sets.add() : Fixed);
    assign(op.result(), out);
    found.layers.push_back({std::move(layer), std::move(in), std::move(out)});
  }

  /// All operands have one factor per channel, if all are scaled and none is broadcast.
  void addJoin(Op &op) {
    bool same = llvm::all_of(op.operands(), [&](const Value *v) {
      return v && channels(v) && v->type() == op.result()->type() && v->type().isStatic();
    });
    if (!same || !op.numOperands())
      return fixAll(op);
    Channels joined = *channels(op.operand(0));
    for (const Value *v : op.operands())
      joinAll(joined, *channels(v));
    assign(op.result(), joined);
  }

  /// The factor of one operand goes through if the other is not scaled.
  void addProduct(Op &op) {
    const Channels *a = channels(op.operand(0)), *b = channels(op.operand(1));
    const Value *scaled = a && !b ? op.operand(0) : b && !a && op.is("onnx.Mul") ? op.operand(1) : nullptr;
    if (!scaled || scaled->type() != op.result()->type())
      return fixAll(op);
    assign(op.result(), Channels(*channels(scaled)));
  }

  void addConcat(Op &op) {
    Channels joined;
    for (const Value *v : op.operands()) {
      const Channels *x = v ? channels(v) : nullptr;
      if (x)
        joined.insert(joined.end(), x->begin(), x->end());
      else
        joined.resize(joined.size() + (v ? channelsOf(v) : 0), Fixed);
      if (static_cast<int64_t>(joined.size()) > MaxChannels)
        return fixAll(op);
    }
    assign(op.result(), joined);
  }

  void addSplit(Op &op) {
    const Channels *x = channels(op.operand(0));
    if (!x)
      return;
    Channels all = *x;
    llvm::ArrayRef<unsigned> rest(all);
    for (const Value *v : op.results()) {
      if (static_cast<size_t>(channelsOf(v)) > rest.size())
        return fixAll(op);
      assign(v, rest.take_front(channelsOf(v)).vec());
      rest = rest.drop_front(channelsOf(v));
    }
    for (unsigned f : rest)
      sets.join(f, Fixed);
  }

  /// Channels of `to`, each a run of elements of `from` behind the batch axis. Empty: they are not.
  Channels reshaped(const Channels &x, const Op &op) {
    const Type &from = op.operand(0)->type(), &to = op.result()->type();
    if (!from.isStatic() || !to.isStatic() || to.rank() < 2 || from.dim(0) != to.dim(0))
      return {};
    int64_t was = product(from.shape().drop_front(2)), is = product(to.shape().drop_front(2));
    if (to.dim(1) > MaxChannels || was <= 0 || is <= 0 || (was % is && is % was))
      return {};
    budget -= to.dim(1);
    Channels out;
    for (int64_t c = 0; c < to.dim(1) && budget > 0; ++c) {
      size_t first = static_cast<size_t>(c * is / was), last = static_cast<size_t>((c * is + is - 1) / was);
      for (size_t i = first + 1; i <= last; ++i) // several channels become one
        sets.join(x[first], x[i]);
      out.push_back(x[first]);
    }
    return out;
  }

  //===-- Sets ---------------------------------------------------------------------===//
  const Channels *channels(const Value *v) const {
    auto it = v ? factorsOf.find(v) : factorsOf.end();
    return it == factorsOf.end() ? nullptr : &it->second;
  }

  void joinAll(const Channels &a, const Channels &b) {
    for (size_t c = 0; c < a.size(); ++c)
      sets.join(a[c], b[c]);
  }

  void fix(const Value *v) {
    if (const Channels *x = channels(v))
      for (unsigned f : *x)
        sets.join(f, Fixed);
  }

  void fixAll(const Op &op) {
    for (const Value *v : op.operands())
      fix(v);
  }

  /// A value that rounds, or whose channels are not these, fixes them: false.
  bool assign(const Value *v, Channels x) {
    if (x.size() == static_cast<size_t>(channelsOf(v)) && !x.empty())
      return factorsOf[v] = std::move(x), true;
    for (unsigned f : x)
      sets.join(f, Fixed);
    return false;
  }

  /// Nothing is gained by scaling what no layer reads.
  void fixUnread() {
    std::vector<bool> read(sets.size());
    for (const FactorLayer &layer : found.layers)
      for (unsigned f : layer.in)
        read[sets.find(f)] = true;
    for (unsigned f = 1; f < sets.size(); ++f)
      if (!read[sets.find(f)])
        sets.join(f, Fixed);
  }

  //===-- The result -----------------------------------------------------------------===//
  ChannelFactors number() {
    std::vector<unsigned> numbers(sets.size());
    unsigned next = 1;
    for (unsigned f = 1; f < sets.size(); ++f)
      if (sets.find(f) == f)
        numbers[f] = next++;
    auto renumber = [&](Channels &x) {
      for (unsigned &f : x)
        f = numbers[sets.find(f)];
    };
    for (FactorLayer &layer : found.layers)
      renumber(layer.in), renumber(layer.out);
    for (BoundedOp &op : found.bounded)
      renumber(op.factors);
    auto scaled = [](const Channels &x) { return llvm::any_of(x, [](unsigned f) { return f != Fixed; }); };
    llvm::erase_if(found.layers, [&](const FactorLayer &l) { return !scaled(l.in) && !scaled(l.out); });
    llvm::erase_if(found.bounded, [&](const BoundedOp &op) { return !scaled(op.factors); });
    findSites(next);
    return std::move(found);
  }

  /// The channels of one layer's results, and those of one layer's input, lie in one tensor.
  void findSites(unsigned count) {
    Sets sites;
    for (unsigned f = 0; f < count; ++f)
      sites.add();
    auto joinTensor = [&](const Channels &x) {
      unsigned first = Fixed;
      for (unsigned f : x)
        if (f != Fixed)
          first = first == Fixed ? f : (sites.join(first, f), first);
    };
    for (const FactorLayer &layer : found.layers)
      joinTensor(layer.in), joinTensor(layer.out);
    found.site.assign(count, 0);
    found.numSites = 1;
    for (unsigned f = 1; f < count; ++f)
      found.site[f] = sites.find(f) == f ? found.numSites++ : found.site[sites.find(f)];
  }

  Graph &g;
  const bool throughClips;
  Sets sets;
  llvm::DenseMap<const Value *, Channels> factorsOf;
  ChannelFactors found;
  int64_t budget = MaxChannelsInAll, weights = MaxWeightsInAll;
};

} // namespace

ChannelFactors findChannelFactors(Graph &g, bool throughClips) { return Finder(g, throughClips).find(); }

} // namespace dpuopt

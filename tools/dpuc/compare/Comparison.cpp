//===- Comparison.cpp - two sides, tensor by tensor ------------------------------------===//
#include "Comparison.h"
#include "dpuopt/Compare/Isolate.h"
#include "dpuopt/Compare/Meaning.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {

class Comparer {
public:
  Comparer(Side &a, Side &b, LayersAlone layers, DiagEngine &diags)
      : a(a), b(b), layers(layers), diags(diags), pairs(matchTensors(a.entries(), b.entries())) {}
  Result<Comparison> run();

private:
  const TensorEntry &entryA(const TensorPair &p) const { return a.entries()[p.a]; }
  const TensorEntry &entryB(const TensorPair &p) const { return b.entries()[p.b]; }
  Status nothingInCommon() const;
  Result<TensorStats> compare(const Tensor &x, const Tensor &y, const TensorPair &p);
  bool isRescaled(const Tensor &x, const Tensor &y, const TensorStats &stats) const;
  Status entire();
  Status single();
  void explain();
  void lonely();

  Side &a, &b;
  LayersAlone layers;
  DiagEngine &diags;
  std::vector<TensorPair> pairs;
  std::vector<TensorPair> rowPairs; ///< of the rows
  Comparison result;
};

/// A folder of another model has no name in common, or only by chance.
Status Comparer::nothingInCommon() const {
  const Side &other = b.isModel() ? a : b, &model = b.isModel() ? b : a;
  auto such = [](const Side &s) {
    std::string text;
    for (const TensorEntry &e : llvm::makeArrayRef(s.entries()).take_front(3)) {
      text += fmt::format("{}'{}'", text.empty() ? "" : ", ", e.name);
      if (e.type.hasRank())
        text += fmt::format(" ({} of {})", shapeStr(e.type.shape()), e.type.elemType().str());
    }
    return text;
  };
  return diags
      .error(
          fmt::format("no tensor here is one of {}: expected {}...; found {}...", model.path, such(model), such(other)))
      .file(other.path)
      .rule("compare.names");
}

/// `y` against `x`, in the order of `x`. What only one side rounds is rounded as the other does, if both are the DPU's.
Result<TensorStats> Comparer::compare(const Tensor &x, const Tensor &y, const TensorPair &p) {
  auto moved = alignedTo(y, x.shape(), layoutMove(b, a));
  if (!moved && y.numElements() == x.numElements())
    moved = y.reshaped(x.shape()); // a file without a shape
  if (!moved)
    return diags
        .error(fmt::format("tensor '{}' is {} in A and {} in B", entryA(p).name, x.type().str(), y.type().str()))
        .rule("compare.shape");
  Tensor left = x, right = std::move(*moved);
  const bool both = a.rounds() && b.rounds();
  if (both && right.elemType().isFix() && left.elemType().isFloat())
    left = storedIntegers(left, right.elemType());
  else if (both && left.elemType().isFix() && right.elemType().isFloat())
    right = storedIntegers(right, left.elemType());
  return compareTensors(left, right);
}

/// Do the channels differ by constant factors, and by little else?
bool Comparer::isRescaled(const Tensor &x, const Tensor &y, const TensorStats &stats) const {
  constexpr double Bad = 20, Better = 10; // dB
  auto moved = alignedTo(y, x.shape(), layoutMove(b, a));
  if (result.bothRound || stats.snr > Bad || !moved || x.shape().size() < 2)
    return false;
  const bool last = !a.isModel() || a.model->channelsLast;
  return snrOfScaledChannels(x, *moved, last ? x.shape().size() - 1 : 1) > stats.snr + Better;
}

/// "conv2d-fix": what makes the tensor.
static std::string opOf(const TensorEntry &e) {
  const Op *op = e.value ? e.value->def() : nullptr;
  if (op && !e.isInput && op->isOneOf("xir.fix", "xir.fix2float", "xir.download"))
    op = anchorOf(*e.value);
  return op ? op->name().substr(op->name().find('.') + 1).str() : "";
}

Status Comparer::entire() {
  for (const TensorPair &p : pairs) {
    auto x = a.tensor(p.a, b.described(p.b), diags), y = x ? b.tensor(p.b, a.described(p.a), diags) : failure();
    if (!y)
      return failure();
    const bool fits = *x && *y && ((*x)->numElements() == (*y)->numElements() || !a.isModel() || !b.isModel());
    if (!fits) // nothing was computed, or (shapes known at run time only) something else
      continue;
    auto stats = compare(**x, **y, p);
    if (!stats)
      return failure();
    const TensorEntry &ea = entryA(p), &eb = entryB(p);
    ComparedTensor row;
    row.name = ea.name, row.nameB = eb.name;
    row.op = opOf(eb.value ? eb : ea);
    row.type = (*x)->elemType().isFix() ? (*x)->type() : (*y)->type();
    row.byName = p.byName;
    row.isInput = ea.isInput || eb.isInput;
    row.entire = *stats;
    row.rescaled = !row.isInput && isRescaled(**x, **y, *stats);
    result.rows.push_back(std::move(row));
    rowPairs.push_back(p);
  }
  return success();
}

/// Runs one side's layers on the other side's tensors.
Status Comparer::single() {
  const bool ofB = b.isModel();
  Side &mine = ofB ? b : a, &other = ofB ? a : b;
  if (!mine.isModel())
    return success();
  std::vector<const Value *> cuts;
  std::vector<size_t> rows; ///< of each cut
  for (size_t i = 0; i < rowPairs.size(); ++i) {
    const TensorEntry &e = ofB ? entryB(rowPairs[i]) : entryA(rowPairs[i]);
    if (!e.value || e.isInput || !e.value->def())
      continue;
    cuts.push_back(e.value);
    rows.push_back(i);
  }
  if (cuts.empty())
    return success();
  IsolatedGraph isolated = isolateLayers(*mine.model->graph, cuts);
  std::vector<Tensor> feeds;
  size_t original = 0;
  for (auto [value, cut] : isolated.inputs) {
    if (cut == SIZE_MAX) {
      feeds.push_back(mine.inputs[original++]);
      continue;
    }
    const TensorPair &p = rowPairs[rows[cut]];
    auto t = other.tensor(ofB ? p.a : p.b, ofB ? entryB(p) : entryA(p), diags);
    if (!t)
      return failure();
    auto own = mine.tensor(ofB ? p.b : p.a, ofB ? entryB(p) : entryA(p), diags); // its shape is that of this run
    if (!own)
      return failure();
    auto moved = alignedTo(**t, (*own)->shape(), layoutMove(other, mine));
    feeds.push_back(moved ? *moved : (*t)->reshaped((*own)->shape()));
    if (feeds.back().elemType() != value->type().elemType())
      feeds.back() = feeds.back().toFloat();
  }
  auto executor = Executor::create(*isolated.graph, mine.exec, diags);
  auto outputs = executor ? (*executor)->run(feeds) : failure();
  if (!outputs)
    return failure();
  for (size_t i = 0; i < rows.size(); ++i) {
    const TensorPair &p = rowPairs[rows[i]];
    const TensorEntry &e = ofB ? entryB(p) : entryA(p);
    Tensor mineAlone = e.type.isFix() ? storedIntegers((*outputs)[i], e.type.elemType()) : (*outputs)[i];
    auto reference = other.tensor(ofB ? p.a : p.b, e, diags);
    auto stats = !reference ? failure() : ofB ? compare(**reference, mineAlone, p) : compare(mineAlone, **reference, p);
    if (!stats)
      return failure();
    result.rows[rows[i]].single = *stats;
  }
  return success();
}

/// Of layers that differ by themselves: what the two graphs do otherwise.
void Comparer::explain() {
  if (!a.isModel() || !b.isModel())
    return;
  llvm::DenseSet<const Value *> knownA, knownB;
  for (const TensorPair &p : rowPairs)
    knownA.insert(entryA(p).value), knownB.insert(entryB(p).value);
  for (size_t i = 0; i < rowPairs.size(); ++i) {
    ComparedTensor &row = result.rows[i];
    const bool differs = row.single ? !row.single->identical() : !row.entire.identical();
    if (differs && a.rounds() && b.rounds() && !row.isInput)
      if (auto [text, mostLsb] = explainDifference(segmentOf(*entryA(rowPairs[i]).value, knownA),
                                                   segmentOf(*entryB(rowPairs[i]).value, knownB));
          !text.empty())
        row.cause = text, row.causeLsb = mostLsb;
  }
}

/// The nearest compared tensor downstream.
static std::string madeInto(const Value &v, const llvm::DenseSet<const Value *> &known) {
  std::vector<const Value *> next = {&v};
  llvm::DenseSet<const Value *> seen = {&v};
  for (size_t i = 0; i < next.size() && i < 1000; ++i)
    for (const Use &u : next[i]->uses())
      for (const Value *r : u.user->results()) {
        if (known.count(r))
          return r->name();
        if (seen.insert(r).second)
          next.push_back(r);
      }
  return {};
}

/// Plain names of all values of a model, also of those that are not compared.
static llvm::StringSet<> valueNames(const Side &side) {
  llvm::StringSet<> names;
  if (side.isModel())
    for (const Op &op : side.model->graph->ops())
      for (const Value *v : op.results())
        names.insert(plainName(v->name()));
  return names;
}

/// Layers of which the other side knows nothing: tensors the DPU keeps, or (without fix points) results of layers.
void Comparer::lonely() {
  for (bool ofB : {false, true}) {
    Side &side = ofB ? b : a;
    llvm::DenseSet<const Value *> known;
    llvm::DenseSet<size_t> paired;
    llvm::StringSet<> names =
        valueNames(ofB ? a : b); ///< a folder may hold a tensor twice, before and after a download
    for (const TensorPair &p : pairs) {
      paired.insert(ofB ? p.b : p.a);
      known.insert((ofB ? entryB(p) : entryA(p)).value);
      names.insert(plainName((ofB ? entryB(p) : entryA(p)).name));
    }
    for (size_t i = 0; i < side.entries().size(); ++i) {
      const TensorEntry &e = side.entries()[i];
      const bool said = e.value ? !e.type.isFix() || copiedFrom(*e.value) : names.count(plainName(e.name)) != 0;
      if (paired.count(i) || e.isInput || said)
        continue;
      const Op *op = e.value ? e.value->def() : nullptr;
      (ofB ? result.onlyB : result.onlyA)
          .push_back({e.name, op ? op->name().substr(op->name().find('.') + 1).str() : "",
                      e.value ? madeInto(*e.value, known) : ""});
    }
  }
}

Result<Comparison> Comparer::run() {
  result.a = a.describe(), result.b = b.describe();
  result.bothRound = a.rounds() == b.rounds() || !a.isModel() || !b.isModel();
  if (!a.isModel() && b.isModel()) // the order of execution
    llvm::stable_sort(pairs, [](const TensorPair &p, const TensorPair &q) { return p.b < q.b; });
  const bool anyLayer = llvm::any_of(pairs, [&](const TensorPair &p) { return !entryA(p).isInput || !a.isModel(); });
  if (pairs.empty() || !anyLayer)
    return nothingInCommon();
  if (failed(entire()))
    return failure();
  if ((layers == LayersAlone::Always || result.identical() != result.rows.size()) && failed(single()))
    return failure();
  explain();
  lonely();
  return std::move(result);
}

} // namespace

Result<Comparison> dpuopt::compareSides(Side &a, Side &b, DiagEngine &diags, LayersAlone layers) {
  return Comparer(a, b, layers, diags).run();
}

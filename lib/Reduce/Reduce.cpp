//===- Reduce.cpp - the search for a smaller graph --------------------------------===//
//
// Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
// Input", 2002) on the ops in graph order: first windows alone, which makes a small
// graph of a large one in a few tries, then ever smaller chunks taken out, until no
// single op can go. A candidate that falls apart is tried part by part.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Reduce/Reduce.h"
#include "Selection.h"
#include "Sizes.h"
#include "Weights.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/Verifier.h"
#include "llvm/Support/xxhash.h"
#include <set>

using namespace dpuopt;
using namespace dpuopt::reduce;

namespace {

/// Parts of a candidate that are tried alone.
constexpr size_t MaxParts = 4;

class Reducer {
public:
  Reducer(std::unique_ptr<Graph> &g, const ReduceCallbacks &ask, const ReduceOptions &options)
      : g(g), ask(ask), options(options) {}

  ReduceResult run() {
    if (!options.keepWeights)
      allWeights();
    for (bool smaller = true; smaller && !stopped();) {
      smaller = windows();
      smaller |= chunks();
      smaller |= outputs();
      smaller |= sizes();
    }
    if (!options.keepWeights)
      someWeights();
    countWeights();
    return result;
  }

private:
  bool stopped() {
    if (result.complete && ask.stop())
      result.complete = false;
    return !result.complete;
  }

  /// Takes the candidate if it still shows it.
  bool attempt(std::unique_ptr<Graph> candidate) {
    if (!candidate || stopped())
      return false;
    DiagEngine silent;
    if (!asked.insert(identity(*candidate)).second || failed(verify(*candidate, silent)))
      return false;
    ++result.tries;
    if (!ask.shows(*candidate))
      return false;
    ++result.accepted;
    g = std::move(candidate);
    return true;
  }

  /// What has been asked about is not asked about again. Constants count by name and type; see withRandom.
  uint64_t identity(const Graph &candidate) const {
    std::string text;
    auto add = [&](const Value *v) { text += v ? v->name() + ":" + v->type().str() + "," : "_,"; };
    for (const Value *in : candidate.inputs())
      add(in);
    for (const Op &op : candidate.ops()) {
      text += "\n";
      for (const Value *v : op.results())
        add(v);
      text += op.name();
      for (const Value *v : op.operands())
        add(v);
    }
    text += "\nreturn ";
    for (const Value *v : candidate.outputs())
      add(v);
    for (const std::string &name : random)
      text += "\n" + name;
    return llvm::xxHash64(text);
  }

  /// The units of `keep`, all of them connected as they were, or else a part of them.
  bool attempt(const llvm::BitVector &keep, Gap gap) {
    std::unique_ptr<Graph> candidate = select(*g, keep, gap);
    if (!candidate)
      return false;
    auto parts = partsOf(*candidate);
    if (parts.size() <= partsOf(*g).size())
      return attempt(std::move(candidate));
    parts.resize(std::min(parts.size(), MaxParts));
    for (const llvm::BitVector &part : parts)
      if (attempt(select(*candidate, part, Gap::Input)))
        return true;
    return false;
  }

  size_t units() { return unitsOf(*g).size(); }

  /// Half of the ops alone, a quarter, an eighth; windows overlap by half. From the front of the graph.
  bool windows() {
    bool any = false;
    for (size_t parts = 2; parts <= 8 && !stopped();) {
      size_t n = units(), size = (n + parts - 1) / parts;
      bool found = false;
      for (size_t from = 0; size > 1 && size < n && from < n && !found; from += std::max<size_t>(1, size / 2)) {
        llvm::BitVector keep(n);
        keep.set(from, std::min(n, from + size));
        found = attempt(keep, Gap::Input);
      }
      any |= found;
      parts = found ? 2 : parts * 2;
    }
    return any;
  }

  /// Without a chunk, from the back, chunks ever smaller.
  bool chunks() {
    bool any = false;
    for (size_t size = std::max<size_t>(1, units() / 2); !stopped(); size = (size + 1) / 2) {
      bool found = without(size);
      any |= found;
      if (size == 1 && !found)
        break;
    }
    return any;
  }

  bool without(size_t size) {
    bool any = false;
    for (size_t end = units(); end > 0 && !stopped();) {
      size_t n = units();
      end = std::min(end, n);
      size_t from = end > size ? end - size : 0;
      llvm::BitVector keep(n, true);
      keep.reset(from, end);
      if (keep.any() && (attempt(keep, Gap::Input) || attempt(keep, Gap::Bypass)))
        any = true;
      end = from;
    }
    return any;
  }

  /// Outputs that something else reads too, and those of several that nothing depends on.
  bool outputs() {
    bool any = false;
    for (unsigned i = g->outputs().size(); i-- > 0 && g->outputs().size() > 1 && !stopped();) {
      llvm::BitVector keep(g->outputs().size(), true);
      keep.reset(i);
      std::unique_ptr<Graph> candidate = selectOutputs(*g, keep);
      if (candidate && partsOf(*candidate).size() <= partsOf(*g).size())
        any |= attempt(std::move(candidate));
    }
    return any;
  }

  bool sizes() {
    bool any = false;
    if (options.keepSizes)
      return any;
    auto inputs = [&](Layout layout) { return attempt(halveInputs(*g, layout, ask.refineTypes)); };
    while (inputs(Layout::ChannelsFirst) || inputs(Layout::ChannelsLast) || inputs(Layout::Square) ||
           attempt(halveChannels(*g, ask.refineTypes)))
      any = true;
    return any;
  }

  std::vector<std::string> weights(bool alsoRandom) const {
    std::vector<std::string> names;
    for (const Op *op : weightsOf(*g))
      if (alsoRandom || !random.count(op->result()->name()))
        names.push_back(op->result()->name());
    return names;
  }

  bool randomize(llvm::ArrayRef<std::string> names) {
    std::set<std::string> before = random;
    random.insert(names.begin(), names.end());
    if (attempt(withRandom(*g, names, options.seed)))
      return true;
    random = std::move(before);
    return false;
  }

  void allWeights() {
    if (auto names = weights(false); !names.empty())
      randomize(names);
  }

  /// The weights that need not be what they are, found by halving.
  void someWeights() {
    std::vector<std::vector<std::string>> pending = {weights(false)};
    while (!pending.empty() && !stopped()) {
      std::vector<std::string> names = std::move(pending.back());
      pending.pop_back();
      if (names.empty() || randomize(names) || names.size() == 1)
        continue;
      auto middle = names.begin() + names.size() / 2;
      pending.emplace_back(names.begin(), middle);
      pending.emplace_back(middle, names.end());
    }
  }

  void countWeights() {
    for (const std::string &name : weights(true))
      if (random.count(name))
        ++result.randomWeights;
      else
        result.kept.push_back(name);
  }

  std::unique_ptr<Graph> &g;
  const ReduceCallbacks &ask;
  const ReduceOptions &options;
  ReduceResult result;
  std::set<uint64_t> asked;
  std::set<std::string> random; ///< names of weights that are random in `g`, or in the candidate
};

} // namespace

ReduceResult dpuopt::reduceGraph(std::unique_ptr<Graph> &g, const ReduceCallbacks &callbacks,
                                 const ReduceOptions &options) {
  return Reducer(g, callbacks, options).run();
}

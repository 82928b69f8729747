//===- DiffPairs.cpp - which op of one graph is which op of another -------------===//
//
// By name first. Then pairs grow from pairs: operand 1 of one partner and operand 1 of
// the other are partners if they look alike, and so are their users. "Alike" is strict
// first (the same computation down to the inputs), then the same op with the same
// numbers, then the same type and shape, then the same type, so that a change in one
// place does not shift the pairing elsewhere. Graphs equal but for names pair up in the
// first round: from outputs to inputs, every step is forced.
//
//===----------------------------------------------------------------------===//
#include "DiffPairs.h"
#include "dpuopt/IR/Text.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/xxhash.h"

using namespace dpuopt;
using namespace dpuopt::diff;

const Value *Pairs::partner(const Value *a) const {
  if (!a)
    return nullptr;
  if (!a->def())
    return inputs.lookup(a);
  const Op *b = partner(a->def());
  return b && a->index() < b->numResults() ? b->result(a->index()) : nullptr;
}

std::string diff::diffName(const Op &op) {
  std::string given = op.getString("op_name");
  return given.empty() && op.numResults() ? op.result()->name() : given;
}

bool diff::isPlainAttr(const Op &op, llvm::StringRef name, const DiffOptions &options) {
  return name != "op_name" && !(op.isConst() && name == "value") && !options.ignoredAttributes.count(name.str());
}

namespace {

constexpr unsigned NumLevels = 4; ///< strictest first

using Signature = std::array<uint64_t, NumLevels>;

uint64_t hashOf(llvm::StringRef text) { return llvm::xxHash64(text); }

uint64_t hashOf(const Attr &a) {
  return a.is(AttrKind::Bytes)    ? a.asBytes().hash()
         : a.is(AttrKind::Tensor) ? a.asTensor().hash()
                                  : hashOf(printAttr(a));
}

uint64_t combine(uint64_t a, uint64_t b) { return llvm::hash_combine(a, b); }

/// Signatures of all ops of one graph.
class Signatures {
public:
  Signatures(const Graph &g, const DiffOptions &options) {
    for (const Op &op : g.ops())
      known.try_emplace(&op, make(op, options));
  }
  uint64_t of(const Op *op, unsigned level) const { return known.find(op)->second[level]; }

private:
  Signature make(const Op &op, const DiffOptions &options) const {
    uint64_t type = hashOf(op.name()), shaped = type, local = 0;
    for (Value *r : op.results())
      shaped = combine(shaped, hashOf(r->type().str()));
    local = combine(shaped, op.numOperands());
    for (auto &[name, value] : op.attrs())
      if (isPlainAttr(op, name, options))
        local = combine(combine(local, hashOf(name)), hashOf(value));
    if (const Tensor *value = op.isConst() ? op.getTensor("value") : nullptr)
      local = combine(local, value->hash());
    uint64_t whole = local;
    for (const Value *v : op.operands()) {
      whole = combine(whole, operandHash(v));
      if (v && v->def() && readsOnlyConstants(*v->def()))
        local = combine(local, operandHash(v));
    }
    return {whole, local, shaped, type};
  }

  uint64_t operandHash(const Value *v) const {
    if (!v)
      return 1;
    auto it = v->def() ? known.find(v->def()) : known.end();
    return combine(it == known.end() ? 2 : it->second[0], v->index());
  }

  /// A constant, or one behind its fix op: as good as an attribute.
  static bool readsOnlyConstants(const Op &op) {
    return op.isConst() || (op.numOperands() == 1 && constantOf(op.operand(0)));
  }

  llvm::DenseMap<const Op *, Signature> known;
};

class Pairer {
public:
  Pairer(const Graph &a, const Graph &b, const DiffOptions &options)
      : a(a), b(b), options(options), sigA(a, options), sigB(b, options) {}

  Pairs run() {
    pairInputs();
    if (!options.ignoreNames)
      pairByName();
    pairs.byName = pairs.ops.size();
    pairSameOutputs();
    for (unsigned level = 0; level < NumLevels; ++level) {
      pairOutputs(level);
      if (level >= 2)
        pairSources();
      if (level < 2)
        pairUnique(level);
      grow(level);
    }
    for (unsigned level = 1; level < NumLevels; ++level)
      grow(level, /*inOrder=*/true);
    pairs.byStructure = pairs.ops.size() - pairs.byName;
    return std::move(pairs);
  }

private:
  void pair(const Op *x, const Op *y) {
    pairs.ops[x] = y;
    pairs.back[y] = x;
    fresh.push_back(x);
  }
  bool isFree(const Op *x, const Op *y) const { return !pairs.ops.count(x) && !pairs.back.count(y); }
  bool alike(const Op *x, const Op *y, unsigned level) const {
    return x->isReturn() == y->isReturn() && !x->isReturn() && sigA.of(x, level) == sigB.of(y, level);
  }
  bool tryPair(const Value *x, const Value *y, unsigned level) {
    if (!x || !y || !x->def() || !y->def() || x->index() != y->index() || !isFree(x->def(), y->def()) ||
        !alike(x->def(), y->def(), level))
      return false;
    pair(x->def(), y->def());
    return true;
  }

  //===-- Where pairs come from -----------------------------------------------------===//
  void pairInputs() {
    auto left = a.inputs(), right = b.inputs();
    llvm::DenseMap<const Value *, bool> taken;
    for (const Value *x : left)
      if (Value *y = options.ignoreNames ? nullptr : b.lookup(x->name()); y && !y->def())
        pairs.inputs[x] = y, taken[y] = true;
    llvm::erase_if(left, [&](Value *v) { return pairs.inputs.count(v); });
    llvm::erase_if(right, [&](Value *v) { return taken.count(v); });
    for (auto [x, y] : llvm::zip(left, right))
      pairs.inputs[x] = y;
  }

  void pairByName() {
    llvm::StringMap<const Op *> named;
    for (const Op &op : b.ops())
      named.try_emplace(diffName(op), &op);
    for (const Op &op : a.ops())
      if (const Op *other = named.lookup(diffName(op)); other && isFree(&op, other))
        pair(&op, other);
  }

  /// Outputs that are the same computation, wherever they are returned.
  void pairSameOutputs() {
    for (auto [x, y] : llvm::zip(a.outputs(), b.outputs()))
      tryPair(x, y, 0);
    llvm::DenseMap<uint64_t, const Value *> byHash;
    for (const Value *y : b.outputs())
      if (y && y->def() && !pairs.back.count(y->def()))
        byHash.try_emplace(mapKey(sigB.of(y->def(), 0)), y);
    for (const Value *x : a.outputs())
      if (x && x->def())
        tryPair(x, byHash.lookup(mapKey(sigA.of(x->def(), 0))), 0);
  }

  void pairOutputs(unsigned level) {
    for (auto [x, y] : llvm::zip(a.outputs(), b.outputs()))
      tryPair(x, y, level);
  }

  /// Ops that no other op of either graph looks like.
  void pairUnique(unsigned level) {
    auto unique = [level](const Graph &g, const Signatures &sig, auto isTaken) {
      llvm::DenseMap<uint64_t, std::pair<const Op *, unsigned>> seen;
      for (const Op &op : g.ops())
        if (!isTaken(&op)) {
          auto &entry = seen[mapKey(sig.of(&op, level))];
          entry = {&op, entry.second + 1};
        }
      return seen;
    };
    auto right = unique(b, sigB, [&](const Op *op) { return pairs.back.count(op) != 0; });
    auto left = unique(a, sigA, [&](const Op *op) { return pairs.ops.count(op) != 0; });
    for (const Op &op : a.ops()) {
      if (pairs.ops.count(&op))
        continue;
      uint64_t key = mapKey(sigA.of(&op, level));
      auto it = right.find(key);
      if (it != right.end() && left[key].second == 1 && it->second.second == 1)
        pair(&op, it->second.first);
    }
  }
  /// DenseMap keeps the two largest numbers for itself.
  static uint64_t mapKey(uint64_t hash) { return hash >> 1; }

  /// Ops that read nothing and are no constants: the inputs of an xmodel.
  void pairSources() {
    auto sources = [](const Graph &g) {
      std::vector<const Op *> out;
      for (const Op &op : g.ops())
        if (op.numOperands() == 0 && !op.isConst() && !op.is("xir.const-fix"))
          out.push_back(&op);
      return out;
    };
    auto left = sources(a), right = sources(b);
    if (left.size() != right.size())
      return;
    for (auto [x, y] : llvm::zip(left, right))
      if (isFree(x, y) && x->name() == y->name())
        pair(x, y);
  }

  //===-- How they grow -------------------------------------------------------------===//
  /// From every pair there is: operands as far as they go, then users, and so on.
  void grow(unsigned level, bool inOrder = false) {
    std::vector<const Op *> down, up;
    fresh.clear();
    for (const Op &op : a.ops())
      if (pairs.ops.count(&op))
        fresh.push_back(&op);
    for (auto [x, y] : pairedInputs())
      growUsers(x, y, level, inOrder);
    while (true) {
      down.insert(down.end(), fresh.begin(), fresh.end());
      up.insert(up.end(), fresh.begin(), fresh.end());
      fresh.clear();
      if (!down.empty())
        growOperands(take(down), level);
      else if (!up.empty())
        growUsers(take(up), level, inOrder);
      else
        return;
    }
  }
  static const Op *take(std::vector<const Op *> &from) {
    const Op *op = from.back();
    from.pop_back();
    return op;
  }
  std::vector<std::pair<const Value *, const Value *>> pairedInputs() const {
    std::vector<std::pair<const Value *, const Value *>> out;
    for (const Value *x : a.inputs())
      if (const Value *y = pairs.partner(x))
        out.push_back({x, y});
    return out;
  }

  void growOperands(const Op *x, unsigned level) {
    const Op *y = pairs.ops.lookup(x);
    for (unsigned i = 0; i < std::min(x->numOperands(), y->numOperands()); ++i)
      tryPair(x->operand(i), y->operand(i), level);
  }

  void growUsers(const Op *x, unsigned level, bool inOrder) {
    const Op *y = pairs.ops.lookup(x);
    for (unsigned i = 0; i < std::min(x->numResults(), y->numResults()); ++i)
      growUsers(x->result(i), y->result(i), level, inOrder);
  }

  /// Users that are alike and read the value in the same place: if there is one on each
  /// side they are partners; `inOrder`: if there are as many.
  void growUsers(const Value *x, const Value *y, unsigned level, bool inOrder) {
    using Key = std::pair<uint64_t, unsigned>;
    std::map<Key, std::array<std::vector<const Op *>, 2>> alikes;
    for (Use use : x->uses())
      if (!use.user->isReturn() && !pairs.ops.count(use.user))
        alikes[{sigA.of(use.user, level), use.index}][0].push_back(use.user);
    if (alikes.empty())
      return;
    for (Use use : y->uses())
      if (!use.user->isReturn() && !pairs.back.count(use.user))
        alikes[{sigB.of(use.user, level), use.index}][1].push_back(use.user);
    for (auto &[key, users] : alikes)
      if (users[0].size() == users[1].size() && (inOrder || users[0].size() == 1))
        for (auto [u, v] : llvm::zip(users[0], users[1]))
          if (isFree(u, v))
            pair(u, v);
  }

  const Graph &a, &b;
  const DiffOptions &options;
  Signatures sigA, sigB;
  Pairs pairs;
  std::vector<const Op *> fresh; ///< ops of A that got a partner since it was emptied
};

} // namespace

Pairs diff::pairOps(const Graph &a, const Graph &b, const DiffOptions &options) { return Pairer(a, b, options).run(); }

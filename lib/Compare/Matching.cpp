//===- Matching.cpp - which tensors of two models are the same ---------------------------===//
#include "dpuopt/Compare/Matching.h"
#include "dpuopt/Compare/TensorStats.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace dpuopt;

/// Drops `_transfered_Conv2d` at the end: what the compiler made of a 1-d op.
static bool dropTransfer(llvm::StringRef &name) {
  auto [rest, op] = name.rsplit("_transfered_");
  if (op.empty() || rest.empty() || !llvm::all_of(op, llvm::isAlnum))
    return false;
  name = rest;
  return true;
}

/// Drops `_WORD_NUMBER` at the end, as in `x_upload_0`.
static bool dropNumbered(llvm::StringRef &name, llvm::StringRef word) {
  llvm::StringRef rest = name.rtrim("0123456789");
  if (rest.size() == name.size() || !rest.consume_back("_") || !rest.consume_back(word))
    return false;
  name = rest;
  return true;
}

static std::string safe(llvm::StringRef name) {
  std::string out;
  for (char c : name)
    out += llvm::isAlnum(c) ? c : '_';
  return out;
}

std::string dpuopt::plainName(llvm::StringRef name) {
  for (bool again = true; again && !name.empty();) {
    again = dropNumbered(name, "_upload") || dropNumbered(name, "_download") || dropNumbered(name, "_inserted_fix") ||
            name.consume_back("_inserted_fix") || dropTransfer(name);
    llvm::StringRef rest = name;
    // fix2float of the last tensor is `x_fix_`.
    if (rest.consume_back("_fix_") || rest.consume_back("_fix"))
      name = rest, again = true;
    if (name.endswith(")") && name.rfind('(') != llvm::StringRef::npos && name.rfind('(') > 0)
      name = name.take_front(name.rfind('(')), again = true;
  }
  return safe(name);
}

/// A board's dump may count its files: `12.x_fix`.
static llvm::StringRef withoutCounter(llvm::StringRef name) {
  llvm::StringRef rest = name.ltrim("0123456789");
  return rest.size() != name.size() && rest.consume_front(".") && !rest.empty() ? rest : name;
}

static bool shapesFit(const TensorEntry &a, const TensorEntry &b) {
  return !a.type.isStatic() || !b.type.isStatic() || canAlign(a.type.shape(), b.type.shape());
}

namespace {

constexpr size_t Nobody = SIZE_MAX;

class Matcher {
public:
  Matcher(llvm::ArrayRef<TensorEntry> a, llvm::ArrayRef<TensorEntry> b)
      : a(a), b(b), partnerOfA(a.size(), Nobody), partnerOfB(b.size(), Nobody), byOrder(a.size(), false) {}
  std::vector<TensorPair> run();

private:
  using NameOf = std::string (*)(const TensorEntry &);
  void byNames(NameOf nameOf);
  void byPosition(bool outputs);
  void byLayers();
  std::vector<size_t> layersOf(llvm::ArrayRef<TensorEntry> list, llvm::ArrayRef<size_t> partners) const;
  bool pair(size_t i, size_t k) {
    if (partnerOfA[i] != Nobody || partnerOfB[k] != Nobody || !shapesFit(a[i], b[k]))
      return false;
    partnerOfA[i] = k, partnerOfB[k] = i;
    return true;
  }

  llvm::ArrayRef<TensorEntry> a, b;
  std::vector<size_t> partnerOfA, partnerOfB;
  std::vector<bool> byOrder;
};

/// Entries that are called the same. Of several, those of a fix type come first.
void Matcher::byNames(NameOf nameOf) {
  llvm::StringMap<std::vector<size_t>> names;
  for (bool fixed : {true, false})
    for (size_t k = 0; k < b.size(); ++k)
      if (partnerOfB[k] == Nobody && b[k].type.isFix() == fixed)
        names[nameOf(b[k])].push_back(k);
  for (bool fixed : {true, false})
    for (size_t i = 0; i < a.size(); ++i) {
      auto it = partnerOfA[i] == Nobody && a[i].type.isFix() == fixed ? names.find(nameOf(a[i])) : names.end();
      if (it != names.end())
        (void)llvm::any_of(it->second, [&](size_t k) { return pair(i, k); });
    }
}

/// Inputs and outputs, where there are as many: the interface is in order.
void Matcher::byPosition(bool outputs) {
  auto pick = [&](llvm::ArrayRef<TensorEntry> list) {
    std::vector<size_t> out;
    for (size_t i = 0; i < list.size(); ++i)
      if (outputs ? list[i].isOutput : list[i].isInput)
        out.push_back(i);
    return out;
  };
  std::vector<size_t> x = pick(a), y = pick(b);
  for (size_t i = 0; x.size() == y.size() && i < x.size(); ++i)
    if (pair(x[i], y[i]) && outputs)
      byOrder[x[i]] = true;
}

/// The last tensor of each layer that has no partner yet.
std::vector<size_t> Matcher::layersOf(llvm::ArrayRef<TensorEntry> list, llvm::ArrayRef<size_t> partners) const {
  llvm::DenseMap<const Op *, size_t> last;
  llvm::DenseSet<const Op *> done;
  for (size_t i = 0; i < list.size(); ++i)
    if (const Op *anchor = list[i].value ? anchorOf(*list[i].value) : nullptr) {
      if (partners[i] != Nobody)
        done.insert(anchor);
      if (list[i].type.isStatic())
        last[anchor] = i;
    }
  std::vector<size_t> out;
  for (size_t i = 0; i < list.size(); ++i)
    if (const Op *anchor = list[i].value ? anchorOf(*list[i].value) : nullptr)
      if (last.count(anchor) && last[anchor] == i && !done.count(anchor) && !layerKind(*anchor).empty())
        out.push_back(i);
  return out;
}

/// The longest sequence of layers that both have in the same order, by kind and shape.
void Matcher::byLayers() {
  constexpr size_t Most = 4000; // the table has a cell for each two layers
  std::vector<size_t> x = layersOf(a, partnerOfA), y = layersOf(b, partnerOfB);
  if (x.empty() || y.empty() || x.size() > Most || y.size() > Most)
    return;
  auto same = [&](size_t i, size_t k) {
    return layerKind(*anchorOf(*a[x[i]].value)) == layerKind(*anchorOf(*b[y[k]].value)) && shapesFit(a[x[i]], b[y[k]]);
  };
  const size_t width = y.size() + 1;
  std::vector<uint16_t> longest((x.size() + 1) * width, 0);
  auto at = [&](size_t i, size_t k) -> uint16_t & { return longest[i * width + k]; };
  for (size_t i = x.size(); i-- > 0;)
    for (size_t k = y.size(); k-- > 0;)
      at(i, k) = same(i, k) ? uint16_t(at(i + 1, k + 1) + 1) : std::max(at(i + 1, k), at(i, k + 1));
  for (size_t i = 0, k = 0; i < x.size() && k < y.size();) {
    if (same(i, k)) {
      if (pair(x[i], y[k]))
        byOrder[x[i]] = true;
      ++i, ++k;
    } else {
      at(i + 1, k) >= at(i, k + 1) ? ++i : ++k;
    }
  }
}

std::vector<TensorPair> Matcher::run() {
  byNames([](const TensorEntry &e) { return e.name; });
  byNames([](const TensorEntry &e) { return safe(e.name); });
  byNames([](const TensorEntry &e) { return plainName(withoutCounter(e.name)); });
  byPosition(false);
  byPosition(true);
  byLayers();
  std::vector<TensorPair> pairs;
  for (size_t i = 0; i < a.size(); ++i)
    if (partnerOfA[i] != Nobody)
      pairs.push_back({i, partnerOfA[i], !byOrder[i]});
  return pairs;
}

} // namespace

std::vector<TensorPair> dpuopt::matchTensors(llvm::ArrayRef<TensorEntry> a, llvm::ArrayRef<TensorEntry> b) {
  return Matcher(a, b).run();
}

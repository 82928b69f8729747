//===- Diff.cpp - what two graphs do differently ------------------------------===//
#include "dpuopt/IR/Diff.h"
#include "DiffParts.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/XirOps.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::diff;

llvm::StringRef dpuopt::diffKindName(DiffKind kind) {
  static constexpr const char *names[NumDiffKinds] = {"only-in-a",  "only-in-b",     "names",      "op-types",
                                                      "shapes",     "element-types", "fix-points", "operands",
                                                      "attributes", "constants",     "order",      "subgraphs"};
  return names[size_t(kind)];
}

size_t GraphDiff::count(DiffKind kind) const {
  return llvm::count_if(differences, [kind](const Difference &d) { return d.kind == kind; });
}

void Sink::add(DiffKind kind, std::string where, std::string what, std::string a, std::string b,
               std::optional<ConstantDelta> constant) {
  bool nameless = kind == DiffKind::Names && options.ignoreNames;
  if (!nameless && !options.ignored.count(kind))
    out.push_back({kind, std::move(where), std::move(what), std::move(a), std::move(b), std::move(constant)});
}

//===-- Attributes -----------------------------------------------------------------===//

/// Short whatever the attribute: bytes and tensors by size and hash.
static std::string shown(const Attr *a) {
  if (!a)
    return "absent";
  if (a->is(AttrKind::Bytes))
    return fmt::format("{} bytes, hash {:016x}", a->asBytes().size(), a->asBytes().hash());
  if (a->is(AttrKind::Tensor))
    return fmt::format("{}, hash {:016x}", a->asTensor().type().str(), a->asTensor().hash());
  constexpr size_t MaxShown = 96;
  std::string text = printAttr(*a);
  return text.size() <= MaxShown ? text : text.substr(0, MaxShown) + "...";
}

void diff::diffAttrs(const AttrMap &a, const AttrMap &b, llvm::function_ref<bool(llvm::StringRef)> skip, DiffKind kind,
                     const std::string &where, const std::string &prefix, Sink &sink) {
  auto x = a.begin(), y = b.begin();
  while (x != a.end() || y != b.end()) {
    int order = x == a.end() ? 1 : y == b.end() ? -1 : llvm::StringRef(x->first).compare(y->first);
    const std::string &name = order <= 0 ? x->first : y->first;
    const Attr *left = order <= 0 ? &(x++)->second : nullptr, *right = order >= 0 ? &(y++)->second : nullptr;
    if (skip(name) || sink.options.ignoredAttributes.count(name) || (left && right && *left == *right))
      continue;
    bool inside = left && right && left->kind() == right->kind() &&
                  (left->is(AttrKind::Dict) ||
                   (left->is(AttrKind::Map) && left->elementKind() == right->elementKind() && !left->asMap().empty()));
    if (inside)
      diffAttrs(
          left->asMap(), right->asMap(), [](llvm::StringRef) { return false; }, kind, where, prefix + name + ".", sink);
    else
      sink.add(kind, where, fmt::format("attribute '{}{}'", prefix, name), shown(left), shown(right));
  }
}

//===-- Order ------------------------------------------------------------------------===//

std::vector<size_t> diff::movedOf(llvm::ArrayRef<size_t> positions) {
  // Longest increasing subsequence: tails[k] ends the best run of length k + 1.
  std::vector<size_t> tails, before(positions.size(), SIZE_MAX);
  for (size_t i = 0; i < positions.size(); ++i) {
    auto it = std::lower_bound(tails.begin(), tails.end(), positions[i],
                               [&](size_t t, size_t p) { return positions[t] < p; });
    if (it != tails.begin())
      before[i] = *std::prev(it);
    it == tails.end() ? tails.push_back(i) : void(*it = i);
  }
  std::vector<bool> kept(positions.size());
  for (size_t i = tails.empty() ? SIZE_MAX : tails.back(); i != SIZE_MAX; i = before[i])
    kept[i] = true;
  std::vector<size_t> moved;
  for (size_t i = 0; i < positions.size(); ++i)
    if (!kept[i])
      moved.push_back(i);
  return moved;
}

//===-- Ops ----------------------------------------------------------------------------===//

namespace {
class Comparer {
public:
  Comparer(const Graph &a, const Graph &b, const DiffOptions &options)
      : a(a), b(b), sink(options, result.differences) {}

  GraphDiff run() {
    pairs = pairOps(a, b, sink.options);
    result.opsInA = a.size(), result.opsInB = b.size();
    result.pairedByName = pairs.byName, result.pairedByStructure = pairs.byStructure;
    compareGraphs();
    compareInputs();
    for (const Op &op : a.ops())
      if (const Op *other = pairs.partner(&op))
        compareOps(op, *other);
      else
        sink.add(DiffKind::OnlyInA, diffName(op), op.name().str(), resultTypes(op));
    for (const Op &op : b.ops())
      if (!pairs.back.count(&op))
        sink.add(DiffKind::OnlyInB, diffName(op), op.name().str(), "", resultTypes(op));
    compareWiring(a.returnOp(), b.returnOp(), "graph");
    compareOrder();
    diffSubgraphs(a, b, pairs, sink);
    llvm::stable_sort(result.differences, [](auto &x, auto &y) { return x.kind < y.kind; });
    return std::move(result);
  }

private:
  static std::string resultTypes(const Op &op) {
    std::string out;
    for (Value *r : op.results())
      out += (out.empty() ? "" : ", ") + r->type().str();
    return out;
  }

  //===-- The graph -------------------------------------------------------------------===//
  void compareGraphs() {
    if (a.name() != b.name())
      sink.add(DiffKind::Names, "graph", "name", a.name(), b.name());
    // `subgraphs` is compared as what it is; `return_ops` are names of outputs.
    auto skip = [&](llvm::StringRef name) {
      return name == "subgraphs" || (name == "return_ops" && sink.options.ignoreNames);
    };
    diffAttrs(a.attrs(), b.attrs(), skip, DiffKind::Attributes, "graph", "", sink);
  }

  void compareInputs() {
    size_t left = a.inputs().size(), right = b.inputs().size();
    if (left != right)
      sink.add(DiffKind::Operands, "graph", "number of inputs", std::to_string(left), std::to_string(right));
    std::vector<size_t> positions;
    for (const Value *x : a.inputs())
      if (const Value *y = pairs.partner(x)) {
        compareValues(*x, *y, x->name());
        positions.push_back(y->index());
      } else {
        sink.add(DiffKind::OnlyInA, x->name(), "input", x->type().str());
      }
    if (!movedOf(positions).empty())
      sink.add(DiffKind::Order, "graph", "inputs come in another order");
    llvm::DenseMap<const Value *, bool> paired;
    for (auto &[x, y] : pairs.inputs)
      paired[y] = true;
    for (const Value *y : b.inputs())
      if (!paired.count(y))
        sink.add(DiffKind::OnlyInB, y->name(), "input", "", y->type().str());
  }

  //===-- One pair ----------------------------------------------------------------------===//
  void compareOps(const Op &x, const Op &y) {
    std::string where = diffName(x);
    compareNames(x, y, where);
    if (x.name() != y.name())
      sink.add(DiffKind::OpTypes, where, "type", x.name().str(), y.name().str());
    compareResults(x, y, where);
    compareWiring(x, y, where);
    compareAttrs(x, y, where);
    const Tensor *left = x.isConst() ? x.getTensor("value") : nullptr,
                 *right = y.isConst() ? y.getTensor("value") : nullptr;
    if (left && right)
      compareConstants(x, *left, *right, where);
  }

  void compareNames(const Op &x, const Op &y, const std::string &where) {
    if (where != diffName(y))
      sink.add(DiffKind::Names, where, "name", where, diffName(y));
    if (!x.loc().node.empty() && !y.loc().node.empty() && x.loc().node != y.loc().node)
      sink.add(DiffKind::Names, where, "ONNX node", x.loc().node, y.loc().node);
  }

  void compareResults(const Op &x, const Op &y, const std::string &where) {
    if (x.numResults() != y.numResults())
      sink.add(DiffKind::Shapes, where, "number of results", std::to_string(x.numResults()),
               std::to_string(y.numResults()));
    for (unsigned i = 0; i < std::min(x.numResults(), y.numResults()); ++i) {
      const Value &r = *x.result(i), &s = *y.result(i);
      bool isOpName = r.name() == where && s.name() == diffName(y); // said already
      if (r.name() != s.name() && !isOpName)
        sink.add(DiffKind::Names, where, fmt::format("result {}", i), r.name(), s.name());
      compareValues(r, s, where);
    }
  }

  void compareValues(const Value &x, const Value &y, const std::string &where) {
    const Type &t = x.type(), &u = y.type();
    auto shape = [](const Type &type) { return type.hasRank() ? shapeStr(type.shape()) : "unknown"; };
    if (t.hasRank() != u.hasRank() || t.shape() != u.shape())
      sink.add(DiffKind::Shapes, where, "shape", shape(t), shape(u));
    if (t.elemType() == u.elemType())
      return;
    DiffKind kind = t.isFix() && u.isFix() ? DiffKind::FixPoints : DiffKind::ElementTypes;
    sink.add(kind, where, kind == DiffKind::FixPoints ? "fix point" : "element type", t.elemType().str(),
             u.elemType().str());
  }

  //===-- Operands ------------------------------------------------------------------------===//
  void compareWiring(const Op &x, const Op &y, const std::string &where) {
    std::vector<std::string> names = x.isXir() ? xirArgNames(x) : std::vector<std::string>();
    for (unsigned i = 0; i < std::max(x.numOperands(), y.numOperands()); ++i) {
      const Value *v = x.operand(i), *w = y.operand(i);
      if ((!v && !w) || (v && w && pairs.partner(v) == w))
        continue;
      std::string what = x.isReturn() ? fmt::format("output {}", i) : fmt::format("operand {}", i);
      sink.add(DiffKind::Operands, where, i < names.size() ? fmt::format("{} ({})", what, names[i]) : what,
               v ? v->name() : "absent", w ? w->name() : "absent");
    }
  }

  //===-- Attributes and constants --------------------------------------------------------===//
  void compareAttrs(const Op &x, const Op &y, const std::string &where) {
    auto skip = [&](llvm::StringRef name) {
      return name == "round_mode" || (name == "value" && x.isConst() && y.isConst()) || name == "op_name";
    };
    diffAttrs(x.attrs(), y.attrs(), skip, DiffKind::Attributes, where, "", sink);
    const Attr *mode = x.attr("round_mode"), *other = y.attr("round_mode");
    if (!sink.options.ignoredAttributes.count("round_mode") && (mode || other) && !(mode && other && *mode == *other))
      sink.add(DiffKind::FixPoints, where, "round mode", shown(mode), shown(other));
  }

  void compareConstants(const Op &x, const Tensor &left, const Tensor &right, const std::string &where) {
    if (left.numElements() != right.numElements())
      return;        // the shapes differ, which is said already
    double step = 0; // of the fix op that reads the floats
    if (Op *user = x.result()->soleUser(); user && user->is("xir.fix") && user->result()->type().isFix())
      step = std::ldexp(1.0, -user->result()->type().elemType().fixPoint);
    auto delta = diffConstants(left, right, step);
    if (!delta)
      return;
    std::string what = fmt::format("{} of {} elements differ, by at most {:.6g}{}", delta->differing, delta->elements,
                                   delta->largest, delta->inLsb ? " LSB" : "");
    auto side = [&](uint64_t hash, double ConstantDelta::Element::*number) {
      std::string out = fmt::format("hash {:016x}", hash);
      for (const ConstantDelta::Element &e : delta->first)
        out += fmt::format(" [{}]={:.9g}", e.index, e.*number);
      return out;
    };
    std::string l = side(delta->hashA, &ConstantDelta::Element::a), r = side(delta->hashB, &ConstantDelta::Element::b);
    sink.add(DiffKind::Constants, where, what, l, r, std::move(delta));
  }

  void compareOrder() {
    llvm::DenseMap<const Op *, size_t> number;
    for (const Op &op : b.ops())
      number.try_emplace(&op, number.size());
    std::vector<size_t> left, right;
    std::vector<const Op *> ops;
    size_t i = 0;
    for (const Op &op : a.ops()) {
      if (const Op *other = pairs.partner(&op))
        left.push_back(i), right.push_back(number.lookup(other)), ops.push_back(&op);
      ++i;
    }
    for (size_t k : movedOf(right))
      sink.add(DiffKind::Order, diffName(*ops[k]), "number in the list of ops", std::to_string(left[k]),
               std::to_string(right[k]));
  }

  const Graph &a, &b;
  GraphDiff result;
  Sink sink;
  Pairs pairs;
};
} // namespace

GraphDiff dpuopt::diffGraphs(const Graph &a, const Graph &b, const DiffOptions &options) {
  return Comparer(a, b, options).run();
}

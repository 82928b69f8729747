//===- CompiledContent.cpp - fix points and parameters that a compiler was given ------===//
#include "CompiledContent.h"
#include "CompiledCheck.h"
#include "dpuopt/Compare/Matching.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Quant/FixPoint.h"
#include "dpuopt/Target/FileSubgraphs.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;

//===-- One parameter ----------------------------------------------------------------===//

/// The integers of a parameter: of the constant itself, or behind the `fix` that rounds it.
static std::optional<Tensor> integersOf(const Value &v) {
  if (const Tensor *t = constantOf(&v))
    return *t;
  const Op *fix = v.def();
  const Tensor *floats = fix && fix->is("xir.fix") ? constantOf(fix->operand(0)) : nullptr;
  if (!floats)
    return std::nullopt;
  const ElemType e = v.type().elemType();
  return quantizeTensor(*floats, {static_cast<int>(e.bits), e.fixPoint}, Rounding::HalfAway);
}

/// The matmul that multiplies by `weights`, or null.
static const Op *productWith(const Value &weights) {
  for (const Use &u : weights.uses())
    if (u.user->is("xir.matmul") && u.user->operand(1) == &weights)
      return u.user;
  return nullptr;
}

/// What moves the numbers of the matmul's input before it is flattened, or null.
static const Op *transposeBehind(const Op &matmul) {
  const Op *op = matmul.operand(0) ? matmul.operand(0)->def() : nullptr;
  while (op && op->isOneOf("xir.fix", "xir.flatten", "xir.reshape", "xir.squeeze") && op->operand(0))
    op = op->operand(0)->def();
  return op && op->is("xir.transpose") ? op : nullptr;
}

/// `t` with the order of what the transpose in front of the product reads: that transpose is gone in the compiled file.
static std::optional<Tensor> orderBefore(const Op &transpose, const Tensor &t) {
  const std::vector<int64_t> order = transpose.getInts("order");
  const Type &type = transpose.result()->type();
  if (!type.isStatic() || order.size() != type.shape().size() || order.empty() || order[0] != 0)
    return std::nullopt;
  Shape split(type.shape().begin(), type.shape().end());
  split[0] = t.shape()[0];
  llvm::SmallVector<unsigned, 8> inverse(order.size());
  int64_t numbers = 1;
  for (size_t i = 0; i < order.size(); ++i) {
    inverse[static_cast<size_t>(order[i])] = static_cast<unsigned>(i);
    numbers *= split[i];
  }
  return numbers == t.numElements() ? std::optional(t.reshaped(split).transposed(inverse)) : std::nullopt;
}

/// The integers of a parameter in each order that a compiler may leave them in; as they were first.
static std::vector<Tensor> possibleOrders(const Value &before, const Tensor &t) {
  std::vector<Tensor> orders = {t};
  const Op *product = t.shape().size() == 2 ? productWith(before) : nullptr;
  if (!product)
    return orders;
  if (!product->getBool("transpose_b"))
    orders.push_back(t.transposed({1, 0}));
  if (const Op *transpose = transposeBehind(*product))
    if (auto moved = orderBefore(*transpose, orders.back()))
      orders.push_back(std::move(*moved));
  return orders;
}

static std::string indexStr(int64_t flat, llvm::ArrayRef<int64_t> shape) {
  std::string text;
  for (size_t i = shape.size(); i-- > 0; flat /= shape[i])
    text = fmt::format("{}{}{}", flat % shape[i], text.empty() ? "" : ", ", text);
  return "[" + text + "]";
}

/// How many integers differ, and the first.
struct Differing {
  int64_t count = 0, first = -1;
};

static Differing differing(const Tensor &before, const Tensor &after, unsigned shift) {
  Differing d;
  if (!shift && before.bitcast(after.elemType()).reshaped(after.shape()) == after)
    return d;
  for (int64_t i = 0; i < after.numElements(); ++i)
    if (before.intAt(i) >> shift != after.intAt(i) && d.count++ == 0)
      d.first = i;
  return d;
}

namespace {

struct ParameterChange {
  std::string text = {}; ///< empty: none
  bool reordered = false;
};

/// What the compiler left of a graph's fix points and parameters.
class ContentCheck {
public:
  ContentCheck(const Graph &quantized, const Graph &compiled);
  void run(CheckedItem &positions, CheckedItem &weights);

private:
  bool isOutput(const Value &v) const;
  const Value *find(const Value &v) const;
  void compare(const Value &before, const Value &after, CheckedItem &positions, CheckedItem &weights);
  void compareParameter(const Value &before, const Value &after, CheckedItem &weights);
  void compareCopies(CheckedItem &positions);
  void reportAbsent(CheckedItem &positions) const;

  const Graph &quantized, &compiled;
  FileSubgraphs subgraphs; ///< of `compiled`
  llvm::StringMap<const Value *> exact;
  llvm::StringMap<std::vector<const Value *>> byStem; ///< those that have another name than before
  std::vector<const Value *> absent;
  unsigned positionsSeen = 0, positionsOther = 0, copiesOther = 0;
  unsigned weightsSeen = 0, weightsOther = 0, unseen = 0, shifted = 0, reordered = 0;
};

} // namespace

/// `shift`: by how many bits the compiler had to shift it in advance, towards minus infinity.
static ParameterChange changeOf(const Value &source, const Tensor &before, const Tensor &after, unsigned shift) {
  if (before.numElements() != after.numElements())
    return {fmt::format("has {} numbers, had {}", after.numElements(), before.numElements())};
  if (before.elemType().bits != after.elemType().bits || before.elemType().byteSize() != after.elemType().byteSize())
    return {fmt::format("has {} bits, had {}", after.elemType().bits, before.elemType().bits)};
  const std::vector<Tensor> orders = possibleOrders(source, before);
  Differing least;
  size_t best = 0;
  for (size_t i = 0; i < orders.size(); ++i) {
    const Differing d = differing(orders[i], after, shift);
    if (!d.count)
      return {"", i != 0};
    if (i == 0 || d.count < least.count)
      least = d, best = i;
  }
  const int64_t was = orders[best].intAt(least.first);
  return {fmt::format("{} of its {} numbers are others; the first is {}: {}, was {}{}", least.count,
                      after.numElements(), indexStr(least.first, after.shape()), after.intAt(least.first), was,
                      shift ? fmt::format(" (shifted right by {}: {})", shift, was >> shift) : "")};
}

/// By how many bits the compiler shifts a bias right in advance, because the DPU's shifter cannot: those that are
/// missing in fp_i + fp_w - fp_b + 1.
static unsigned shiftInAdvance(const Value &bias, const FileSubgraphs &subgraphs) {
  for (const Use &u : bias.uses()) {
    const FileSubgraph *place = subgraphs.of(u.user);
    const bool onDpu = place && place->device == "DPU"; // the CPU shifts by any number
    if (!u.user->isXir() || !onDpu || xirArg(*u.user, "bias") != &bias)
      continue;
    const Value *input = xirArg(*u.user, "input"), *weights = xirArg(*u.user, "weights");
    if (!input || !weights || !input->type().isFix() || !weights->type().isFix())
      continue;
    const int reach = input->type().elemType().fixPoint + weights->type().elemType().fixPoint + 1;
    return static_cast<unsigned>(std::clamp(bias.type().elemType().fixPoint - reach, 0, 63));
  }
  return 0;
}

//===-- Pairs of tensors ---------------------------------------------------------------===//

/// A tensor's name without what compilers append.
static std::string stemOf(llvm::StringRef name) {
  for (llvm::StringRef before = ""; before != name;) {
    before = name;
    for (const char *ending : {"_fix", "_new", "_reshaped", "(reshaped)"})
      name.consume_back(ending);
    if (llvm::StringRef rest = name; rest.consume_back("_weights") && rest.contains("_transfered_"))
      name = rest;
    llvm::StringRef rest = name.rtrim("0123456789");
    if (rest.consume_back("_inserted_fix_"))
      name = rest;
  }
  return plainName(name);
}

static void forEachFixed(const Graph &g, llvm::function_ref<void(const Value &)> what) {
  for (const Op &op : g.ops())
    for (const Value *v : op.results())
      if (v->type().isFix())
        what(*v);
}

ContentCheck::ContentCheck(const Graph &quantized, const Graph &compiled)
    : quantized(quantized), compiled(compiled), subgraphs(compiled) {
  llvm::StringSet<> before;
  forEachFixed(quantized, [&](const Value &v) { before.insert(v.name()); });
  forEachFixed(compiled, [&](const Value &v) {
    exact.insert({v.name(), &v});
    if (!before.contains(v.name()))
      byStem[stemOf(v.name())].push_back(&v);
  });
}

/// Does `v` round an input of the graph?
static bool roundsInput(const Value &v) {
  const Value *from = v.def() && v.def()->is("xir.fix") ? v.def()->operand(0) : nullptr;
  return from && (!from->def() || from->def()->is("xir.data"));
}

static bool isParameter(const Value &v) {
  return constantOf(&v) || (v.def() && v.def()->is("xir.fix") && constantOf(v.def()->operand(0)));
}

bool ContentCheck::isOutput(const Value &v) const { return llvm::is_contained(quantized.outputs(), &v); }

/// Under its own name or, inside, one that the compiler makes of it.
const Value *ContentCheck::find(const Value &v) const {
  if (auto it = exact.find(v.name()); it != exact.end())
    return it->second;
  auto it = byStem.find(stemOf(v.name()));
  if (it == byStem.end() || isOutput(v) || roundsInput(v))
    return nullptr;
  auto fits = [&](const Value *w) {
    return v.type().isStatic() && w->type().isStatic() && v.type().numElements() == w->type().numElements() &&
           isParameter(*w) == isParameter(v);
  };
  auto found = llvm::find_if(it->second, fits);
  return found == it->second.end() ? nullptr : *found;
}

void ContentCheck::compare(const Value &before, const Value &after, CheckedItem &positions, CheckedItem &weights) {
  const int was = before.type().elemType().fixPoint, is = after.type().elemType().fixPoint;
  ++positionsSeen;
  if (was != is) {
    ++positionsOther;
    positions.add(fmt::format("'{}' has fix point {}, it was {}", before.name(), is, was), before.name());
    return; // its integers mean something else
  }
  compareParameter(before, after, weights);
}

void ContentCheck::compareParameter(const Value &before, const Value &after, CheckedItem &weights) {
  auto a = integersOf(before), b = integersOf(after);
  unseen += a && !b;
  if (!a || !b)
    return;
  ++weightsSeen;
  const unsigned shift = shiftInAdvance(after, subgraphs);
  const ParameterChange change = changeOf(before, *a, *b, shift);
  reordered += change.reordered;
  shifted += change.text.empty() && shift;
  if (change.text.empty())
    return;
  ++weightsOther;
  weights.add(fmt::format("'{}': {}", before.name(), change.text), before.name());
}

/// What only moves numbers cannot scale them.
void ContentCheck::compareCopies(CheckedItem &positions) {
  for (const Op &op : compiled.ops()) {
    const Value *from = op.operand(0);
    if (!op.isOneOf("xir.upload", "xir.download", "xir.reshape-fix", "xir.tile-fix") || !from ||
        !from->type().isFix() || !op.result()->type().isFix())
      continue;
    const int was = from->type().elemType().fixPoint, is = op.result()->type().elemType().fixPoint;
    if (was == is)
      continue;
    ++copiesOther;
    positions.details.push_back(
        fmt::format("'{}' has fix point {}, what it is a copy of has {}", op.result()->name(), is, was));
  }
}

/// Tensors inside may go into others; those at the ends an application asks for by name.
void ContentCheck::reportAbsent(CheckedItem &positions) const {
  unsigned inside = 0;
  for (const Value *v : absent) {
    const bool input = roundsInput(*v), output = isOutput(*v);
    inside += !input && !output;
    if (!output)
      positions.details.push_back(fmt::format("{}'{}' is not there", input ? "input " : "", v->name()));
    positions.good &= !input;
  }
  for (const Value *v : quantized.outputs())
    if (!compiled.lookup(v->name()) && !compiled.lookup(v->name() + "_fix")) { // rounded by the compiler
      positions.details.push_back(fmt::format("output '{}' is not there", v->name()));
      positions.good = false;
    }
  if (inside)
    positions.text += fmt::format("; {} not there under a name that is known", inside);
}

void ContentCheck::run(CheckedItem &positions, CheckedItem &weights) {
  forEachFixed(quantized, [&](const Value &v) {
    const Value *after = find(v);
    after ? compare(v, *after, positions, weights) : absent.push_back(&v);
  });
  compareCopies(positions);
  positions.good = !positionsOther && !copiesOther && positionsSeen;
  positions.text = fmt::format("{} of {} as they were", positionsSeen - positionsOther, positionsSeen);
  if (copiesOther)
    positions.text +=
        fmt::format("; {} that the compiler added {} wrong", copiesOther, copiesOther == 1 ? "is" : "are");
  reportAbsent(positions);
  weights.good = !weightsOther;
  weights.text = fmt::format("{} of {} parameters as they were", weightsSeen - weightsOther, weightsSeen);
  if (reordered)
    weights.text += fmt::format("; {} in another order, with a transpose gone", reordered);
  if (shifted)
    weights.text += fmt::format("; {} shifted in advance", shifted);
  if (unseen)
    weights.text += fmt::format("; the numbers of {} cannot be seen in the file", unseen);
}

void dpuopt::checkContent(const Graph &quantized, const Graph &compiled, CheckedItem &positions, CheckedItem &weights) {
  ContentCheck(quantized, compiled).run(positions, weights);
}

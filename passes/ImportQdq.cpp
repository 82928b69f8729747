//===- ImportQdq.cpp - fix points from QuantizeLinear/DequantizeLinear nodes ---------===//
//
// Before: an onnx.* graph with Q/DQ nodes of any exporter (dpuopt/Quant/Qdq.h), before
//   constants are folded. After: none of them; what they rounded has a fix point as its
//   type, constants hold integers. Values keep their names; an output keeps its own.
// Conditions: scales are constant powers of two, zero points 0 (or unsigned integers
//   around their middle), per tensor. round-scales takes the nearest fix point instead.
// Formula: Q then DQ is clip(round(x * 2^p)) * 2^-p; ONNX rounds halves to even, the DPU
//   up (docs/qdq.md), constants are rounded as the file says.
//
//===----------------------------------------------------------------------===//
#include "ImportQdq.h"
#include "InferShapes.h"
#include "Patterns.h"
#include "dpuopt/Onnx/Onnx.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

using namespace qdq;

/// The real value that stands for a value of integers, and what its integers mean.
struct Integers {
  Value *real = nullptr;
  QdqNumbers numbers;
};

class Importer {
public:
  Importer(Graph &g, const Options &options, DiagEngine &diags) : g(g), options(options), diags(diags) {}
  /// Fails after having named every node that cannot be taken.
  Status run();
  FixPlan plan;

private:
  void visit(Op &op);
  void quantize(Op &op, const QdqNumbers &numbers);
  void dequantize(Op &op, const QdqNumbers &numbers);
  void round(Op &op, const QdqNumbers &numbers);
  void moveIntegers(Op &op);
  void finishOutputs();
  void findLeftovers();
  void eraseDead();

  Value *fixedConstant(Op &op, const Value *constant, const QdqNumbers &numbers);
  Value *rounded(Op &op, Value *x, const QdqNumbers &numbers);
  bool onlyRoundedTo(const Value *x, const FixPos &pos);
  Value *insert(Op &before, llvm::StringRef type, Value *x, llvm::StringRef name);
  bool takes(const Op &op, const QdqMeaning &meaning);
  void reject(const Op &op, const std::string &rule, const std::string &what);
  void replaceReal(Op &op, Value *real);
  const QdqNumbers *numbersOf(const Op &op);

  Graph &g;
  const Options &options;
  DiagEngine &diags;
  bool failed = false, advised = false;
  llvm::MapVector<const Value *, Integers> integers;
  std::map<const Op *, std::optional<QdqNumbers>> numbers;  ///< never iterated; references stay valid
  std::map<std::string, Value *> constants;                 ///< by constant and fix point
  std::vector<std::pair<Value *, std::string>> wantedNames; ///< of constants whose name is still taken
  std::map<std::string, Value *> copies;                    ///< roundings of a value that is also read otherwise
};

bool sameNumbers(const QdqNumbers &a, const QdqNumbers &b) {
  return a.scales == b.scales && a.zeros == b.zeros && a.low == b.low && a.high == b.high &&
         (a.perTensor() || a.axis == b.axis);
}

//===-- What can be taken ----------------------------------------------------------===//

void Importer::reject(const Op &op, const std::string &rule, const std::string &what) {
  DiagBuilder error = diags.error(op.loc(), op.name().str() + ": " + what);
  error.rule(rule);
  if (!advised) // said once, it is the same for all
    error.note("the option round-scales takes the nearest fix point; better is to quantize with power-of-two scales "
               "(vai_q_onnx or Quark: XINT8), or to start from the float model");
  advised = failed = true;
}

bool Importer::takes(const Op &op, const QdqMeaning &meaning) {
  if (meaning.exact)
    return true;
  if (!options.roundScales)
    return reject(op, meaning.rule, meaning.why), false;
  diags.warning(op.loc(), op.name().str() + ": " + meaning.why).rule(meaning.rule);
  return true;
}

/// Read once; null if the node has none that can be read (which has been said).
const QdqNumbers *Importer::numbersOf(const Op &op) {
  auto [it, fresh] = numbers.try_emplace(&op);
  if (fresh) {
    Result<QdqNumbers> read = qdqNumbers(op, diags);
    if (read)
      numbers[&op] = std::move(*read);
    else
      failed = true;
  }
  const std::optional<QdqNumbers> &found = numbers[&op];
  return found ? &*found : nullptr;
}

//===-- Values -----------------------------------------------------------------------===//

Value *Importer::insert(Op &before, llvm::StringRef type, Value *x, llvm::StringRef name) {
  Type t = x->type().isFix() ? x->type().withElem(ElemKind::F32) : x->type();
  OpSpec spec{"onnx." + type.str(), {x}, {{name.str(), t}}, {}, before.loc()};
  return g.create(std::move(spec), &before)->result();
}

/// Do all users of `x` round it to `pos`?
bool Importer::onlyRoundedTo(const Value *x, const FixPos &pos) {
  for (const Use &use : x->uses()) {
    QdqKind kind = use.user->isReturn() ? QdqKind::None : qdqKind(*use.user);
    if (use.index != 0 || (kind != QdqKind::Quantize && kind != QdqKind::Round))
      return false;
    const QdqNumbers *n = numbersOf(*use.user);
    if (!n)
      return false;
    QdqMeaning m = meaningOf(*n);
    if (!(m.pos == pos) || (m.clampsAtZero && !m.exact && !isNonNegative(x)))
      return false;
  }
  return true;
}

/// `x` after rounding: `x` itself if nobody reads it otherwise, else a value of its own.
Value *Importer::rounded(Op &op, Value *x, const QdqNumbers &n) {
  QdqMeaning meaning = meaningOf(n);
  if (!takes(op, meaning))
    return nullptr;
  auto planned = plan.find(x);
  if (planned != plan.end() && planned->second == meaning.pos)
    return x;
  // Unsigned integers around 0 are a Relu too; a signed fix point is not.
  bool relu = meaning.clampsAtZero && !meaning.exact && !isNonNegative(x);
  if (planned == plan.end() && !relu && onlyRoundedTo(x, meaning.pos))
    return plan[x] = meaning.pos, x;
  std::string key = fmt::format("{} {} {} {}", x->name(), meaning.pos.bits, meaning.pos.fixPoint, relu);
  Value *&copy = copies[key];
  if (!copy) {
    copy = insert(op, relu ? "Relu" : "Identity", x, x->name() + (relu ? "_relu" : "_rounded"));
    plan[copy] = meaning.pos;
  }
  return copy;
}

/// ONNX Runtime's quantizer derives names from the float model's; that name is the one to keep.
std::string constantName(const Op &op, const Value *constant) {
  llvm::StringRef out = op.result()->name(), own = constant->name();
  if (out.consume_back("_DequantizeLinear_Output") || own.consume_back("_quantized"))
    return out != op.result()->name() ? out.str() : own.str();
  return own.str();
}

Value *Importer::fixedConstant(Op &op, const Value *constant, const QdqNumbers &n) {
  const bool isInteger = qdqKind(op) == QdqKind::Dequantize;
  std::optional<FixedConstant> fixed = fixConstant(*constantOf(constant), isInteger, n);
  if (!fixed)
    return reject(op, "qdq.per-channel", "its scales do not fit " + constant->type().str()), nullptr;
  if (!fixed->lossless && !fixed->tolerable && !options.roundScales)
    return reject(op, fixed->rule, fmt::format("'{}': {}", constant->name(), fixed->note)), nullptr;
  std::string key = fmt::format("{} {}", constant->name(), fixed->tensor.elemType().str());
  Value *&done = constants[key];
  if (done)
    return done;
  if (!fixed->lossless)
    diags.warning(op.loc(), fmt::format("{}: '{}': {}", op.name().str(), constant->name(), fixed->note))
        .rule(fixed->rule);
  const ElemType e = fixed->tensor.elemType();
  wantedNames.push_back({nullptr, constantName(op, constant)});
  done = g.createConst(wantedNames.back().second, std::move(fixed->tensor), &op, constant->def()->loc());
  wantedNames.back().first = done;
  plan[done] = {e.bits, e.fixPoint};
  return done;
}

//===-- Nodes -------------------------------------------------------------------------===//

/// All uses of the node's result read `real` from now on; a graph output keeps its name.
void Importer::replaceReal(Op &op, Value *real) {
  Value *out = op.result();
  bool cannotRename = out->isGraphOutput() && (!real->def() || real->isGraphOutput() || constantOf(real));
  if (cannotRename) {
    FixPos pos = plan.find(real)->second;
    real = insert(op, "Identity", real, out->name());
    plan[real] = pos;
  }
  const bool isOutput = out->isGraphOutput();
  out->replaceAllUsesWith(real);
  if (isOutput)
    real->takeName(out);
}

void Importer::quantize(Op &op, const QdqNumbers &n) {
  Value *x = op.operand(0);
  const Value *constant = constantBehind(x);
  Value *real = constant ? fixedConstant(op, constant, n) : rounded(op, x, n);
  if (real)
    integers[op.result()] = {real, n};
}

void Importer::dequantize(Op &op, const QdqNumbers &n) {
  Value *x = op.operand(0);
  if (auto it = integers.find(x); it != integers.end()) {
    if (sameNumbers(it->second.numbers, n))
      return replaceReal(op, it->second.real);
    return reject(op, "qdq.mismatch",
                  fmt::format("'{}' was quantized with scale {:.6g} and zero point {}, and is read "
                              "with {:.6g} and {}",
                              x->name(), it->second.numbers.scales[0], it->second.numbers.zeros[0], n.scales[0],
                              n.zeros[0]));
  }
  if (const Value *constant = constantBehind(x)) {
    if (Value *real = fixedConstant(op, constant, n))
      replaceReal(op, real);
    return;
  }
  if (!x->def()) { // integers come in: the same numbers as reals, which is how xmodels name their inputs
    QdqMeaning meaning = meaningOf(n);
    if (!takes(op, meaning))
      return;
    diags
        .remark(op.loc(),
                fmt::format("input '{}' of integers becomes one of {}", x->name(), meaning.pos.elemType().str()))
        .rule("qdq.boundary");
    x->setType(x->type().withElem(ElemKind::F32));
    plan[x] = meaning.pos;
    integers[x] = {x, n};
    return replaceReal(op, x);
  }
  if (!failed) // else its producer has been named
    reject(op, "qdq.dangling",
           fmt::format("'{}' is not the result of a QuantizeLinear, a constant or an input", x->name()));
}

void Importer::round(Op &op, const QdqNumbers &n) {
  Value *x = op.operand(0);
  const Value *constant = constantBehind(x);
  if (Value *real = constant ? fixedConstant(op, constant, n) : rounded(op, x, n))
    replaceReal(op, real);
}

/// Reshape and its like, MaxPool and Concat between Q and DQ: they may as well move the reals.
void Importer::moveIntegers(Op &op) {
  bool moves = op.isOneOf("onnx.MaxPool", "onnx.Concat", "onnx.Identity") || isMovement(op);
  auto first = integers.find(op.operand(0));
  if (!moves || first == integers.end())
    return;
  const Integers source = first->second;
  const bool all = op.is("onnx.Concat");
  for (unsigned i = 0; i < (all ? op.numOperands() : 1); ++i) {
    auto it = integers.find(op.operand(i));
    if (it == integers.end() || !sameNumbers(it->second.numbers, source.numbers))
      return;
  }
  for (unsigned i = 0; i < (all ? op.numOperands() : 1); ++i)
    op.setOperand(i, integers.find(op.operand(i))->second.real);
  for (Value *result : op.results()) {
    result->setType(result->type().withElem(ElemKind::F32));
    FixPos at = plan.find(source.real)->second; // a copy: making room for `result` moves what the map holds
    plan[result] = at;
    integers[result] = {result, source.numbers};
  }
}

void Importer::visit(Op &op) {
  if (isOtherQuantized(op)) {
    failed = true;
    diags
        .error(op.loc(),
               op.name().str() + " computes with integers or scales of its own: fix points cannot be read from it")
        .rule("qdq.integer-op")
        .note("export in QDQ form (ONNX Runtime: quantize_static with quant_format=QuantFormat.QDQ, power-of-two "
              "scales), "
              "or start from the float model with --calib");
    return;
  }
  QdqKind kind = qdqKind(op);
  if (kind == QdqKind::None)
    return moveIntegers(op);
  const QdqNumbers *n = numbersOf(op);
  if (!n)
    return;
  if (kind == QdqKind::Quantize)
    quantize(op, *n);
  else if (kind == QdqKind::Dequantize)
    dequantize(op, *n);
  else
    round(op, *n);
}

//===-- The whole graph ------------------------------------------------------------------===//

/// An output of integers becomes the real value behind it, under the output's name.
void Importer::finishOutputs() {
  std::vector<Value *> outputs = g.outputs().vec();
  for (Value *&out : outputs) {
    auto it = out ? integers.find(out) : integers.end();
    if (it == integers.end() || it->second.real == out)
      continue;
    diags
        .remark(out->def()->loc(),
                fmt::format("output '{}' of integers becomes one of reals at their fix point", out->name()))
        .rule("qdq.boundary");
    replaceReal(*out->def(), it->second.real);
  }
}

/// A Q whose integers are still read by somebody.
void Importer::findLeftovers() {
  for (const auto &[value, ints] : integers) {
    if (ints.real == value)
      continue;
    for (const Use &use : value->uses())
      if (!use.user->isReturn() && qdqKind(*use.user) != QdqKind::Dequantize)
        reject(*use.user, "qdq.dangling", fmt::format("it computes with the integers of '{}'", value->name()));
  }
}

/// The nodes, then the scales that only they read.
void Importer::eraseDead() {
  std::vector<Op *> nodes, constants;
  for (Op &op : llvm::reverse(g.ops()))
    if (qdqKind(op) != QdqKind::None)
      nodes.push_back(&op);
  for (Op *op : nodes)
    if (op->unused())
      g.erase(op);
  for (Op &op : g.ops())
    if (op.isConst() && op.unused())
      constants.push_back(&op);
  for (Op *op : constants) {
    plan.erase(op->result());
    llvm::erase_if(wantedNames, [&](const auto &w) { return w.first == op->result(); });
    g.erase(op);
  }
  for (auto &[value, name] : wantedNames)
    if (!g.lookup(name))
      value->setName(name);
}

Status Importer::run() {
  for (Op &op : llvm::make_early_inc_range(g.ops()))
    visit(op);
  if (!failed) {
    findLeftovers();
    finishOutputs();
  }
  if (failed)
    return failure();
  eraseDead();
  // The nodes hid types and shape arithmetic, without which neither macros nor groups are seen.
  auto isPlanned = [&](const Op &op) { return llvm::any_of(op.results(), [&](Value *v) { return plan.count(v); }); };
  return inferShapes(g, isPlanned, diags);
}

PassResult run(Graph &g, PassContext &ctx) {
  if (!carriesQdq(g))
    return PassResult::Unchanged;
  Options options{ctx.flag("round-scales"), ctx.flag("group-ends") || ctx.flag("round-scales"), ctx.flag("unrepaired")};
  Importer importer(g, options, ctx.diags);
  if (failed(importer.run()))
    return PassResult::Failure;
  foldMacros(g, importer.plan);
  settle(g, importer.plan, options, ctx.diags);
  return PassResult::Changed;
}

} // namespace

extern const PassInfo ImportQdqPass;
const PassInfo ImportQdqPass = {
    "import-qdq",
    "Turn QuantizeLinear/DequantizeLinear pairs into fix points",
    "**Before:** an `onnx.*` graph with Q/DQ nodes, before `clean-up`: of vai_q_pytorch (also `vai::fix_neuron`), "
    "vai_q_onnx (also `FixNeuron`, `VitisQuantizeLinear`), Quark, ONNX Runtime. **After:** none of them; what they "
    "rounded has a fix point in its type, and constants hold integers. **Formula:** scale 2^-p with zero point 0 is "
    "fix point p; unsigned integers around their middle are signed ones. **Conditions:** scales are constant powers of "
    "two, per tensor, zero points 0; else each node is an error that names the nearest fix point and its cost, or a "
    "warning with `round-scales`. 32-bit biases are rounded to 8 bits, float constants of quantized layers too (a "
    "warning with the cost). A fix point that repeats its neighbour's goes, for the result is the same bit for bit. "
    "What the "
    "DPU's shifters cannot do is repaired as by `apply-quant-info`, with a warning. Operators that compute with "
    "integers (QLinearConv) are errors. See docs/qdq.md.",
    Preserves::Meaning,
    {{"round-scales", nullptr, "Take the nearest fix point where scale or zero point are none"},
     {"group-ends", nullptr, "Drop fix points between a layer and its activation (implied by round-scales)"},
     {"unrepaired", nullptr, "Leave fix points that the DPU's shifters cannot combine"}},
    run,
};

} // namespace dpuopt

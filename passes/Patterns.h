//===- Patterns.h - small matchers and safe rewrites on onnx.* graphs -------===//
//
// Private to passes/*.cpp. Two rules every rewrite here keeps: quantization files and
// XIR key on tensor names, so the value that takes the place of another takes its
// name when they mean the same at the end of the rewrite; and a value whose type is a
// fix point rounds, so nothing is merged across it.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_PATTERNS_H
#define DPUOPT_PASSES_PATTERNS_H

#include "dpuopt/IR/OnnxViews.h"
#include "dpuopt/Pass/Pass.h"
#include "llvm/ADT/STLExtras.h"

namespace dpuopt {

//===-- Constants ----------------------------------------------------------===//

/// The number all elements of constant `v` equal; nullopt if it is not such a constant.
std::optional<double> constantScalar(const Value *v);
/// Is `v` a constant equal to `x` everywhere, up to float rounding (relative 1e-6)?
bool isScalar(const Value *v, double x);
/// Constant `v` as it acts on a value of type `x` it is broadcast to: one number, or
/// one per index of `axis`. nullopt: not constant, not float, varies along another
/// axis, or would enlarge `x`.
std::optional<std::vector<double>> perChannel(const Value *v, const Type &x, unsigned axis);
/// A binary op on a value and a constant number: `x op number`, or `number op x`.
struct ScalarOp {
  Value *x;
  double number;
  bool numberFirst;
};
/// nullopt unless `op` is `name`, one operand is a constant number (the other is not), and the result has the type of
/// x.
std::optional<ScalarOp> matchScalarOp(const Op *op, llvm::StringRef name);

/// Bounds of an onnx.Clip in attribute or operand form; infinite where absent.
struct ClipBounds {
  double low, high;
};
/// nullopt if a bound is not constant.
std::optional<ClipBounds> clipBounds(const Op &op);
/// The upper bound of an onnx.Clip from 0 to a positive finite number, in either form; nullopt: it is none.
std::optional<double> upperBoundOf(const Op &op);
/// Is `op` an onnx.Clip from 0 to 6, in either form?
bool isRelu6(const Op &op);

//===-- Shape of the graph -------------------------------------------------===//

/// The op that computes `v` if it is one of `names`, nobody else uses `v`, and `v` does not round. Else null.
template <class... Names> Op *soleProducer(const Value *v, Names... names) {
  Op *op = v ? v->def() : nullptr;
  return op && v->index() == 0 && v->hasOneUse() && !v->type().isFix() && op->isOneOf(names...) ? op : nullptr;
}
/// Is `v` known to have no negative element (it comes from Relu, Sigmoid, Softmax, ...)?
bool isNonNegative(const Value *v);
/// Do two values have the same static type? (No value has none.)
bool sameStaticType(const Value *a, const Value *b);
/// Are all results but the first unused?
bool onlyFirstResultUsed(const Op &op);

//===-- Rewrites -----------------------------------------------------------===//

/// Calls `rewrite` for every onnx op with a result, in order; it returns whether it
/// changed something. It may erase that op and ops before it, and insert before it.
PassResult rewriteOps(Graph &g, llvm::function_ref<bool(Op &)> rewrite);
/// Erases `op` if no result is used, and then everything that only it used; never `keep`.
void eraseIfUnused(Op *op, const Op *keep = nullptr);
/// `result` takes over from `last`: its uses, its name, its type (if known). The op that made `last` is erased if
/// nothing uses it any more; the one that makes `result` stays.
void takeOver(Value *result, Value *last);
/// Replaces `last`, which equals `x`, by `x`. A graph output keeps its name: x is
/// renamed, or copied if it is a constant. False (nothing done) if x is a graph input
/// or another graph output, and so cannot be renamed.
bool replaceBySame(Value *last, Value *x);
/// Makes operand `i` of `op` the constant `t`. It takes the old operand's name if nobody else uses that, and
/// `nameIfNew` if there was none.
void setConstOperand(Op &op, unsigned i, Tensor t, llvm::StringRef nameIfNew);
/// Creates `name`(operands) before `last` with `last`'s result type, lets it take over, and returns it.
Op *replaceOp(Op &last, llvm::StringRef name, llvm::ArrayRef<Value *> operands, AttrMap attrs = {});
/// Name for the bias of the layer with weight `weight`: `conv1.weight` -> `conv1.bias`.
std::string biasName(const Value *weight);

} // namespace dpuopt
#endif

//===- PostOp.h - what is done to a result before it is stored ------------------------------===//
//
// Functions of one element, and the addition of another tensor. A kernel applies a list
// of them in order while its result is still in a register.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FLOAT_POSTOP_H
#define DPUOPT_LIB_EXEC_FLOAT_POSTOP_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt::exec {

struct PostOp {
  enum class Kind : uint8_t {
    Sum,    ///< + what the result's memory held before
    Leaky,  ///< x < 0 ? alpha * x : x; a ReLU has alpha = 0
    Clip,   ///< min(max(x, alpha), beta)
    Linear, ///< alpha * x + beta
    Sigmoid,
    Swish, ///< x * sigmoid(alpha * x)
    HardSwish,
    Tanh,
    Elu, ///< x < 0 ? alpha * (exp(x) - 1) : x
    GeluErf,
    GeluTanh,
    SoftPlus,
    Mish,
    Exp,
    Log,
    Sqrt,
    Abs,
    Square,
  };
  Kind kind;
  float alpha = 0, beta = 0;
  friend bool operator==(const PostOp &, const PostOp &) = default;
  /// The same bits whoever computes it.
  bool isExact() const { return kind == Kind::Sum || kind == Kind::Leaky || kind == Kind::Clip || kind == Kind::Abs; }
};
using PostOps = llvm::SmallVector<PostOp, 3>;

/// The definition. `before` is what the memory held.
float apply(llvm::ArrayRef<PostOp> ops, float x, float before = 0);

/// What `op` does to each element of operand 0, every other operand being a constant; empty for other ops.
/// `scalar` gives the one element of an operand that is constant and uniform.
PostOps postOpsOf(const Op &op, llvm::function_ref<std::optional<float>(const Value *)> scalar);

} // namespace dpuopt::exec
#endif

//===- Chain.h - ops that run as one -------------------------------------------------------===//
//
// A quantized graph says `conv2d, relu, fix`; nobody reads what lies between, so it
// need not exist. Whether the chain may run on integers is the kernel's decision.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_CHAIN_H
#define DPUOPT_LIB_EXEC_CHAIN_H

#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>

namespace dpuopt::exec {

/// True for values that are kept as stored int8: signed fix types of at most 8 bits, static shape.
bool isStorable(const Value *v);

/// Ops that leave the bytes of their first operand where they are.
bool isReshape(const Op &op);

/// The fix type and shape in which a value can be kept: its own type if isStorable; for a float reshape of such a
/// value (flatten before a matrix product) that value's fix type.
std::optional<Type> storedType(const Value *v);

struct Chain {
  const Op *anchor = nullptr;                 ///< whose operands are read
  const Op *activation = nullptr;             ///< may be null
  llvm::SmallVector<const Op *, 3> swallowed; ///< all of its ops but the last: their results are not computed
};

/// The longest chain of xir ops that ends in `last`, whose result is stored: [anchor] [activation] [fix].
/// None if `last` rounds in another way than DPU_ROUND. An activation is a ReLU or the like, or, unless `plain`, an op
/// with a constant as second operand (the factor behind an average pool), whose operand is a layer of its own.
std::optional<Chain> findChain(const Op &last, llvm::function_ref<bool(const Value *)> isStored, bool plain);

/// Is the float result of `op` made of elements of its operands (or 0), so that their fix type holds it exactly?
bool keepsElements(const Op &op);

/// Float values whose readers all move or compare them and then round to one fix type: the inputs of a concat have no
/// `fix` of their own. Rounding commutes with that, so they can be kept rounded (to the type given, in their shape).
llvm::DenseMap<const Value *, Type> roundedLater(llvm::ArrayRef<const Op *> ops);

} // namespace dpuopt::exec
#endif

//===- Activations.h - functions of one number, on integers -----------------------------===//
//
// Every elementwise function of one int8 is a table of 256 bytes. The DPU's own formulas make it for compiled ops;
// for the quantized form the float kernels fill it themselves, so it cannot differ from them.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FIXED_ACTIVATIONS_H
#define DPUOPT_LIB_EXEC_FIXED_ACTIVATIONS_H

#include "FixKernel.h"
#include "dpuopt/Kernels/Elementwise.h"
#include "dpuopt/Kernels/Requant.h"

namespace dpuopt::exec {

/// Attribute `nonlinear` of a compiled op, or the activation behind an op of the quantized form, set in `requant`
/// (whose cut is that of the op's own result: the hard ones change it). `bound` is the largest magnitude of a sum,
/// in units of 2^-guard; only for the quantized form.
Status setActivation(const FixRequest &request, kernels::Requant &requant, int sumFixPoint, int64_t bound);

/// DPU_ROUND(min(2^32, max(0, 2731 x + 3 * 2731 * 2^in)) / 2^shift).
int8_t hardSigmoid(int x, int in, int shift);

/// Attribute `name`, an integer in [low, high]; refused otherwise.
Result<int> intAttr(const FixRequest &request, llvm::StringRef name, int low, int high);

/// `x` as an odd integer divided by 2^shift, with at most `bits` bits; nullopt if it is not one (or not finite).
struct Dyadic {
  int numerator = 0, shift = 0;
};
std::optional<Dyadic> asDyadic(double x, unsigned bits);

/// What becomes of the real numbers `x` by float ops one after the other and one DPU_ROUND to the result type; null
/// ops are left out. `operand` is which operand of the first one x is; all others must be uniform constants.
Result<std::vector<int8_t>> throughFloats(const FixRequest &request, std::vector<float> x,
                                          llvm::ArrayRef<const Op *> ops, unsigned operand = 0);

/// The table from operand `i` to the result of an op that moves elements (and the activation behind it, if any).
Result<kernels::ByteTable> moveTable(const FixRequest &request, unsigned i);

/// An elementwise op of operand `operand`, all others being uniform constants, and the activation behind it: a table.
FixResult makeFloatTable(const FixRequest &request, unsigned operand = 0);

/// The real numbers of the 256 bytes of a fix point.
std::vector<float> allReals(int fixPoint);

} // namespace dpuopt::exec
#endif

//===- FixKernel.h - what computes one op on integers -------------------------------------===//
//
// Made from an op once, with everything that can go wrong found then; running cannot
// fail and allocates nothing. One file here maps one family of XIR ops to lib/Kernels,
// which does the arithmetic and knows no graph. Tensors are stored q8 (NHWC, row-major).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FIXED_FIXKERNEL_H
#define DPUOPT_LIB_EXEC_FIXED_FIXKERNEL_H

#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Kernels/Isa.h"
#include "dpuopt/Kernels/Team.h"

namespace dpuopt::exec {

/// What a fixed kernel is told of an operand.
struct FixOperand {
  Type type;                        ///< static; signed, at most 8 bits
  const Tensor *constant = nullptr; ///< dense, if it never changes; gone after the kernel is made
};

/// One op, or a chain `op, activation, fix` whose inner values nobody else reads.
struct FixRequest {
  const Op &op;                              ///< whose attributes and name count
  llvm::StringRef kind;                      ///< "conv2d", "eltwise": the XIR type without `-fix`
  llvm::SmallVector<FixOperand, 4> operands; ///< as the op's; one with an empty type is absent
  Type result;                               ///< q8, static
  const Op *activation = nullptr;            ///< between `op` and its rounding, quantized form only
  /// True for a compiled `*-fix` op: the DPU's arithmetic (facts (d)). False for the quantized form: float
  /// arithmetic and one DPU_ROUND; a kernel that cannot promise the same bits then declines.
  bool compiled = false;
  const ExecOptions &options;
  DiagEngine &diags;

  bool has(unsigned i) const { return i < operands.size() && operands[i].type.isFix(); }
  int fixPoint(unsigned i) const { return operands[i].type.elemType().fixPoint; }
  int resultFixPoint() const { return result.elemType().fixPoint; }
  /// An error that names the op; converts to failure.
  DiagBuilder error(const std::string &message) const;
};

/// One execution.
struct FixRun {
  llvm::ArrayRef<const int8_t *> in; ///< as FixRequest::operands; null where absent or not read
  int8_t *out;
  uint8_t *scratch; ///< scratchBytes(), 64-byte aligned; not kept between runs
  kernels::Team &team;
};

class FixKernel {
public:
  virtual ~FixKernel() = default;
  virtual size_t scratchBytes(unsigned /*threads*/) const { return 0; }
  /// False for operands that were taken in for good when the kernel was made (packed weights).
  virtual bool reads(unsigned /*operand*/) const { return true; }
  virtual void run(const FixRun &run) const = 0;
};

/// Null without an error: nobody promises the op's bits on integers (quantized form only).
using FixResult = Result<std::unique_ptr<FixKernel>>;
using FixMaker = FixResult (*)(const FixRequest &);

struct FixEntry {
  const char *kind;
  FixMaker make;
  unsigned required = 1;     ///< so many operands must be there
  bool compiledOnly = false; ///< the quantized form has no such op or stays float
};

// The families, one file each.
#define DPUOPT_FIX_FAMILIES(X) X(conv) X(eltwise) X(pool) X(move) X(resize) X(scalar)
#define DPUOPT_FIX_DECLARE(family) llvm::ArrayRef<FixEntry> family##FixEntries();
DPUOPT_FIX_FAMILIES(DPUOPT_FIX_DECLARE)
#undef DPUOPT_FIX_DECLARE

/// The XIR type without `xir.` and `-fix`.
llvm::StringRef fixKind(const Op &op);
/// Is there an entry for this kind (in that form)?
bool hasFixEntry(llvm::StringRef kind, bool compiled);
/// Finds the entry and makes the kernel. Errors: a kind nobody knows, a missing operand, a malformed attribute, shapes
/// that do not fit the declared result: a running kernel trusts them.
FixResult makeFixKernel(const FixRequest &request);

} // namespace dpuopt::exec
#endif

//===- Executor.h - runs a graph on this machine ------------------------------===//
//
// Clear and correct first; convolutions and matrix products go through oneDNN.
// Values of floating or Fix type are f32 tensors at run time; a result whose type
// is q<b>.<f> (and the op xir.fix) is rounded to that fix point: x -> clip(round(
// x * 2^f)) * 2^-f, half up (DPU_ROUND, facts UG1414) unless the op says otherwise.
// onnx.* ops follow the ONNX operator spec (NCHW), xir.* ops libxir's (NHWC).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_EXEC_EXECUTOR_H
#define DPUOPT_EXEC_EXECUTOR_H

#include "dpuopt/IR/Graph.h"
#include <functional>

namespace dpuopt {

/// Sees every value as it is computed, inputs and constants excluded from const
/// folding included; may replace the tensor (calibration quantizes it in place).
using ExecObserver = std::function<void(const Value &, Tensor &)>;

/// Sees every value that is computed, as it is kept: stored integers for fix types, f32 otherwise. Values inside
/// a fused chain (`conv2d, relu, fix`) are not computed and not seen; constants neither.
using ExecWatcher = std::function<void(const Value &, const Tensor &)>;

/// How long one step of a run took. `op` gives the step its result; `kernel` says what ran ("conv2d-fix int8
/// avx512-vnni", "softmax f32"); `macs` are its multiply-adds, 0 for others than convolutions and matrix products.
struct StepTime {
  const Op &op;
  llvm::StringRef kernel;
  double seconds;
  int64_t macs;
};

struct ExecOptions {
  /// Threads of one run. More than one pays for large models on idle machines only (threads
  /// meet after every op), and the last bits of a matrix product may depend on their number.
  unsigned threads = 1;
  /// Computes every value in f32, none fused, and may change it; may be empty. With one, nothing runs on integers.
  ExecObserver observer;
  /// The observer keeps no tensor, and does not mind one whose axes are in another order than its value's type says
  /// (channels last): statistics of all elements. Faster.
  bool observerTakesAnyOrder = false;
  ExecWatcher watcher;                           ///< may be empty
  std::function<void(const StepTime &)> profile; ///< may be empty
  bool ignoreFixPoints = false;                  ///< compute in float even where types say q (the float reference)
  /// xir.reduction_mean multiplies by the DPU's n * N / 2^M as the vendor's reference kernel
  /// does, although exported models carry that factor in a `mul` of their own (so it acts
  /// twice). Only for comparisons with that kernel.
  bool vendorMeans = false;
  /// Biases that the vendor's compiler has shifted already (facts, 'Pre-shifted biases') are shifted again, as its
  /// reference kernel does and the hardware does not.
  bool vendorBiases = false;
};

/// True if evaluate() knows the operator (its attributes may still be refused).
bool canExecute(const Op &op);

/// Computes one op. `operands[i]` is null for an absent operand. Errors (unknown
/// op, shapes that do not fit, unsupported attribute) name the op.
Result<std::vector<Tensor>> evaluate(const Op &op, llvm::ArrayRef<const Tensor *> operands, DiagEngine &diags);

/// True if evaluate() would answer with splats (or with shapes) at once, however large
/// the operands: elementwise ops and movement of splats. False promises nothing.
bool evaluatesToSplat(const Op &op, llvm::ArrayRef<const Tensor *> operands);

/// A graph made ready to run many times: constants converted, primitives cached,
/// buffers freed after their last use.
class Executor {
public:
  /// Errors: every op that cannot be executed, by name, before anything runs.
  static Result<std::unique_ptr<Executor>> create(const Graph &g, ExecOptions options, DiagEngine &diags);
  virtual ~Executor() = default;
  /// `inputs` in graphFeeds order; any numeric element type, converted: integers are numbers, a stored q8 tensor
  /// is the numbers it means. Returns the graph outputs in order, as f32 (or their integer type).
  virtual Result<std::vector<Tensor>> run(llvm::ArrayRef<Tensor> inputs) = 0;
};

/// The values a graph is fed through: graph inputs, then results of xir.data ops.
std::vector<Value *> graphFeeds(const Graph &g);

/// Deterministic normal-ish random input for a type (seeded by `seed` and position):
/// floats in [-1, 1), integers in their small positive range.
Tensor randomTensor(const Type &type, uint64_t seed);

/// Largest absolute difference, and the range of `a` with 0 in it; for reports and checks.
struct Deviation {
  double maxAbs = 0, range = 0; ///< NaN against a number counts as infinite
  bool comparable = true;       ///< same number of elements
};
Deviation difference(const Tensor &a, const Tensor &b);

/// Executes both graphs on the same random input (`before`'s inputs matched to
/// `after`'s by name; a rank 3-5 input or output that was moved from NCHW to NHWC,
/// or back, is permuted) and compares output by output. Diagnoses the first output that is
/// not within `tolerance` * range (0: bit for bit); returns the largest relative difference.
Result<double> checkEquivalence(const Graph &before, const Graph &after, double tolerance, uint64_t seed,
                                DiagEngine &diags);

} // namespace dpuopt
#endif

//===- FloatKernel.h - what computes some ops in float, made once -------------------------===//
//
// For static shapes, made before the first run: geometry resolved, weights packed, what
// follows fused. Running cannot fail but for want of memory. Ops without one here (or with
// shapes known at run time only) go through the kernels of ../Kernel.h, tensor by tensor.
//
// Layout: tensors are row-major, f32, dense. An image of an onnx op may come and go with
// its channels moved behind the spatial axes (N, spatial..., C): the order oneDNN is
// fastest in and xir's own. One request is about one layout for all tensors of rank > 2.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FLOAT_FLOATKERNEL_H
#define DPUOPT_LIB_EXEC_FLOAT_FLOATKERNEL_H

#include "PostOp.h"
#include <memory>
#include <optional>

namespace dpuopt::exec {

/// y = x * scale[c] + shift[c]: a batch norm that follows.
struct Affine {
  std::vector<float> scale, shift;
};

struct FloatRequest {
  const Op &op;                          ///< whose attributes count
  bool channelsLast = false;             ///< see above
  std::vector<const Tensor *> constants; ///< per operand, in the op's own layout; null: not the same in every run
  llvm::ArrayRef<PostOp> post = {};      ///< to be applied to the result
  const Affine *affine = nullptr;        ///< before `post`; convolutions only
  bool exact = false;                    ///< the bits of the definition only: something is rounded to a fix point
  bool isConstant(unsigned i) const { return i < constants.size() && constants[i]; }
  bool isRealConstant(unsigned i) const { return isConstant(i) && constants[i]->elemType().kind == ElemKind::F32; }
  /// The shape of operand `i` or of the result in this request's layout.
  Shape in(unsigned i = 0) const;
  Shape out(unsigned i = 0) const;
  /// Where the op's axis `i` is in this layout.
  size_t axis(size_t i) const;
};

using FloatInputs = llvm::ArrayRef<const float *>;
using FloatOutputs = llvm::ArrayRef<float *>;

class FloatKernel {
public:
  virtual ~FloatKernel() = default;
  /// `in` are the operands named in `reads`. Where `post` had a Sum, out[0] holds the addend.
  virtual bool run(FloatInputs in, FloatOutputs out) = 0;
  std::vector<unsigned> reads; ///< operands that are not taken in for good
  bool inPlace = false;        ///< out[0] may be in[0]
};
using FloatKernelPtr = std::unique_ptr<FloatKernel>;

/// Which layout an op's kernel is asked for.
enum class Place : uint8_t {
  Last,    ///< channels last
  Follows, ///< the one its operands are in
  Plain,   ///< the op's own
};

struct FloatEntry {
  const char *name;                             ///< "onnx.Conv"
  FloatKernelPtr (*make)(const FloatRequest &); ///< null: not for these shapes or attributes
  Place place = Place::Follows;
  bool fuses = false; ///< takes `post` (of floats, the result's shape)
  bool exact = false; ///< gives the bits of the op's definition: may be rounded to a fix point
};

/// The parameters of a batch norm in inference form whose operands are constant; none for other ops.
std::optional<Affine> batchNormOf(const Op &op, llvm::ArrayRef<const Tensor *> constants);

/// Null if ops of this name have no such kernel.
const FloatEntry *findFloatEntry(llvm::StringRef name);

// The families, one file each.
#define DPUOPT_FLOAT_FAMILIES(X) X(conv) X(pool) X(elementwise) X(join) X(product) X(layout)
#define DPUOPT_FLOAT_DECLARE(family) llvm::ArrayRef<FloatEntry> family##FloatEntries();
DPUOPT_FLOAT_FAMILIES(DPUOPT_FLOAT_DECLARE)
#undef DPUOPT_FLOAT_DECLARE

/// [N, C, spatial...] -> [N, spatial..., C]; ranks below 3 stay.
Shape channelsLastShape(llvm::ArrayRef<int64_t> shape);
/// Moves the channels of a plain tensor of `shape` behind its spatial axes, or back.
FloatKernelPtr makeLayoutChange(llvm::ArrayRef<int64_t> shape, bool toLast);
/// The same bytes in both layouts?
bool layoutsAgree(llvm::ArrayRef<int64_t> shape);
/// Moves the channels of a plain tensor behind its spatial axes.
Tensor toChannelsLast(const Tensor &t);
/// And back.
Tensor fromChannelsLast(const Tensor &t);

} // namespace dpuopt::exec
#endif

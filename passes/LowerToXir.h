//===- LowerToXir.h - shared parts of the pass lower-to-xir -----------------===//
//
// Private to passes/LowerToXir*.cpp. Every onnx value is represented by one xir
// value and the order its axes have there (Layout). An onnx Transpose therefore
// costs nothing: it only renames axes. A real transpose is made where an op needs
// an order that the value does not have.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_LOWERTOXIR_H
#define DPUOPT_PASSES_LOWERTOXIR_H

#include "dpuopt/IR/OnnxViews.h"
#include "dpuopt/Pass/Pass.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"

namespace dpuopt::lower {

using Axes = llvm::SmallVector<int, 6>;

inline Shape toShape(llvm::ArrayRef<int64_t> s) { return Shape(s.begin(), s.end()); }

/// How the axes of an onnx value lie in the xir value that carries it. NHWC is
/// order {0, 2, 3, 1}.
struct Layout {
  /// Physical axis -> logical (onnx) axis; -1 is an axis of size 1 that the logical
  /// value does not have (a 1-D convolution runs as a 2-D one on {0, -1, 2, 1}).
  Axes order;
  /// One logical axis whose elements are themselves permuted: a flattened NHWC
  /// tensor. The axis, seen as `factors`, is stored in `factorOrder`. -1: none.
  int shuffled = -1;
  Shape factors;
  llvm::SmallVector<unsigned, 6> factorOrder;

  Layout() = default;
  explicit Layout(Axes order) : order(std::move(order)) {}
  static Layout identity(size_t rank);
  /// N, spatial axes, C; the order [0, 3, 4, 2, 1] for rank 5; identity below rank 3.
  static Layout channelsLast(size_t rank);

  /// Physical position of logical axis `axis`, which must exist.
  int find(int axis) const;
  bool isIdentity() const;
  Shape physical(llvm::ArrayRef<int64_t> logical) const;
  /// A tensor of the logical shape, rearranged; splats and small types stay so.
  Tensor apply(const Tensor &t) const;
  friend bool operator==(const Layout &a, const Layout &b) {
    return a.order == b.order && a.shuffled == b.shuffled &&
           (a.shuffled < 0 || (a.factors == b.factors && a.factorOrder == b.factorOrder));
  }
  friend bool operator!=(const Layout &a, const Layout &b) { return !(a == b); }
};

/// The layout of Transpose(x, perm)'s result that makes it the same xir value as x.
Layout transposedLayout(const Layout &x, llvm::ArrayRef<int64_t> perm);
/// Do two orders store the same bytes for this shape (only axes of size 1 differ)?
bool sameBytes(const Layout &a, const Layout &b, llvm::ArrayRef<int64_t> logical);

/// How a reshape `from` -> `to` can be done on a value stored as `in`.
struct ReshapePlan {
  Layout input;  ///< the value must be brought to this layout first (often `in` itself)
  Layout output; ///< then a plain reshape yields the result in this layout
};
/// Chooses the plan that moves the least. A merged axis for which `mayShuffle` holds
/// keeps its stored order (Layout::shuffled) instead of being transposed.
ReshapePlan planReshape(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to, const Layout &in,
                        llvm::function_ref<bool(int)> mayShuffle);

/// The xir value that carries an onnx value.
struct Mapped {
  Value *value = nullptr;
  Layout layout;
};

/// Ops whose result shapes could not be checked against their operands.
using DoubtfulOps = llvm::SmallPtrSet<const Op *, 8>;

/// The state of one run of the pass: old values -> new ones, names, parameters.
class Lowering {
public:
  Lowering(Graph &g, DoubtfulOps doubtful, DiagEngine &diags);
  /// Replaces every op of the graph; the checks of the pass have been made.
  void run();

  Graph &graph() { return g; }
  DiagEngine &diagnostics() { return diags; }

  //===-- Operands ---------------------------------------------------------===//
  /// The carrier of `v` as it is now (a constant: in onnx order).
  Mapped get(Value *v);
  /// `v` in layout `want`; inserts a transpose or reshape when it must.
  Value *in(Value *v, const Layout &want);
  /// The same for `v` seen with leading axes of size 1 added up to `rank`.
  Value *in(Value *v, const Layout &want, size_t rank);
  /// The layout to compute an elementwise op of result rank `rank` in: that of most elements.
  Layout commonLayout(llvm::ArrayRef<Value *> operands, size_t rank);

  //===-- Parameters -------------------------------------------------------===//
  /// Constant `v` after `change` as const (+ fix); one per `form`, which names the change. It is changed when somebody
  /// reads it, so `change` owns what it captures; the type of its result depends on the type of `v` only.
  Value *param(Value *v, llvm::StringRef form, const std::function<Tensor(const Tensor &)> &change);
  /// A new f32 constant without fix, named after a claim of `name`.
  Value *newConst(llvm::StringRef name, Tensor value, const Location &loc);
  /// A new constant at the fix point DiffS finds for it, and its fix.
  Value *newFixedConst(llvm::StringRef name, const Tensor &value, unsigned bits, const Location &loc);
  /// The `stack` of scalar constants the vendor writes for shapes and sizes.
  Value *shapeOperand(llvm::StringRef opName, llvm::StringRef what, llvm::ArrayRef<int64_t> values,
                      const Location &loc);

  //===-- Results ----------------------------------------------------------===//
  struct Spec {
    std::string type; ///< without prefix
    std::vector<Value *> operands;
    Shape shape;
    AttrMap attrs = {};
    ElemType elem = ElemKind::F32;
  };
  /// Creates an op whose result has exactly the name `name` (claimed before).
  Value *emit(Spec spec, const std::string &name, const Location &loc);
  /// emit() for a helper: the name is `base` + `suffix`, made unique.
  Value *emitHelper(Spec spec, llvm::StringRef base, llvm::StringRef suffix, const Location &loc);
  /// emit() for result `index` of `op`, then its fix if it has one, then records it.
  void emitResult(const Op &op, Spec spec, const Layout &layout, unsigned index = 0);
  /// Result of `op` is carried by an existing value (no op of its own; a fix if its fix point differs).
  void alias(const Op &op, const Mapped &m);
  /// Adds the fix of onnx value `v` behind `real`, if it has a fix point.
  Value *addFix(const Value *v, Value *real, const Location &loc);
  void record(const Value *v, Mapped m) { mapped[v] = std::move(m); }
  /// The xir name of an onnx value.
  const std::string &nameOf(const Value *v) const { return primary.find(v)->second; }
  std::string claim(llvm::StringRef hint);
  /// Keeps `op` as custom ops `xir.<OpType>`, operands in onnx order; says why.
  void keepAsCustom(const Op &op, const std::string &reason);
  /// Reshapes a physical value; helper op named `base` + `suffix`.
  Value *reshapeHelper(Value *x, const Shape &shape, llvm::StringRef base, llvm::StringRef suffix, const Location &loc);

private:
  void claimNames();
  Value *fixParam(Value *real, ElemType type);
  void lowerInputs();
  void lowerOutputs();
  void lowerOp(Op &op);
  Value *convert(const Mapped &m, llvm::ArrayRef<int64_t> shape, const Layout &want, llvm::StringRef name,
                 const Location &loc);
  Value *transposeHelper(Value *x, const Axes &order, llvm::StringRef base, const Location &loc);

  Graph &g;
  DoubtfulOps doubtful;
  DiagEngine &diags;
  llvm::DenseMap<const Value *, Mapped> mapped;
  llvm::DenseMap<const Value *, std::string> primary;
  llvm::StringMap<unsigned> taken; ///< names in use, and the next suffix to try
  llvm::StringMap<Value *> made;   ///< parameters and conversions by key
  std::vector<Op *> oldOps;
  Op *firstNode = nullptr; ///< parameters go before it
};

/// Lowers one op. Returns the reason why it has no exact XIR form ("" on success);
/// nothing has been created in the first case.
using Handler = std::string (*)(Lowering &, const Op &);
struct HandlerEntry {
  const char *op; ///< without "onnx."
  Handler lower;
};
llvm::ArrayRef<HandlerEntry> convHandlers();
llvm::ArrayRef<HandlerEntry> poolHandlers();
llvm::ArrayRef<HandlerEntry> activationHandlers();
llvm::ArrayRef<HandlerEntry> eltwiseHandlers();
llvm::ArrayRef<HandlerEntry> matmulHandlers();
llvm::ArrayRef<HandlerEntry> movementHandlers();
llvm::ArrayRef<HandlerEntry> resizeHandlers();
/// Null if there is none.
Handler findHandler(const Op &op);

/// Ops that compute element by element and so do not care for the layout.
bool isUnaryElementwise(const Op &op);
bool isBinaryElementwise(const Op &op);
/// May axis `axis` of `v` be stored shuffled: do all uses end in matrix products
/// with constant weights over that axis?
bool mayShuffle(const Value *v, int axis, unsigned depth = 0);
/// The layout graph input `v` is best given in (asks the ops that use it).
Layout wantedLayout(const Value *v);

/// The custom form of `op`: its onnx attributes plus shape and data_type. Null
/// operands are left out; the others then say their position in arg_names.
Lowering::Spec customSpec(const Op &op, std::vector<Value *> operands, Shape shape, ElemType elem);
/// Keeps an elementwise op that XIR does not have, in the layout of its operands, and
/// returns ""; returns `reason` if it cannot be told to be elementwise.
std::string keepElementwise(Lowering &l, const Op &op, const std::string &reason);
/// Remark and attribute `reason` of a custom op.
void sayCustom(Lowering &l, const Op &op, const std::string &reason, AttrMap &attrs);
/// XIR's name of an element type: "FLOAT32", "INT64".
const char *dataTypeName(ElemType t);
/// Is it a number with a fraction: a float, or a fix point?
inline bool isReal(const Type &t) { return t.isFix() || t.elemType().isFloat(); }
/// Element type of the xir value behind its fix: f32 for floats and fix points.
ElemType carrierElem(const Type &t);

/// True if the op works on fix points (its first operand or its result has one):
/// the constants of the DPU's approximations are then made explicit.
bool isQuantized(const Op &op);

} // namespace dpuopt::lower
#endif

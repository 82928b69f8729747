//===- RaiseToOnnx.h - shared parts of the pass raise-to-onnx -------------------===//
//
// Private to passes/RaiseToOnnx*.cpp. Every xir value is represented by one onnx value
// and the order its axes have there; a value of four axes is NCHW. An xir.transpose
// therefore costs nothing, and a real one is made only where an op needs xir's order.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_RAISETOONNX_H
#define DPUOPT_PASSES_RAISETOONNX_H

#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Pass/Pass.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSet.h"

namespace dpuopt::raise {

/// Onnx axis -> xir axis. NCHW is {0, 3, 1, 2}.
using Order = llvm::SmallVector<unsigned, 6>;
Order plainOrder(size_t rank);
/// N, C, spatial axes for rank 3 and 4; else xir's own.
Order channelsFirst(size_t rank);
Shape reordered(llvm::ArrayRef<int64_t> xirShape, const Order &order);

struct Raised {
  Value *value = nullptr;
  Order order;
};

class Raiser {
public:
  Raiser(Graph &g, int64_t opset, DiagEngine &diags) : g(g), opset(opset), diags(diags) {}
  /// Replaces every op of the graph; the checks of the pass have been made.
  void run();
  int64_t opsetVersion() const { return opset; }

  /// The tensor of a constant, rounded by its fix if it has one; nullopt if `v` is computed.
  static std::optional<Tensor> constant(const Value *v);
  Raised get(Value *v);
  /// `v` with its axes in `order`; a constant is rearranged, anything else transposed.
  Value *in(Value *v, const Order &order);
  /// A value with the bytes `v` has in xir's order; its shape is for a Reshape to give.
  Value *inBytes(Value *v);
  /// Constant `v` after `change`, one per `form`.
  Value *param(Value *v, llvm::StringRef form, llvm::function_ref<Tensor(const Tensor &)> change);
  Value *newConst(llvm::StringRef name, Tensor t);
  Value *ints(llvm::StringRef name, llvm::ArrayRef<int64_t> values);

  /// Creates onnx.<type> for `op`: its result's shape in `order`, its name, and records it.
  void emit(const Op &op, llvm::StringRef type, std::vector<Value *> operands, AttrMap attrs, const Order &order);
  /// An op in front of it.
  Value *helper(const Op &op, llvm::StringRef type, std::vector<Value *> operands, Shape shape, AttrMap attrs,
                llvm::StringRef suffix);
  void record(const Value *v, Raised r) { raised[v] = std::move(r); }
  /// Keeps `op` as an operator of domain dpuopt.xir, axes in xir's order.
  void keepAsCustom(const Op &op, const std::string &reason);

private:
  void raiseOp(const Op &op);
  void raiseData(const Op &op);
  void raiseFix(const Op &op);
  void raiseOutputs();
  Value *create(const Op &op, llvm::StringRef type, std::vector<Value *> operands, Type t, AttrMap attrs,
                llvm::StringRef name);

  Graph &g;
  int64_t opset;
  DiagEngine &diags;
  llvm::DenseMap<const Value *, Raised> raised;
  llvm::DenseMap<const Value *, std::string> names;   ///< of the xir values
  llvm::DenseMap<const Value *, const Value *> owner; ///< onnx value -> the xir value it was made for
  llvm::StringMap<Value *> made;
  llvm::StringSet<> nodeNames; ///< given so far: ONNX Runtime wants them to be different
  bool usesCustom = false;
};

/// Raises one op. Returns why it has no ONNX form ("" on success); nothing has been made in the first case.
using Handler = std::string (*)(Raiser &, const Op &);
struct HandlerEntry {
  const char *type; ///< without "xir."
  Handler raise;
};
llvm::ArrayRef<HandlerEntry> windowHandlers();
llvm::ArrayRef<HandlerEntry> mathHandlers();
llvm::ArrayRef<HandlerEntry> movementHandlers();
Handler findHandler(const Op &op);

} // namespace dpuopt::raise
#endif

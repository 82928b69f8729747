//===- Fusion.h - the ops the vendor's compiler will make of a lowered graph -===//
//
// A quantized graph says `conv2d, relu, fix`; the compiler places one `conv2d-fix`.
// This is the model of that step: which ops become one, what they will be called,
// and where fix2float / float2fix have to stand. It does not look at devices (that
// is Partition.h) and does not change the graph. Works on quantized graphs (explicit
// xir.fix), on graphs without any fix point (then every result counts as quantized,
// which is what `dpuc check` asks), and on compiled graphs (`*-fix` ops).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_FUSION_H
#define DPUOPT_TARGET_FUSION_H

#include "dpuopt/Target/Target.h"
#include "llvm/ADT/DenseMap.h"

namespace dpuopt {

struct FusedGraph;

/// Why an op that might have had a fixed form stays a float op.
enum class Unfused : uint8_t {
  No,          ///< it is fused (or was never a candidate: data, fix, fix2float)
  NoFixedForm, ///< XIR has no `-fix` type for it
  FloatInput,  ///< an input is not quantized
  FloatResult, ///< the result is not quantized
  Activation,  ///< the activation behind it is one its engine lacks
  SharedInput, ///< a mean whose input has other readers
};

/// One op of the compiled graph.
struct FusedOp {
  std::string kind;           ///< type in the compiled graph: "conv2d-fix", "softmax", "data-fix", "fix2float"
  std::string candidate;      ///< the fixed type the rules judge it as; "" if there is none
  std::string name;           ///< op name in the compiled graph
  std::string tensor;         ///< name of its result in the compiled graph
  const Op *anchor = nullptr; ///< the op that gives it its kind; null: inserted by the compiler
  llvm::SmallVector<const Op *, 4> members; ///< all ops of the graph that became this one, the anchor included
  llvm::SmallVector<const Op *, 4> consts;  ///< constant ops that go where it goes (each is in one FusedOp only)
  std::vector<std::string> constNames;      ///< their names in the compiled graph
  std::string activation;                   ///< "", "RELU", "RELU6", "LEAKYRELU", "PRELU"
  const Op *activationOp = nullptr;         ///< fused or, if unfused == Activation, the one that could not be
  const Value *result = nullptr;            ///< what it computes, in the graph; null: inserted by the compiler
  Unfused unfused = Unfused::No;
  std::string because;                          ///< the value or op `unfused` is about
  bool fixed = false;                           ///< its result is a fixed tensor
  llvm::SmallVector<unsigned, 4> inputs, users; ///< indices in FusedGraph::ops; no duplicates
  Device device = Device::Cpu;                  ///< set by the partitioner
  const FusedGraph *graph = nullptr;

  bool isBoundary() const { return anchor == nullptr; }
  /// A `fix` that no op took in (also float2fix).
  bool isFix() const { return kind == "fix" || kind == "float2fix"; }
};

/// All of them, producers before consumers.
struct FusedGraph {
  std::vector<FusedOp> ops;
  bool assumedQuantized = false; ///< the graph has no fix point at all
  std::vector<const Op *> loose; ///< constant ops nothing uses

  FusedGraph() = default;
  FusedGraph(const FusedGraph &) = delete; // the ops point back
};

/// What a "what if" assumes of an op.
enum class Waived : uint8_t {
  Supported, ///< the DPU runs it: no rule is asked, its operands and its result count as quantized
  Moved,     ///< the application runs it: it is no part of the model any more, what it reads is an output
};
using Waivers = llvm::DenseMap<const Op *, Waived>;

/// What fusing needs to know of the target.
struct FusionOptions {
  VitisAi vitisAi = DefaultVitisAi;
  int64_t maxMatmulSide = 16; ///< a matmul over [1, h, w, c] is a convolution of kernel w x h up to this
  std::function<bool(llvm::StringRef kind, llvm::StringRef activation)> fusesActivation;
  const Waivers *waived = nullptr; ///< null: the graph as it is

  bool isWaived(const Op *op) const { return waived && waived->count(op); }
  bool isWaived(const Op *op, Waived how) const {
    auto it = waived ? waived->find(op) : Waivers::const_iterator();
    return waived && it != waived->end() && it->second == how;
  }
};

/// Builds the model; any verified graph of xir.* ops will do, others stay float ops.
std::unique_ptr<FusedGraph> fuseGraph(const Graph &g, const FusionOptions &options);

/// The op's type without prefix ("conv2d"); the full name for other vocabularies.
llvm::StringRef xirType(const Op &op);
/// The op's name in the xmodel: attribute `op_name`, else its result's name.
std::string xirName(const Op &op);
/// "RELU" for xir.relu, ...; "" if `op` is not an activation the engines know.
llvm::StringRef activationOf(const Op &op);
/// The fixed type XIR has for `op` at that release ("" if none). Multiplications and
/// reductions differ by shape, resize by direction.
std::string fixedForm(const Op &op, VitisAi vitisAi);
/// Does `op` move no data (reshape, flatten, squeeze, a transpose of unit dimensions)?
bool isReshapeLike(const Op &op);

} // namespace dpuopt
#endif

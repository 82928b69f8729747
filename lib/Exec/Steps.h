//===- Steps.h - a graph as the list of what to do ------------------------------------------===//
//
// The planner writes it once, the executor walks it at every run.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_STEPS_H
#define DPUOPT_LIB_EXEC_STEPS_H

#include "Fixed/FixKernel.h"
#include "Float/FloatPlan.h"
#include "Kernel.h"

namespace dpuopt::exec {

/// How a value is kept. One of fix type may exist in both forms.
enum class Form : uint8_t {
  Real,   ///< f32 (or an integer type): what float kernels read
  Stored, ///< the int8 of a fix type
  Last,   ///< as Real, with the channels (axis 1) behind the spatial axes
};

/// Where one form of one value is during a run. Values that are the same bytes (a reshape) share a slot.
struct Slot {
  Type type;                 ///< of the tensor in it; not static: known at run time only
  bool given = false;        ///< an input whose tensor is taken as it comes
  bool constant = false;     ///< `tensor` is the same in every run
  bool last = false;         ///< Form::Last, which a shape alone does not tell (1x8x8x8)
  unsigned base = 0;         ///< the slot whose memory this is: itself, or that of the value it is the same bytes as
  uint8_t *memory = nullptr; ///< its place in the arena; null: `tensor` owns its bytes
  Tensor tensor;             ///< constants, and values outside the arena
  bool isPlanned() const { return memory != nullptr; }
  size_t bytes() const { return static_cast<size_t>(type.numBytes()); }
};

struct Step {
  static constexpr unsigned None = ~0u; ///< an absent operand
  enum class Kind : uint8_t {
    Fixed,    ///< fixKernel on stored operands
    Float,    ///< a float kernel on real ones
    Made,     ///< floatKernel: for these shapes only
    ToStored, ///< f32 to int8, DPU_ROUND
    ToReal,   ///< int8 to f32
    Alias,    ///< nothing: the same bytes under another name
  };
  Kind kind;
  const Op *op = nullptr;                  ///< gives the results; null: a conversion of a graph input
  std::vector<unsigned> operands, results; ///< slots
  std::vector<unsigned> lastUses;          ///< slots whose own tensors may go after this step
  std::string what;                        ///< for profiles: "conv2d int8"
  int64_t macs = 0;
  ElemType fix;          ///< ToStored, ToReal: of the stored side
  bool inserted = false; ///< a conversion no op asked for

  // Float
  const KernelEntry *kernel = nullptr;
  uint64_t constants = 0; ///< operands that never change
  std::unique_ptr<KernelState> state;
  // Made
  FloatKernelPtr floatKernel;
  bool addend = false; ///< the result's memory must hold the last operand first
  int inPlace = -1;    ///< the operand whose memory the result may have
  // Fixed
  std::unique_ptr<FixKernel> fixKernel;
  std::vector<const int8_t *> in; ///< resolved when memory is planned
  uint8_t *scratch = nullptr;
};

struct Program {
  struct Feed {
    const Value *value;
    unsigned slot;
    Form form;
  };
  struct Output {
    const Value *value;
    unsigned slot;
    Form form;
  };
  std::vector<Slot> slots;
  std::vector<Step> steps;
  std::vector<Feed> feeds;
  std::vector<Output> outputs;
  std::unique_ptr<uint8_t, void (*)(void *)> arena{nullptr, free}; ///< 64-byte aligned
  size_t arenaBytes = 0;
};

/// Everything that can be decided before the first run. Errors: every op that cannot be executed.
Result<Program> planProgram(const Graph &g, const ExecOptions &options, DiagEngine &diags);

/// Lays slots of static size and the scratch of fixed kernels into one arena; with an observer that may keep what it
/// sees only those that have to be there. Error: there is not so much memory.
Status placeInArena(Program &program, const ExecOptions &options, DiagEngine &diags);

} // namespace dpuopt::exec
#endif

//===- Arena.cpp - where values are during a run -------------------------------------------===//
#include "MemoryPlan.h"
#include "Steps.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {

/// First and last step of every slot; slots nobody touches keep first > last.
struct Range {
  unsigned first = ~0u, last = 0;
  void touch(unsigned step) { first = std::min(first, step), last = std::max(last, step); }
};

std::vector<Range> rangesOf(const Program &program) {
  std::vector<Range> ranges(program.slots.size());
  auto touch = [&](llvm::ArrayRef<unsigned> slots, unsigned step) {
    for (unsigned s : slots)
      if (s != Step::None)
        ranges[s].touch(step);
  };
  // Step 0 is the feeding of inputs, the one after the last the reading of outputs.
  for (const Program::Feed &f : program.feeds)
    ranges[f.slot].touch(0);
  for (unsigned i = 0; i < program.steps.size(); ++i)
    touch(program.steps[i].operands, i + 1), touch(program.steps[i].results, i + 1);
  for (const Program::Output &o : program.outputs)
    ranges[o.slot].touch(static_cast<unsigned>(program.steps.size()) + 1);
  return ranges;
}

/// What one run needs at most; more is a mistake, surely.
constexpr size_t MaxArena = size_t(1) << 36;

bool wantsMemory(const Slot &slot, const Range &range, bool observed) {
  if (slot.constant || slot.given || range.first > range.last || !slot.type.isStatic() || slot.type.numBytes() <= 0)
    return false;
  return slot.type.isFix() || (!observed && slot.type.numBytes() < int64_t(1) << 34);
}

/// Lets results take the memory of operands that nobody reads any more. `ranges` become those of memories.
void shareMemory(Program &program, std::vector<Range> &ranges, bool observed) {
  std::vector<Slot> &slots = program.slots;
  auto join = [&](unsigned from, unsigned to) {
    if (ranges[from].first <= ranges[from].last)
      ranges[to].touch(ranges[from].first), ranges[to].touch(ranges[from].last);
  };
  for (unsigned s = 0; s < slots.size(); ++s)
    if (slots[s].base != s)
      join(s, slots[s].base);
  for (unsigned i = 0; i < program.steps.size(); ++i) {
    const Step &step = program.steps[i];
    if (step.inPlace < 0)
      continue;
    unsigned from = slots[step.operands[static_cast<size_t>(step.inPlace)]].base, to = step.results[0];
    auto sharing = llvm::count_if(step.operands, [&](unsigned s) { return slots[s].base == from; });
    if (sharing != 1 || ranges[from].last != i + 1 || !wantsMemory(slots[from], ranges[from], observed) ||
        slots[from].bytes() != slots[to].bytes())
      continue;
    for (Slot &slot : slots)
      if (slot.base == to)
        slot.base = from;
    join(to, from);
  }
}

void findLastUses(Program &program, llvm::ArrayRef<Range> ranges) {
  for (unsigned s = 0; s < program.slots.size(); ++s)
    if (unsigned last = ranges[s].last; !program.slots[s].constant && last > 0 && last <= program.steps.size())
      program.steps[last - 1].lastUses.push_back(s);
}

void resolve(Program &program) {
  for (Step &step : program.steps)
    for (unsigned s : step.operands) {
      const uint8_t *bytes = s == Step::None ? nullptr : program.slots[s].memory;
      if (s != Step::None && program.slots[s].constant)
        bytes = program.slots[s].tensor.storage().bytes().data();
      step.in.push_back(reinterpret_cast<const int8_t *>(bytes));
    }
}

} // namespace

Status exec::placeInArena(Program &program, const ExecOptions &options, DiagEngine &diags) {
  bool observed = options.observer && !options.observerTakesAnyOrder;
  std::vector<Range> ranges = rangesOf(program);
  findLastUses(program, ranges);
  shareMemory(program, ranges, observed);
  std::vector<Lifetime> lifetimes;
  std::vector<uint8_t **> owners;
  for (unsigned s = 0; s < program.slots.size(); ++s)
    if (Slot &slot = program.slots[s]; slot.base == s && wantsMemory(slot, ranges[s], observed)) {
      lifetimes.push_back({slot.bytes(), ranges[s].first, ranges[s].last});
      owners.push_back(&slot.memory);
    }
  for (unsigned i = 0; i < program.steps.size(); ++i)
    if (Step &step = program.steps[i]; step.fixKernel)
      if (size_t bytes = step.fixKernel->scratchBytes(options.threads)) {
        lifetimes.push_back({bytes, i + 1, i + 1});
        owners.push_back(&step.scratch);
      }
  MemoryPlan plan = planMemory(lifetimes);
  if (plan.bytes) {
    if (plan.bytes <= MaxArena)
      program.arena.reset(static_cast<uint8_t *>(std::aligned_alloc(MemoryPlan::Alignment, plan.bytes)));
    if (!program.arena)
      return diags.error(fmt::format("cannot execute: its tensors need {} MB at the same time", plan.bytes >> 20));
  }
  program.arenaBytes = plan.bytes;
  for (size_t i = 0; i < owners.size(); ++i)
    *owners[i] = program.arena.get() + plan.offsets[i];
  for (Slot &slot : program.slots)
    slot.memory = program.slots[slot.base].memory;
  resolve(program);
  return success();
}

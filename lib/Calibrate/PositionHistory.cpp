//===- PositionHistory.cpp - DiffS over samples ----------------------------------------===//
#include "dpuopt/Calibrate/PositionHistory.h"
#include <cmath>

using namespace dpuopt;

std::optional<int> PositionHistory::mode(size_t slot) const {
  auto most = std::max_element(counts[slot].begin(), counts[slot].end(),
                               [](const Count &a, const Count &b) { return a.second < b.second; });
  return most == counts[slot].end() ? std::nullopt : std::optional<int>(most->first);
}

int PositionHistory::modeWith(size_t slot, int with) const {
  Count best{static_cast<int16_t>(with), 1};
  for (const Count &c : counts[slot])
    if (c.first == with)
      best.second = c.second + 1;
  for (const Count &c : counts[slot])
    if (c.second > best.second || (c.second == best.second && c.first < best.first))
      best = c;
  return best.first;
}

bool PositionHistory::agrees(const SamplePositions &sample) const {
  for (size_t slot = 0; slot < counts.size(); ++slot)
    if (sample.found[slot] != SamplePositions::None && modeWith(slot, sample.found[slot]) != sample.used[slot])
      return false;
  return true;
}

void PositionHistory::add(const SamplePositions &sample) {
  for (size_t slot = 0; slot < counts.size(); ++slot) {
    if (sample.found[slot] == SamplePositions::None)
      continue;
    auto at = llvm::lower_bound(counts[slot], Count(sample.found[slot], 0));
    if (at == counts[slot].end() || at->first != sample.found[slot])
      at = counts[slot].insert(at, {sample.found[slot], 0});
    ++at->second;
  }
}

DiffsVisitor::DiffsVisitor(const Quantization &q, const FlowGraph &flow, PositionHistory history, int searchRange)
    : q(q), flow(flow), history(std::move(history)), searchRange(searchRange) {
  positions.found.assign(q.activations.size(), SamplePositions::None);
  positions.used = positions.found;
  positions.extreme.assign(q.activations.size(), -1);
}

void DiffsVisitor::feed(unsigned k, const Value &input, Tensor &t) { observe(k, input, t); }

void DiffsVisitor::observe(unsigned, const Value &v, Tensor &t) {
  const int slot = flow.prepare(v, t);
  if (slot < 0)
    return;
  const Quantization::Activation &a = q.activations[static_cast<size_t>(slot)];
  llvm::MutableArrayRef<float> x = t.mut<float>();
  std::span<float> all(x.data(), x.size());
  const FloatRange range = rangeOf(all);
  if (!positions.nonFinite && !range.finite)
    positions.nonFinite = a.value;
  const auto s = static_cast<size_t>(slot);
  positions.extreme[s] = std::max(std::fabs(range.min), std::fabs(range.max));
  const int found = diffsFixPoint(all, range, q.bits(), a.isInput() ? InputSearchRange : searchRange, a.rounding());
  const int used = history.modeWith(s, found);
  fakeQuantize(all, {q.bits(), used}, a.rounding());
  positions.found[s] = static_cast<int16_t>(found), positions.used[s] = static_cast<int16_t>(used);
}

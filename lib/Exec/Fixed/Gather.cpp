//===- Gather.cpp - a tensor made of bytes of another one -------------------------------===//
#include "Gather.h"
#include "Geometry.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cstring>

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::kernels;

llvm::SmallVector<int64_t, 6> exec::denseSteps(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t, 6> steps(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    steps[i - 1] = steps[i] * shape[i];
  return steps;
}

/// Neighbouring axes that are one run of equal steps become one; axes of one element vanish.
static void merge(Gather &g) {
  llvm::SmallVector<GatherAxis, 8> merged;
  for (GatherAxis &a : g.axes) {
    if (a.count == 1 && a.at.empty())
      continue;
    GatherAxis *last = merged.empty() ? nullptr : &merged.back();
    if (last && last->at.empty() && a.at.empty() && last->step == a.step * a.count)
      last->count *= a.count, last->step = a.step;
    else
      merged.push_back(std::move(a));
  }
  if (merged.empty() || (!merged.back().at.empty()))
    merged.push_back({1, 1, {}});
  g.axes = std::move(merged);
}

/// Is every offset inside [0, size), and do the axes have as many elements as the result?
static bool isInside(const Gather &g, int64_t size, int64_t elements) {
  int64_t low = g.base, high = g.base, count = 1;
  for (const GatherAxis &a : g.axes) {
    if (a.count < 1 || std::abs(a.step) > MaxFixElements || __builtin_mul_overflow(count, a.count, &count) ||
        count > elements)
      return false;
    int64_t last = a.step * (a.count - 1);
    if (!a.at.empty()) {
      if (a.at.size() != size_t(a.count) || *std::min_element(a.at.begin(), a.at.end()) < -1)
        return false;
      last = std::min(*std::max_element(a.at.begin(), a.at.end()), MaxFixElements);
    }
    low += std::min<int64_t>(last, 0), high += std::max<int64_t>(last, 0);
  }
  return low >= 0 && high < size && count == elements;
}

namespace {
class GatherKernel final : public FixKernel {
public:
  explicit GatherKernel(Gather gather) : g(std::move(gather)), plain(isIdentity(g.table)) {
    for (size_t i = 0; i + 1 < g.axes.size(); ++i)
      rows *= size_t(g.axes[i].count);
    rowBytes = size_t(g.axes.back().count);
    perUnit = std::max<size_t>(1, 16384 / rowBytes);
  }

  void run(const FixRun &run) const override {
    run.team.run((rows + perUnit - 1) / perUnit, [&](size_t unit, unsigned) {
      for (size_t row = unit * perUnit, end = std::min(rows, row + perUnit); row < end; ++row)
        copyRow(run.in[0], offsetOf(row), run.out + row * rowBytes);
    });
  }

private:
  /// Where a row begins in the source; -1: it is all fill.
  int64_t offsetOf(size_t row) const {
    int64_t offset = g.base;
    for (size_t i = g.axes.size() - 1; i-- > 0;) {
      const GatherAxis &a = g.axes[i];
      size_t k = row % size_t(a.count);
      row /= size_t(a.count);
      if (!a.at.empty() && a.at[k] < 0)
        return -1;
      offset += a.at.empty() ? int64_t(k) * a.step : a.at[k];
    }
    return offset;
  }

  void copyRow(const int8_t *in, int64_t offset, int8_t *out) const {
    if (offset < 0) {
      std::memset(out, g.fill, rowBytes);
      return;
    }
    int64_t step = g.axes.back().step;
    in += offset;
    if (step == 1 && plain)
      std::memcpy(out, in, rowBytes);
    else if (step == 1)
      mapBytes(in, out, rowBytes, g.table);
    else
      for (size_t i = 0; i < rowBytes; ++i, in += step)
        out[i] = g.table[size_t(*in + 128)];
  }

  Gather g;
  bool plain;
  size_t rows = 1, rowBytes = 1, perUnit = 1;
};
} // namespace

FixResult exec::makeGather(const FixRequest &request, Gather gather) {
  if (!isInside(gather, request.operands[0].type.numElements(), request.result.numElements()))
    return refuse(request, "operand " + request.operands[0].type.str() + " and its attributes do not give " +
                               request.result.str());
  merge(gather);
  return std::unique_ptr<FixKernel>(std::make_unique<GatherKernel>(std::move(gather)));
}

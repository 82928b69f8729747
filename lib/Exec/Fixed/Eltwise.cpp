//===- Eltwise.cpp - sums and products of tensors ------------------------------------------===//
//
// With m the smallest fix point of the operands:
//   ADD, SUB, MAX, MIN  t = op over floor(4 x_k / 2^(fp_k - m)) / 4 / 2^(m - fp_o): two guard bits, operands truncated
//   MUL                 t = product of x_k / 2^(sum of fp_k - fp_o), exact
// then the activation and one DPU_ROUND. depthwise-fix does not truncate. The quantized form truncates nothing either:
// there the guard bits are as many as the largest difference of fix points, and the float sum must be exact.
//
//===----------------------------------------------------------------------===//
#include "Activations.h"
#include "Gather.h"
#include "Geometry.h"
#include <cmath>
#include <cstring>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::kernels;

namespace {

enum class Fold { Add, Sub, Max, Min, Mul };

/// Rows of a result, and where each operand's row begins: numpy broadcasting, neighbouring axes merged.
struct Rows {
  llvm::SmallVector<int64_t, 6> outer;                       ///< all axes but the last
  llvm::SmallVector<llvm::SmallVector<int64_t, 6>, 4> steps; ///< by operand, of `outer`
  llvm::SmallVector<bool, 4> repeats;                        ///< the operand has one element per row
  int64_t length = 1, count = 1;
};

} // namespace

/// Steps of an operand along the result's axes (0: repeated); nullopt if it does not broadcast to it.
static std::optional<llvm::SmallVector<int64_t, 6>> broadcastSteps(llvm::ArrayRef<int64_t> from,
                                                                   llvm::ArrayRef<int64_t> to) {
  if (from.size() > to.size())
    return std::nullopt;
  auto dense = denseSteps(from);
  llvm::SmallVector<int64_t, 6> steps(to.size(), 0);
  for (size_t i = 0, lead = to.size() - from.size(); i < from.size(); ++i) {
    if (from[i] != to[i + lead] && from[i] != 1)
      return std::nullopt;
    steps[i + lead] = from[i] == 1 ? 0 : dense[i];
  }
  return steps;
}

static Result<Rows> rowsOf(const FixRequest &r) {
  Rows rows;
  llvm::SmallVector<int64_t, 6> dims;
  llvm::SmallVector<llvm::SmallVector<int64_t, 6>, 4> all, merged(r.operands.size());
  for (const FixOperand &o : r.operands) {
    auto steps = broadcastSteps(o.type.shape(), r.result.shape());
    if (!steps)
      return refuse(r, fmt::format("operand {} does not broadcast to {}", o.type.str(), r.result.str()));
    all.push_back(*steps);
  }
  for (size_t i = 0; i < r.result.rank(); ++i) {
    int64_t n = r.result.dim(i);
    if (n == 1)
      continue;
    bool joins = !dims.empty();
    for (size_t k = 0; k < all.size() && joins; ++k)
      joins = merged[k].back() == all[k][i] * n;
    for (size_t k = 0; k < all.size(); ++k)
      joins ? merged[k].back() = all[k][i] : (merged[k].push_back(all[k][i]), 0);
    joins ? dims.back() *= n : (dims.push_back(n), 0);
  }
  if (!dims.empty()) {
    rows.length = dims.back();
    rows.outer.assign(dims.begin(), dims.end() - 1);
  }
  for (auto &steps : merged) {
    rows.repeats.push_back(!steps.empty() && steps.back() == 0);
    rows.steps.emplace_back(steps.begin(), steps.empty() ? steps.end() : steps.end() - 1);
  }
  for (int64_t n : rows.outer)
    rows.count *= n;
  return rows;
}

namespace {

class EltwiseKernel final : public FixKernel {
public:
  EltwiseKernel(Rows rows, Fold fold, std::vector<int> shifts, int guard, Requant finish, std::vector<int8_t> tabulated)
      : rows(std::move(rows)), fold(fold), shifts(std::move(shifts)), guard(guard), finish(std::move(finish)),
        tabulated(std::move(tabulated)) {
    using A = Requant::Activation;
    low = this->finish.activation == A::Relu || this->finish.activation == A::Clip ? 0 : -128;
    high = this->finish.activation == A::Clip ? this->finish.cap : 127;
    simple = this->finish.activation != A::Leaky && !this->finish.table && this->tabulated.empty();
    // Rows of one element per operand are filled up first; long ones are cut for the team.
    chunk = std::min<int64_t>(this->rows.length, MaxChunk);
    chunks = (this->rows.length + chunk - 1) / chunk;
    perUnit = std::max<int64_t>(1, MaxChunk / chunk);
  }

  size_t scratchBytes(unsigned threads) const override { return size_t(threads) * shifts.size() * MaxChunk; }

  void run(const FixRun &run) const override {
    int64_t pieces = rows.count * chunks;
    run.team.run(size_t((pieces + perUnit - 1) / perUnit), [&](size_t unit, unsigned member) {
      int8_t *scratch = reinterpret_cast<int8_t *>(run.scratch) + size_t(member) * shifts.size() * MaxChunk;
      for (int64_t p = int64_t(unit) * perUnit, end = std::min(pieces, p + perUnit); p < end; ++p)
        piece(run, p / chunks, p % chunks * chunk, scratch);
    });
  }

private:
  static constexpr int64_t MaxChunk = 8192;

  /// Elements [at, at + chunk) of one row.
  void piece(const FixRun &run, int64_t row, int64_t at, int8_t *scratch) const {
    size_t n = size_t(std::min(chunk, rows.length - at));
    llvm::SmallVector<const int8_t *, 8> in;
    for (size_t k = 0; k < shifts.size(); ++k) {
      const int8_t *from = run.in[k] + offsetOf(k, row);
      if (rows.repeats[k]) {
        int8_t *filled = scratch + k * size_t(MaxChunk);
        std::memset(filled, *from, n);
        in.push_back(filled);
      } else {
        in.push_back(from + at);
      }
    }
    compute(in, run.out + row * rows.length + at, n);
  }

  int64_t offsetOf(size_t operand, int64_t row) const {
    int64_t offset = 0;
    for (size_t i = rows.outer.size(); i-- > 0; row /= rows.outer[i])
      offset += row % rows.outer[i] * rows.steps[operand][i];
    return offset;
  }

  void compute(llvm::ArrayRef<const int8_t *> in, int8_t *out, size_t n) const {
    if (simple && fold == Fold::Add) {
      llvm::SmallVector<Addend, 8> addends;
      for (size_t k = 0; k < in.size(); ++k)
        addends.push_back({in[k], shifts[k]});
      addShifted(addends, out, n, {guard, finish.cut - guard, low, high});
    } else if (simple && fold == Fold::Mul && in.size() == 2) {
      multiplyShifted(in[0], in[1], out, n, {finish.cut, low, high});
    } else if (tabulated.empty()) {
      for (size_t i = 0; i < n; ++i)
        out[i] = finish.apply(folded(in, i), 0);
    } else {
      for (size_t i = 0; i < n; ++i)
        out[i] = tabulated[size_t(folded(in, i) + int64_t(tabulated.size() / 2))];
    }
  }

  int64_t operand(llvm::ArrayRef<const int8_t *> in, size_t k, size_t i) const {
    return fold == Fold::Mul ? in[k][i] : in[k][i] * (int64_t(1) << guard) >> shifts[k];
  }

  int64_t folded(llvm::ArrayRef<const int8_t *> in, size_t i) const {
    int64_t t = operand(in, 0, i);
    for (size_t k = 1; k < in.size(); ++k) {
      int64_t v = operand(in, k, i);
      t = fold == Fold::Add   ? t + v
          : fold == Fold::Sub ? t - v
          : fold == Fold::Max ? std::max(t, v)
          : fold == Fold::Min ? std::min(t, v)
                              : t * v;
    }
    return t;
  }

  Rows rows;
  Fold fold;
  std::vector<int> shifts;
  int guard;
  Requant finish;                ///< of what folded() gives: guard 0
  std::vector<int8_t> tabulated; ///< if not empty, instead: the result of every number from -size / 2 on
  int low, high;
  bool simple;
  int64_t chunk, chunks, perUnit;
};

} // namespace

/// What float kernels make of every sum (or product) in [-bound, bound], in units of 2^-fixPoint, which they hold
/// exactly.
static Result<std::vector<int8_t>> tabulate(const FixRequest &r, int64_t bound, int fixPoint) {
  constexpr int64_t MaxBound = 1 << 20;
  std::vector<float> x;
  for (int64_t t = -bound; bound <= MaxBound && t <= bound; ++t)
    x.push_back(std::ldexp(float(t), -fixPoint));
  return x.empty() ? Result<std::vector<int8_t>>(failure()) : throughFloats(r, std::move(x), {r.activation});
}

/// May float arithmetic be trusted with it? Its partial results are exact while they fit 24 bits.
static bool isExactInFloat(Fold fold, size_t operands, int largestShift) {
  if (fold == Fold::Max || fold == Fold::Min)
    return true;
  if (fold == Fold::Mul)
    return operands <= 3;
  return largestShift <= 16 && (int64_t(operands) * 128 << largestShift) <= 1 << 24;
}

static FixResult eltwise(const FixRequest &r, Fold fold, bool truncates) {
  size_t n = r.operands.size();
  if (n > 8)
    return refuse(r, fmt::format("it has {} operands; at most 8 can be", n));
  for (unsigned i = 0; i < n; ++i)
    if (!r.has(i))
      return refuse(r, fmt::format("operand {} is missing or has no fix point", i));
  auto rows = rowsOf(r);
  if (!rows)
    return failure();
  int smallest = r.fixPoint(0), sum = 0, largest = 0;
  for (unsigned i = 0; i < n; ++i)
    smallest = std::min(smallest, r.fixPoint(i)), sum += r.fixPoint(i);
  std::vector<int> shifts;
  for (unsigned i = 0; i < n; ++i)
    shifts.push_back(std::min(r.fixPoint(i) - smallest, 62)), largest = std::max(largest, shifts.back());
  int guard = fold == Fold::Mul ? 0 : truncates ? 2 : largest;
  if (guard > 40)
    return refuse(r, fmt::format("the fix points of its operands are {} apart, at most 40 can be", guard));
  if (!r.compiled && !isExactInFloat(fold, n, largest))
    return failure();
  int sumFixPoint = fold == Fold::Mul ? sum : smallest;
  Requant finish;
  finish.guard = 0, finish.cut = std::clamp(sumFixPoint - r.resultFixPoint(), -62, 62);
  int64_t bound = fold == Fold::Mul ? int64_t(1) << 7 * std::min<size_t>(n, 8) : int64_t(n) * 128 << guard;
  finish.cut += guard; // of the sum in its own unit: what the activation sees
  std::vector<int8_t> tabulated;
  if (failed(setActivation(r, finish, sumFixPoint, bound))) {
    auto table = r.compiled ? failure() : tabulate(r, bound, sumFixPoint + guard);
    if (!table)
      return failure();
    tabulated = std::move(*table);
  }
  if (finish.table) // it set the cut for a sum without guard bits
    finish.cut += guard;
  return std::unique_ptr<FixKernel>(std::make_unique<EltwiseKernel>(std::move(*rows), fold, std::move(shifts), guard,
                                                                    std::move(finish), std::move(tabulated)));
}

//===- Which one ------------------------------------------------------------------------===//

static FixResult byType(const FixRequest &r, llvm::StringRef dflt, bool truncates) {
  auto type = choiceOf(r.op, "type", {"ADD", "SUB", "MAX", "MIN", "MUL"}, dflt);
  if (!type)
    return refuse(r, "its type is not one of ADD, SUB, MAX, MIN, MUL");
  return eltwise(r, Fold(*type), truncates);
}
static FixResult makeEltwise(const FixRequest &r) { return byType(r, "ADD", true); }
static FixResult makeDepthwise(const FixRequest &r) { return byType(r, "MUL", false); }

/// Of two stored tensors, or of one and of constants that are no tensors to speak of.
template <Fold F> static FixResult makeFloat(const FixRequest &r) {
  for (unsigned i = 0; i < r.operands.size(); ++i)
    if (!r.has(i))
      return makeFloatTable(r);
  return eltwise(r, F, r.compiled);
}
static FixResult makeQuotient(const FixRequest &r) {
  return r.compiled ? FixResult(refuse(r, "what a DPU's division rounds to is not known")) : makeFloatTable(r);
}

llvm::ArrayRef<FixEntry> exec::eltwiseFixEntries() {
  static const FixEntry table[] = {
      {"eltwise", makeEltwise},      {"depthwise", makeDepthwise},  {"add", makeFloat<Fold::Add>},
      {"sub", makeFloat<Fold::Sub>}, {"max", makeFloat<Fold::Max>}, {"min", makeFloat<Fold::Min>},
      {"mul", makeFloat<Fold::Mul>}, {"div", makeQuotient},
  };
  return table;
}

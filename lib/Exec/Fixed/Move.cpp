//===- Move.cpp - ops that move or join elements ------------------------------------------===//
//
// The DPU moves, then changes the fix point: DPU_ROUND(x * 2^(fp_o - fp_i)). A quantized graph does the same with
// floats, exactly: a stored number is one, and so is its multiple by a power of two.
//
//===----------------------------------------------------------------------===//
#include "Activations.h"
#include "Gather.h"
#include "Geometry.h"
#include "Remap.h"
#include "Rounding.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::kernels;

/// A gather of operand 0 with the axes given.
static FixResult moved(const FixRequest &request, llvm::SmallVector<GatherAxis, 8> axes, int64_t base = 0,
                       std::optional<float> fill = std::nullopt) {
  auto table = moveTable(request, 0);
  if (!table)
    return failure();
  Gather gather{base, std::move(axes), *table, 0};
  if (fill && request.compiled)
    gather.fill = (*table)[size_t(*fill + 128)];
  if (fill && !request.compiled) {
    auto bytes = throughFloats(request, {*fill}, {request.activation});
    if (!bytes)
      return failure();
    gather.fill = (*bytes)[0];
  }
  return makeGather(request, std::move(gather));
}

//===- The same elements in the same order ----------------------------------------------===//

static FixResult makeCopy(const FixRequest &request) {
  if (request.kind == "fix" && roundModeOf(request.op) != RoundMode::HalfUp)
    return refuse(request, "rounds in another way than DPU_ROUND");
  return moved(request, {{request.operands[0].type.numElements(), 1, {}}});
}

//===- Concat ---------------------------------------------------------------------------===//

namespace {
class ConcatKernel final : public FixKernel {
public:
  struct Part {
    size_t bytes, at; ///< of one row
    ByteTable table;
    bool plain;
  };
  ConcatKernel(std::vector<Part> parts, size_t rows) : parts(std::move(parts)), rows(rows) {
    for (const Part &p : this->parts)
      rowBytes += p.bytes;
    perUnit = std::max<size_t>(1, 65536 / rowBytes);
  }
  void run(const FixRun &run) const override {
    size_t units = (rows + perUnit - 1) / perUnit;
    run.team.run(units * parts.size(), [&](size_t unit, unsigned) {
      const Part &p = parts[unit / units];
      size_t row = unit % units * perUnit;
      copyRows(run.in[unit / units] + row * p.bytes, run.out + row * rowBytes + p.at,
               {std::min(perUnit, rows - row), p.bytes, ptrdiff_t(p.bytes), ptrdiff_t(rowBytes)},
               p.plain ? nullptr : &p.table);
    });
  }

private:
  std::vector<Part> parts;
  size_t rows, rowBytes = 0, perUnit = 1;
};
} // namespace

/// Attribute `axis` of a tensor of that rank, from the front.
static Result<size_t> axisOf(const FixRequest &request, size_t rank) {
  int64_t axis = request.op.getInt("axis", -1);
  axis += axis < 0 ? int64_t(rank) : 0;
  if (axis < 0 || axis >= int64_t(rank))
    return refuse(request, fmt::format("attribute axis is out of range for rank {}", rank));
  return size_t(axis);
}

static FixResult makeConcat(const FixRequest &request) {
  const Type &y = request.result;
  auto axis = axisOf(request, y.rank());
  if (!axis)
    return failure();
  std::vector<ConcatKernel::Part> parts;
  Shape joined(y.shape().begin(), y.shape().end());
  joined[*axis] = 0;
  size_t rows = 1, at = 0;
  for (size_t i = 0; i < *axis; ++i)
    rows *= size_t(y.dim(i));
  for (unsigned i = 0; i < request.operands.size(); ++i) {
    const Type &x = request.operands[i].type;
    Shape expected = joined;
    if (request.has(i) && x.rank() == y.rank())
      expected[*axis] = x.dim(*axis);
    if (!request.has(i) || x.shape() != llvm::makeArrayRef(expected))
      return refuse(request, fmt::format("operand {} is {}, which is no part of {}", i, x.str(), y.str()));
    auto table = moveTable(request, i);
    if (!table)
      return failure();
    size_t bytes = size_t(x.numElements()) / rows;
    parts.push_back({bytes, at, *table, isIdentity(*table)});
    joined[*axis] += x.dim(*axis), at += bytes;
    if (joined[*axis] > y.dim(*axis))
      break;
  }
  if (y.shape() != llvm::makeArrayRef(joined))
    return refuse(request, fmt::format("its operands do not make up {}", y.str()));
  return std::unique_ptr<FixKernel>(std::make_unique<ConcatKernel>(std::move(parts), rows));
}

//===- Slices, pads, transpositions -----------------------------------------------------===//

/// strided_slice: bit i of begin_mask / end_mask opens that end of axis i.
static FixResult makeSlice(const FixRequest &request) {
  llvm::ArrayRef<int64_t> shape = request.operands[0].type.shape();
  std::vector<int64_t> begin = request.op.getInts("begin"), end = request.op.getInts("end");
  std::vector<int64_t> strides = request.op.getInts("strides", std::vector<int64_t>(begin.size(), 1));
  if (begin.size() != end.size() || begin.size() != strides.size() || begin.size() > shape.size() ||
      request.result.rank() != shape.size() || llvm::is_contained(strides, 0))
    return refuse(request, "begin, end and strides must have one entry per axis, strides other than 0");
  int64_t beginMask = request.op.getInt("begin_mask"), endMask = request.op.getInt("end_mask"), base = 0;
  auto steps = denseSteps(shape);
  llvm::SmallVector<GatherAxis, 8> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t n = shape[i], first = 0, last = n, step = 1;
    if (i < begin.size()) {
      step = std::clamp<int64_t>(strides[i], -n, n); // more steps over everything anyway
      first = beginMask >> i & 1 ? (step > 0 ? 0 : n - 1) : begin[i];
      last = endMask >> i & 1 ? (step > 0 ? n : -n - 1) : end[i];
    }
    auto clamped = [&](int64_t at) {
      at += at < 0 ? n : 0;
      return step > 0 ? std::clamp<int64_t>(at, 0, n) : std::clamp<int64_t>(at, -1, n - 1);
    };
    first = clamped(first), last = clamped(last);
    int64_t count = step > 0 ? (last - first + step - 1) / step : (first - last - step - 1) / -step;
    if (count != request.result.dim(i))
      return refuse(request, fmt::format("axis {} of {} has {} elements in the slice, {} in {}", i,
                                         request.operands[0].type.str(), std::max<int64_t>(count, 0),
                                         request.result.dim(i), request.result.str()));
    base += first * steps[i];
    axes.push_back({count, step * steps[i], {}});
  }
  return moved(request, std::move(axes), base);
}

/// The fill value: stored integers of operand 0 in a compiled op, real numbers in the quantized form.
static Result<float> padValue(const FixRequest &request) {
  const Attr *a = request.op.attr("constant_values");
  std::vector<float> values;
  if (a && a->is(AttrKind::Bytes))
    for (uint8_t b : a->asBytes().bytes())
      values.push_back(int8_t(b));
  else if (a && a->isFloatList())
    values = a->asFloats();
  else if (a && a->isIntList())
    for (int64_t v : a->asInts())
      values.push_back(float(v));
  else if (a)
    return refuse(request, "attribute constant_values is no list of numbers");
  for (float v : values)
    if (!(v == values[0]) || (request.compiled && (v < -128 || v > 127 || v != std::floor(v))))
      return refuse(request, "attribute constant_values must be one number, for all sides");
  return values.empty() ? 0 : values[0];
}

static FixResult makePad(const FixRequest &request) {
  llvm::ArrayRef<int64_t> shape = request.operands[0].type.shape();
  std::vector<int64_t> pads = request.op.getInts("paddings");
  auto mode = choiceOf(request.op, "mode", {"CONSTANT", "REFLECT", "SYMMETRIC"}, "CONSTANT");
  if (!mode || pads.size() != 2 * shape.size() || request.result.rank() != shape.size())
    return refuse(request,
                  fmt::format("needs {} paddings and the mode CONSTANT, REFLECT or SYMMETRIC", 2 * shape.size()));
  auto fill = padValue(request);
  if (!fill)
    return failure();
  static constexpr const char *names[] = {"constant", "reflect", "symmetric"};
  auto steps = denseSteps(shape);
  llvm::SmallVector<GatherAxis, 8> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t n = request.result.dim(i), before = pads[2 * i], after = pads[2 * i + 1];
    if (std::abs(before) > MaxFixElements || std::abs(after) > MaxFixElements || shape[i] + before + after != n ||
        (n > MaxGatherMap && (before || after)))
      return refuse(request, fmt::format("pads {} and {} of axis {} do not make {} from {}", before, after, i,
                                         request.result.str(), request.operands[0].type.str()));
    GatherAxis axis{n, steps[i], {}};
    for (int64_t k = 0; (before || after) && k < n; ++k) {
      int64_t at = padSource(k - before, shape[i], names[*mode]);
      axis.at.push_back(at < 0 ? -1 : at * steps[i]);
    }
    axes.push_back(std::move(axis));
  }
  return moved(request, std::move(axes), 0, *fill);
}

static FixResult makeTranspose(const FixRequest &request) {
  llvm::ArrayRef<int64_t> shape = request.operands[0].type.shape();
  std::vector<int64_t> order = request.op.getInts("order");
  auto steps = denseSteps(shape);
  llvm::SmallVector<GatherAxis, 8> axes;
  std::vector<bool> seen(shape.size(), false);
  for (size_t i = 0; i < order.size() && order.size() == shape.size(); ++i) {
    int64_t a = order[i] + (order[i] < 0 ? int64_t(shape.size()) : 0);
    if (a < 0 || a >= int64_t(shape.size()) || seen[a] || request.result.rank() != shape.size() ||
        request.result.dim(i) != shape[a])
      break;
    seen[a] = true;
    axes.push_back({shape[a], steps[a], {}});
  }
  if (axes.size() != shape.size())
    return refuse(request, fmt::format("order {} does not turn {} into {}", shapeStr(order),
                                       request.operands[0].type.str(), request.result.str()));
  return moved(request, std::move(axes));
}

//===- Blocks of pixels to channels, and back -------------------------------------------===//

namespace {
enum class Blocks {
  ToChannels, ///< an s x s block of pixels becomes channels
  ToPixels,   ///< and back
};
} // namespace

/// `grouped`: channel = c * s * s + position (pixel shuffle), else position * C + c (reorg, tile).
static FixResult rearranged(const FixRequest &request, int64_t s, Blocks blocks, bool grouped) {
  const Type &x = request.operands[0].type, &y = request.result;
  const Type &pixels = blocks == Blocks::ToPixels ? y : x, &channels = blocks == Blocks::ToPixels ? x : y;
  bool fits = x.rank() == 4 && y.rank() == 4 && s >= 1 && s <= 1 << 12 && x.dim(0) == y.dim(0) &&
              pixels.dim(1) == channels.dim(1) * s && pixels.dim(2) == channels.dim(2) * s &&
              channels.dim(3) == pixels.dim(3) * s * s;
  if (!fits)
    return refuse(request, fmt::format("blocks of {} x {} do not make {} from {}", s, s, y.str(), x.str()));
  int64_t n = x.dim(0), h = channels.dim(1), w = channels.dim(2), c = pixels.dim(3);
  if (blocks == Blocks::ToPixels) { // the source's channels are [position][c] or [c][position]
    int64_t position = grouped ? 1 : c, channel = grouped ? s * s : 1, pixel = s * s * c;
    return moved(request, {{n, h * w * pixel, {}},
                           {h, w * pixel, {}},
                           {s, s * position, {}},
                           {w, pixel, {}},
                           {s, position, {}},
                           {c, channel, {}}});
  }
  int64_t row = w * s * c;
  GatherAxis dy{s, row, {}}, dx{s, c, {}}, channel{c, 1, {}};
  llvm::SmallVector<GatherAxis, 8> axes{{n, h * s * row, {}}, {h, s * row, {}}, {w, s * c, {}}};
  if (grouped)
    axes.append({channel, dy, dx});
  else
    axes.append({dy, dx, channel});
  return moved(request, std::move(axes));
}

static FixResult makeTile(const FixRequest &request) {
  return rearranged(request, request.op.getInt("stride"),
                    request.op.getBool("reverse") ? Blocks::ToPixels : Blocks::ToChannels, false);
}
static FixResult makeReorg(const FixRequest &request) {
  return rearranged(request, request.op.getInt("scale"),
                    request.op.getBool("reverse") ? Blocks::ToPixels : Blocks::ToChannels, false);
}
/// The shapes say the direction (`upscale` before compilation, `reverse` after it).
static FixResult makePixelShuffle(const FixRequest &request) {
  bool up = request.result.rank() == 4 && request.operands[0].type.rank() == 4 &&
            request.result.dim(1) > request.operands[0].type.dim(1);
  return rearranged(request, request.op.getInt("scale"), up ? Blocks::ToPixels : Blocks::ToChannels, true);
}

llvm::ArrayRef<FixEntry> exec::moveFixEntries() {
  static const FixEntry table[] = {
      {"concat", makeConcat},
      {"strided_slice", makeSlice},
      {"pad", makePad},
      {"transpose", makeTranspose},
      {"permute", makeTranspose},
      {"tile", makeTile},
      {"gstiling", makeTile},
      {"reorg", makeReorg},
      {"pixel-shuffle", makePixelShuffle},
      {"reshape", makeCopy},
      {"flatten", makeCopy},
      {"squeeze", makeCopy},
      {"upload", makeCopy},
      {"download", makeCopy},
      {"identity", makeCopy},
      {"placeholder", makeCopy},
      {"fix", makeCopy},
  };
  return table;
}

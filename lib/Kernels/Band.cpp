//===- Band.cpp - the part of the input that some output pixels need ---------------------===//
#include "Band.h"
#include <algorithm>
#include <cstring>

using namespace dpuopt::kernels;

/// Loops read whole vectors.
static constexpr size_t Slack = 256;

Band::Band(const Axis &ys, const Axis &xs, int64_t channels, const KernelTable &kernels)
    : ys(ys), xs(xs), channels(channels), pixelBytes(channels * kernels.elementBytes),
      stepY(ys.taps == 1 ? 1 : ys.stride), stepX(xs.taps == 1 ? 1 : xs.stride), kernels(kernels) {}

size_t Band::bytes(int64_t rows, int64_t columns) const {
  return size_t(height(rows) * width(columns) * pixelBytes) + Slack;
}

/// Input columns x, x + step, ... of a row: padding, pixels, padding.
void Band::fillRow(const int8_t *row, int64_t x, int64_t columns, int64_t pixel, uint8_t *to) const {
  int64_t step = xs.taps == 1 ? xs.stride : 1;
  int64_t before = std::clamp<int64_t>(x < 0 ? (-x + step - 1) / step : 0, 0, columns);
  int64_t inside = x + before * step >= xs.in ? 0 : (xs.in - 1 - x - before * step) / step + 1;
  inside = std::min(inside, columns - before);
  std::memset(to, kernels.zero, size_t(before * pixelBytes));
  to += before * pixelBytes;
  const int8_t *from = row + (x + before * step) * pixel;
  if (pixel == channels && step == 1)
    kernels.prepare(from, to, size_t(inside * channels));
  else
    for (int64_t i = 0; i < inside; ++i)
      kernels.prepare(from + i * step * pixel, to + i * pixelBytes, size_t(channels));
  std::memset(to + inside * pixelBytes, kernels.zero, size_t((columns - before - inside) * pixelBytes));
}

void Band::fill(const Rect &r, const int8_t *image, int64_t pixel, uint8_t *to) const {
  int64_t columns = width(r.columns), step = ys.taps == 1 ? ys.stride : 1;
  int64_t x = r.x * xs.stride - xs.pad, y = r.y * ys.stride - ys.pad;
  for (int64_t i = 0, rows = height(r.rows); i < rows; ++i, y += step, to += columns * pixelBytes)
    if (y < 0 || y >= ys.in)
      std::memset(to, kernels.zero, size_t(columns * pixelBytes));
    else
      fillRow(image + y * xs.in * pixel, x, columns, pixel, to);
  // A step of 4 bytes may go beyond the last run. Its weights are 0 there; the bytes are to be defined all the same.
  std::memset(to, kernels.zero, 4);
}

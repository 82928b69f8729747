//===- Band.h - the part of the input that some output pixels need -----------------------===//
//
// A rectangle of results reads a rectangle of the input. It is copied into a thread's
// scratch once, in the form the ISA multiplies, with its padding: the loops after it then
// know neither borders nor the caller's strides, and every window's rows are runs of bytes.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_BAND_H
#define DPUOPT_LIB_KERNELS_BAND_H

#include "Axis.h"
#include "Table.h"

namespace dpuopt::kernels {

/// A rectangle of results.
struct Rect {
  int64_t y, x, rows, columns;
};

class Band {
public:
  Band(const Axis &ys, const Axis &xs, int64_t channels, const KernelTable &kernels);
  /// Of a band for at most so many results, with slack for what loops read too much.
  size_t bytes(int64_t rows, int64_t columns) const;
  /// `image`: the first byte of a batch item; pixels are `pixel` bytes apart.
  void fill(const Rect &r, const int8_t *image, int64_t pixel, uint8_t *to) const;
  /// Where the window of result (y, x) of the rectangle begins.
  int64_t windowAt(const Rect &r, int64_t y, int64_t x) const {
    return (y * stepY * width(r.columns) + x * stepX) * pixelBytes;
  }
  /// From there to its tap (ty, tx).
  int64_t tapAt(const Rect &r, int64_t ty, int64_t tx) const {
    return (ty * ys.dilation * width(r.columns) + tx * xs.dilation) * pixelBytes;
  }
  /// Pixels in a row, and rows.
  int64_t width(int64_t columns) const { return xs.taps == 1 ? columns : xs.reach(columns); }
  int64_t height(int64_t rows) const { return ys.taps == 1 ? rows : ys.reach(rows); }

private:
  void fillRow(const int8_t *row, int64_t x, int64_t columns, int64_t pixel, uint8_t *to) const;
  Axis ys, xs;
  int64_t channels, pixelBytes;
  int64_t stepY, stepX; ///< between windows: with one tap only what is read is copied
  const KernelTable &kernels;
};

} // namespace dpuopt::kernels
#endif

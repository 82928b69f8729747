//===- Table.h - what each ISA implements ----------------------------------------------===//
//
// One table of function pointers per ISA, each filled by its own .cpp, compiled for that
// ISA alone. Only plain types here, and nothing inline: a function emitted by a file
// compiled for AVX-512 must never be the copy the linker keeps for everybody.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_TABLE_H
#define DPUOPT_LIB_KERNELS_TABLE_H

#include <cstddef>
#include <cstdint>

namespace dpuopt::kernels {

/// Floor((x + 2^(shift - 1)) / 2^shift), then into [low, high].
struct RoundClamp {
  int shift; ///< negative: multiplies
  int low, high;
};

/// A window of a pool, cut at the image's border.
struct Window {
  const int8_t *first;
  size_t rows, columns;
  ptrdiff_t rowBytes, pixelBytes;
};

/// How sums become bytes (Fold.h makes it from a Requant), in one of three ways.
struct Finish {
  /// Plain: clamp(sum >> shift). Bias and rounding are in the sum's start already. In [low, high], a result is looked
  /// up in `table` (256 entries, by y + 128) if there is one.
  int shift, low, high;
  const int8_t *table;
  /// Leaky: t = (sum << guard) + bias; ((t + half) >> shift), or for t < 0 ((max(t, floor) * slope + half) >>
  /// leakyShift).
  bool leaky;
  int guard, slope, leakyShift, floor;
};

/// Where an output pixel begins to read (in the prepared input) and to write.
struct PixelAt {
  ptrdiff_t in, out;
};

/// Some output pixels times one panel: 1 to maxVectors vectors of output channels (Microkernel.h).
struct PanelJob {
  const uint8_t *in;
  bool raw; ///< `in` is the tensor itself, not prepared
  const PixelAt *pixels;
  size_t numPixels;
  const ptrdiff_t *segments; ///< where the runs of taps begin, from a pixel's `in`
  size_t numSegments, steps; ///< dwords in a run
  size_t skip;               ///< bytes of weights between the runs
  const uint8_t *weights;
  const int32_t *start, *bias; ///< one per lane; bias: for leaky only
  int vectors, channels;       ///< channels that are there: the last panel may have fewer than lanes
  const Finish *finish;
  int8_t *out;
  int32_t *sums;       ///< not null: store the sums here, pixel after pixel, and nothing else
  const uint8_t *next; ///< what is needed after this panel: as many bytes as this one's weights; or null
};

/// A row of input pixels; one outside the image has pixels that are 0 bytes apart, all 0.
struct DepthRow {
  const int8_t *data;
  ptrdiff_t pixel;
};

/// A row of results of a depthwise convolution, for one block of channels: 4 vectors of `lanes` (DepthKernel.h).
struct DepthJob {
  int lanes;
  const DepthRow *rows; ///< the kernel's input rows, at column 0 and the block's first channel; a multiple of
                        ///< tapsPerLane of them, those too many with weights of 0
  size_t groups;        ///< of tapsPerLane rows
  ptrdiff_t firstColumn, inColumns; ///< where result 0 begins to read; columns outside [0, inColumns) are padding
  size_t kernel, stride, dilation;  ///< along x
  const uint8_t *weights;           ///< [group][tap along x][vector][lane][row of the group]
  const int32_t *start, *bias;
  int channels;
  const Finish *finish;
  int8_t *out;
  size_t count;
  ptrdiff_t outPixel;
  int32_t *sums;    ///< as in PanelJob
  uint8_t *scratch; ///< for the woven columns: groups * columns read * 16 * lanes bytes
};

struct KernelTable {
  // Convolutions. The input is prepared: unsigned x + 128 in a byte (VNNI), or 16 bits.
  bool takesRaw;          ///< PanelJob::raw is allowed
  int elementBytes, zero; ///< of a prepared element; zero is also what padding is filled with
  int lanes, maxVectors;  ///< 32-bit lanes of a vector
  void (*prepare)(const int8_t *in, uint8_t *out, size_t n);
  void (*panel)(const PanelJob &job);
  int tapsPerLane, narrowLanes; ///< depthwise: rows in a lane; lanes of a smaller vector, or 0
  void (*depth)(const DepthJob &job);

  // Elements (Loops.h). `RoundClamp::shift` is 0..30 in scaleSums, 0..13 in add16, 0..14 in multiply16.
  void (*add16)(const int8_t *a, int shiftA, const int8_t *b, int shiftB, int guard, int8_t *out, size_t n,
                RoundClamp r);
  void (*addInto)(int32_t *sums, const int8_t *in, size_t n, int guard, int shift);
  void (*multiply16)(const int8_t *a, const int8_t *b, int8_t *out, size_t n, RoundClamp r);
  void (*map)(const int8_t *in, int8_t *out, size_t n, const int8_t *table);
  void (*toFloat)(const int8_t *in, float *out, size_t n, float scale);
  void (*toInt8)(const float *in, int8_t *out, size_t n, float scale);
  void (*maxWindow)(const Window &w, int8_t *out, size_t channels);
  void (*sumWindow)(const Window &w, int32_t *out, size_t channels);
  void (*scaleSums)(const int32_t *sums, int8_t *out, size_t n, int factor, RoundClamp r);
};

extern const KernelTable PortableTable, Avx2Table, AvxVnniTable, AvxVnniEvexTable, Avx512VnniTable;

} // namespace dpuopt::kernels
#endif

//===- Moments.h - what a linear layer's inputs and errors have in common ---------------===//
//
// Everything that least squares need to know of a layer, whatever the number of samples:
// sums of products of its inputs in the quantized network, and of these with what its
// outputs lack of the float network's. Collected for several layers in one run.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_MOMENTS_H
#define DPUOPT_CALIBRATE_MOMENTS_H

#include "LinearLayer.h"
#include "dpuopt/Calibrate/Recipe.h"

namespace dpuopt {

/// A layer, or some of the numbers of its rows: a matrix of all of them may be too large.
struct LayerPart {
  const LinearLayer *layer;
  size_t first, count;                       ///< of layer->inputs
  size_t width() const { return count + 1; } ///< the last input is the constant 1 that biases are multiplied with
};

class Moments {
public:
  Moments(const LayerPart &part);
  /// Memory that the moments of a part take.
  static size_t bytes(const LayerPart &part);

  size_t stride() const { return rowStride; }
  /// Sums of products of inputs i and j of a group: row i (width() numbers).
  const float *second(size_t group, size_t i) const { return products.data() + (group * height + i) * rowStride; }
  /// Sums of products of the inputs with what output `o` of a group lacks.
  const float *cross(size_t group, size_t o) const { return lacks.data() + (group * outputHeight + o) * rowStride; }
  size_t rows = 0;
  double error = 0; ///< sum of squares of what the outputs lack

private:
  friend class MomentSums;
  size_t rowStride, height, outputHeight;
  std::vector<float> products, lacks;
};

struct MomentOptions {
  size_t rows = 16384; ///< about how many are looked at, over all samples; of a sample at least one
  uint64_t seed = 0;   ///< of the choice of positions
};

/// Runs the float network and `q` as it is now. Errors: what is not finite [calibrate.non-finite], the data's.
Result<std::vector<Moments>> collectMoments(const Quantization &q, llvm::ArrayRef<LayerPart> parts,
                                            llvm::ArrayRef<size_t> samples, const MomentOptions &options,
                                            const StepContext &context, llvm::StringRef stage);

/// Calls work(i) for each i below `n`, on several threads.
void inParallel(unsigned threads, size_t n, llvm::function_ref<void(size_t)> work);

/// to[i][j] += sum over p of a[p][i] * b[p][j], for i in [first, last) and j in [from(i / 4 * 4), columns), where from
/// is 0, or i rounded down to 16 (`upper`). Strides, `columns` are multiples of 16, first and last of 4. The sums are
/// made in the order of p, in blocks of 128.
void addProducts(const float *a, size_t aStride, const float *b, size_t bStride, size_t count, size_t first,
                 size_t last, size_t columns, bool upper, float *to);

} // namespace dpuopt
#endif

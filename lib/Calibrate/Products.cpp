//===- Products.cpp - matrix products for moments --------------------------------------===//
//
// Vectors of the compiler, several clones for several instruction sets, and no fused
// multiply-adds: the sums are the same on every machine.
//
//===----------------------------------------------------------------------===//
#include "Moments.h"
#include <atomic>
#include <thread>

using namespace dpuopt;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&               \
    !defined(__SANITIZE_THREAD__)
#define DPUOPT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DPUOPT_CLONES
#endif

namespace {
constexpr size_t Rows = 4, Columns = 16, Block = 128;
/// May lie anywhere, and is read as the floats it lies among.
typedef float Lanes __attribute__((vector_size(32), aligned(4), may_alias));

/// to[0..4)[0..16) += products of `count` rows.
[[gnu::always_inline]] inline void addTile(const float *a, size_t aStride, const float *b, size_t bStride, size_t count,
                                           float *to, size_t toStride) {
  Lanes sums[Rows][2] = {};
  for (size_t p = 0; p < count; ++p) {
    const Lanes *row = reinterpret_cast<const Lanes *>(b + p * bStride);
    const Lanes low = row[0], high = row[1];
    for (size_t i = 0; i < Rows; ++i) {
      const float factor = a[p * aStride + i];
      sums[i][0] += factor * low, sums[i][1] += factor * high;
    }
  }
  for (size_t i = 0; i < Rows; ++i) {
    Lanes *row = reinterpret_cast<Lanes *>(to + i * toStride);
    row[0] += sums[i][0], row[1] += sums[i][1];
  }
}
} // namespace

DPUOPT_CLONES
void dpuopt::addProducts(const float *a, size_t aStride, const float *b, size_t bStride, size_t count, size_t first,
                         size_t last, size_t columns, bool upper, float *to) {
  for (size_t p = 0; p < count; p += Block)
    for (size_t j = upper ? first / Columns * Columns : 0; j < columns; j += Columns)
      for (size_t i = first; i < last && (!upper || i < j + Columns); i += Rows)
        addTile(a + p * aStride + i, aStride, b + p * bStride + j, bStride, std::min(Block, count - p),
                to + i * bStride + j, bStride);
}

void dpuopt::inParallel(unsigned threads, size_t n, llvm::function_ref<void(size_t)> work) {
  const size_t crewSize = std::min<size_t>(std::max(1u, threads), n);
  std::atomic<size_t> next = 0;
  auto take = [&] {
    for (size_t i = next++; i < n; i = next++)
      work(i);
  };
  std::vector<std::thread> crew;
  for (size_t t = 1; t < crewSize; ++t)
    crew.emplace_back(take);
  take();
  for (std::thread &t : crew)
    t.join();
}

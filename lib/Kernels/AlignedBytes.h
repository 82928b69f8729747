//===- AlignedBytes.h - bytes that begin at a cache line --------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_ALIGNEDBYTES_H
#define DPUOPT_LIB_KERNELS_ALIGNEDBYTES_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dpuopt::kernels {

/// Zero at first.
class AlignedBytes {
public:
  explicit AlignedBytes(size_t n = 0) : lines(n / 64 + 1) {}
  uint8_t *data() { return reinterpret_cast<uint8_t *>(lines.data()); }
  const uint8_t *data() const { return reinterpret_cast<const uint8_t *>(lines.data()); }
  size_t size() const { return lines.size() * 64; }

private:
  struct Line {
    alignas(64) uint8_t bytes[64];
  };
  std::vector<Line> lines;
};

/// Rounded up to whole cache lines.
inline size_t wholeLines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// The channel of a panel or block that lane `lane` of vector `v` sums: the kernels' saturating packs take 4 lanes of
/// each vector in turn.
inline int channelOfLane(int vectors, int v, int lane) { return 4 * vectors * (lane / 4) + 4 * v + lane % 4; }

} // namespace dpuopt::kernels
#endif

//===- Image.h - pictures: decoded, resized, turned into a model's input --------===//
//
// 8-bit interleaved pixels. Private to lib/Data.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DATA_IMAGE_H
#define DPUOPT_DATA_IMAGE_H

#include "dpuopt/Data/DataSource.h"

namespace dpuopt::data {

struct Image {
  int64_t width = 0, height = 0, channels = 0; ///< 1 (grey) or 3 (RGB)
  std::vector<uint8_t> pixels;                 ///< rows of interleaved channels
  uint8_t at(int64_t y, int64_t x, int64_t c) const { return pixels[(y * width + x) * channels + c]; }
};

/// More pixels than this are refused before anything is allocated.
constexpr int64_t MaxPixels = int64_t(1) << 28;

/// Is `name`'s ending one of ours?
bool isImageName(llvm::StringRef name);
/// Decodes PNG or JPEG by content to `channels` (1 or 3) channels.
Result<Image> readImage(llvm::StringRef path, int64_t channels, DiagEngine &diags);
Result<Image> decodePng(llvm::StringRef bytes, llvm::StringRef path, int64_t channels, DiagEngine &diags);
Result<Image> decodeJpeg(llvm::StringRef bytes, llvm::StringRef path, int64_t channels, DiagEngine &diags);

/// Writes one sample, C x H x W: fitted, scaled, normalized by `options`. `out` has C*H*W elements.
void imageToSample(const Image &image, const DataOptions &options, int64_t height, int64_t width,
                   llvm::MutableArrayRef<float> out);

/// (x / divide - mean) * scale on C planes of `plane` elements, `divide` replaced by `defaultDivide` when 0.
void normalize(llvm::MutableArrayRef<float> x, int64_t plane, const DataOptions &options, double defaultDivide);

} // namespace dpuopt::data
#endif

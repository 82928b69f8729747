//===- ImageFile.cpp - PNG and JPEG files, decoded by libpng and libjpeg ---------===//
//
// Both libraries get bytes that are in memory already and may be anything. libjpeg
// leaves by longjmp: nothing with a destructor lives between setjmp and the jump.
//
//===----------------------------------------------------------------------===//
#include "Image.h"
#include "dpuopt/Support/File.h"
#include <csetjmp>
#include <cstdio>
#include <fmt/format.h>
#include <jpeglib.h>
#include <png.h>

namespace dpuopt::data {
namespace {

DiagBuilder imageError(DiagEngine &diags, llvm::StringRef path, std::string what) {
  return std::move(diags.error(std::move(what)).file(path.str()).rule("data.image"));
}

bool saneSize(int64_t width, int64_t height) {
  return width > 0 && height > 0 && width <= MaxPixels && height <= MaxPixels / width;
}

struct JpegErrors {
  jpeg_error_mgr base;
  jmp_buf leave;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void leaveJpeg(j_common_ptr info) {
  auto *errors = reinterpret_cast<JpegErrors *>(info->err);
  errors->base.format_message(info, errors->message);
  longjmp(errors->leave, 1);
}

void countWarning(j_common_ptr info, int level) {
  if (level < 0)
    ++info->err->num_warnings;
}

/// Header (sets `image`'s size), then, if `pixels` is big enough, rows. False: see errors.message.
bool runJpeg(llvm::StringRef bytes, int64_t channels, JpegErrors &errors, int64_t &width, int64_t &height,
             uint8_t *pixels) {
  jpeg_decompress_struct info{};
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = leaveJpeg;
  errors.base.emit_message = countWarning;
  if (setjmp(errors.leave)) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.bytes_begin(), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&info, TRUE);
  width = info.image_width, height = info.image_height;
  if (pixels) {
    info.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = pixels + static_cast<int64_t>(info.output_scanline) * width * channels;
      jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
  }
  jpeg_destroy_decompress(&info);
  if (errors.base.num_warnings == 0)
    return true;
  // libjpeg fills missing data with grey and only warns; for calibration that is an error.
  std::snprintf(errors.message, sizeof errors.message, "corrupt or truncated data");
  return false;
}

} // namespace

Result<Image> decodeJpeg(llvm::StringRef bytes, llvm::StringRef path, int64_t channels, DiagEngine &diags) {
  JpegErrors errors{};
  Image image;
  image.channels = channels;
  if (!runJpeg(bytes, channels, errors, image.width, image.height, nullptr))
    return imageError(diags, path, fmt::format("cannot decode the JPEG image: {}", errors.message));
  if (!saneSize(image.width, image.height))
    return imageError(diags, path, fmt::format("image of {}x{} pixels is too large", image.width, image.height));
  image.pixels.resize(static_cast<size_t>(image.width * image.height * channels));
  JpegErrors rowErrors{};
  if (!runJpeg(bytes, channels, rowErrors, image.width, image.height, image.pixels.data()))
    return imageError(diags, path, fmt::format("cannot decode the JPEG image: {}", rowErrors.message));
  return image;
}

Result<Image> decodePng(llvm::StringRef bytes, llvm::StringRef path, int64_t channels, DiagEngine &diags) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()))
    return imageError(diags, path, fmt::format("cannot decode the PNG image: {}", png.message));
  Image image;
  image.width = png.width, image.height = png.height, image.channels = channels;
  if (!saneSize(image.width, image.height)) {
    png_image_free(&png);
    return imageError(diags, path, fmt::format("image of {}x{} pixels is too large", image.width, image.height));
  }
  png.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  image.pixels.resize(static_cast<size_t>(image.width * image.height * channels));
  const png_color black{0, 0, 0}; // what is transparent becomes black
  bool ok = png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr);
  std::string message = png.message;
  png_image_free(&png);
  if (!ok)
    return imageError(diags, path, fmt::format("cannot decode the PNG image: {}", message));
  return image;
}

Result<Image> readImage(llvm::StringRef path, int64_t channels, DiagEngine &diags) {
  Result<Blob> file = Blob::mapFile(path, diags);
  if (!file)
    return failure();
  llvm::StringRef bytes = file->str();
  if (bytes.startswith("\x89PNG"))
    return decodePng(bytes, path, channels, diags);
  if (bytes.startswith("\xff\xd8"))
    return decodeJpeg(bytes, path, channels, diags);
  return imageError(diags, path, bytes.empty() ? "the image file is empty" : "is neither a PNG nor a JPEG image");
}

} // namespace dpuopt::data

//===- Image.cpp - resizing and normalizing pictures ------------------------------===//
#include "Image.h"
#include <algorithm>
#include <cmath>

namespace dpuopt::data {
namespace {

/// Value of the bars that fit=pad adds.
constexpr float PadValue = 114;

/// The input pixels one output pixel is made of.
struct Taps {
  int64_t first;
  std::vector<float> weights;
};

/// Triangle filter over [from, from + length) of an axis with `size` pixels, to `count` pixels.
std::vector<Taps> triangleTaps(int64_t size, double from, double length, int64_t count) {
  std::vector<Taps> all(static_cast<size_t>(count));
  const double ratio = length / static_cast<double>(count), support = std::max(1.0, ratio);
  for (int64_t i = 0; i < count; ++i) {
    double centre = from + (static_cast<double>(i) + 0.5) * ratio;
    int64_t lo = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - support + 0.5)));
    int64_t hi = std::min<int64_t>(size, static_cast<int64_t>(std::floor(centre + support + 0.5)));
    lo = std::min(lo, size - 1), hi = std::max(hi, lo + 1);
    Taps &taps = all[static_cast<size_t>(i)];
    taps.first = lo;
    float sum = 0;
    for (int64_t k = lo; k < hi; ++k) {
      double distance = std::abs(static_cast<double>(k) + 0.5 - centre) / support;
      taps.weights.push_back(static_cast<float>(std::max(0.0, 1 - distance)));
      sum += taps.weights.back();
    }
    if (sum <= 0)
      taps.weights.assign(taps.weights.size(), 1.0f), sum = static_cast<float>(taps.weights.size());
    for (float &w : taps.weights)
      w /= sum;
  }
  return all;
}

/// A rectangle of the image, and the rectangle of the output it fills.
struct Placement {
  double x, y, width, height;
  int64_t left = 0, top = 0, outWidth, outHeight;
};

Placement place(const Image &image, const DataOptions &options, int64_t height, int64_t width) {
  const double w = static_cast<double>(image.width), h = static_cast<double>(image.height);
  Placement p{0, 0, w, h, 0, 0, width, height};
  if (options.fit == DataOptions::Fit::Crop) {
    // Image pixels per output pixel.
    double ratio = std::min(w / static_cast<double>(width), h / static_cast<double>(height));
    if (options.shortSide > 0)
      ratio = std::min(ratio, std::min(w, h) / static_cast<double>(options.shortSide));
    p.width = ratio * static_cast<double>(width), p.height = ratio * static_cast<double>(height);
    p.x = (w - p.width) / 2, p.y = (h - p.height) / 2;
  } else if (options.fit == DataOptions::Fit::Pad) {
    double ratio = std::max(w / static_cast<double>(width), h / static_cast<double>(height));
    p.outWidth = std::clamp<int64_t>(std::llround(w / ratio), 1, width);
    p.outHeight = std::clamp<int64_t>(std::llround(h / ratio), 1, height);
    p.left = (width - p.outWidth) / 2, p.top = (height - p.outHeight) / 2;
  }
  return p;
}

/// One channel, columns first and rows then, into a plane with rows of `stride`.
void resizeChannel(const Image &image, int64_t c, const std::vector<Taps> &columns, const std::vector<Taps> &rows,
                   float *out, int64_t stride) {
  std::vector<float> narrow(static_cast<size_t>(image.height) * columns.size());
  for (int64_t y = 0; y < image.height; ++y)
    for (size_t x = 0; x < columns.size(); ++x) {
      float sum = 0;
      for (size_t k = 0; k < columns[x].weights.size(); ++k)
        sum += columns[x].weights[k] * image.at(y, columns[x].first + static_cast<int64_t>(k), c);
      narrow[static_cast<size_t>(y) * columns.size() + x] = sum;
    }
  for (size_t y = 0; y < rows.size(); ++y)
    for (size_t x = 0; x < columns.size(); ++x) {
      float sum = 0;
      for (size_t k = 0; k < rows[y].weights.size(); ++k)
        sum += rows[y].weights[k] * narrow[(static_cast<size_t>(rows[y].first) + k) * columns.size() + x];
      out[static_cast<int64_t>(y) * stride + static_cast<int64_t>(x)] = sum;
    }
}

double perChannel(const std::vector<double> &values, size_t c, double none) {
  return values.empty() ? none : values[std::min(c, values.size() - 1)];
}

} // namespace

bool isImageName(llvm::StringRef name) {
  return name.endswith_insensitive(".png") || name.endswith_insensitive(".jpg") || name.endswith_insensitive(".jpeg");
}

void normalize(llvm::MutableArrayRef<float> x, int64_t plane, const DataOptions &options, double defaultDivide) {
  const double divide = options.divide != 0 ? options.divide : defaultDivide;
  if (plane <= 0 || (divide == 1 && options.mean.empty() && options.scale.empty()))
    return;
  for (size_t i = 0; i < x.size(); i += static_cast<size_t>(plane)) {
    size_t c = i / static_cast<size_t>(plane);
    double mean = perChannel(options.mean, c, 0), scale = perChannel(options.scale, c, 1);
    for (float &v : x.slice(i, static_cast<size_t>(plane)))
      v = static_cast<float>((v / divide - mean) * scale);
  }
}

void imageToSample(const Image &image, const DataOptions &options, int64_t height, int64_t width,
                   llvm::MutableArrayRef<float> out) {
  Placement p = place(image, options, height, width);
  std::vector<Taps> columns = triangleTaps(image.width, p.x, p.width, p.outWidth);
  std::vector<Taps> rows = triangleTaps(image.height, p.y, p.height, p.outHeight);
  const int64_t plane = height * width;
  std::fill(out.begin(), out.end(), PadValue);
  for (int64_t c = 0; c < image.channels; ++c) {
    int64_t to = options.bgr ? image.channels - 1 - c : c;
    resizeChannel(image, c, columns, rows, out.data() + to * plane + p.top * width + p.left, width);
  }
  normalize(out, plane, options, 255);
}

} // namespace dpuopt::data

//===- ImageItems.cpp - image files and FashionMNIST as items -----------------------===//
#include "Idx.h"
#include "Image.h"
#include "Items.h"
#include <cstdlib>
#include <fmt/format.h>

namespace dpuopt::data {
namespace {

constexpr const char *FashionMnistFolder = "/usr/share/datasets/fashion-mnist";
constexpr int64_t FashionMnistSide = 28;

/// Channels, height and width of the wanted item; `last`: channels come last, as exporters of TensorFlow have them.
struct ImageShape {
  int64_t channels, height, width;
  bool last;
};

Result<ImageShape> imageShape(const Request &r) {
  auto isColour = [](int64_t c) { return c == 1 || c == 3; };
  if (r.item.size() != 3 || (!isColour(r.item[0]) && !isColour(r.item[2])))
    return r.error(fmt::format(
        "images fill inputs of 1 or 3 channels (N x C x H x W or N x H x W x C), the model's takes {} per sample",
        r.item.empty() ? "a scalar" : shapeStr(r.item)));
  ImageShape s = isColour(r.item[0]) ? ImageShape{r.item[0], r.item[1], r.item[2], false}
                                     : ImageShape{r.item[2], r.item[0], r.item[1], true};
  if (failed(checkChannels(r, s.channels)))
    return failure();
  return s;
}

/// imageToSample, and channels last where they are wanted so.
void fill(const Image &image, const DataOptions &options, const ImageShape &shape, llvm::MutableArrayRef<float> out) {
  if (!shape.last)
    return imageToSample(image, options, shape.height, shape.width, out);
  std::vector<float> planes(out.size());
  imageToSample(image, options, shape.height, shape.width, planes);
  const size_t plane = static_cast<size_t>(shape.height * shape.width), channels = static_cast<size_t>(shape.channels);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = planes[i % channels * plane + i / channels];
}

class ImageItems : public Items {
public:
  ImageItems(std::vector<std::string> paths, std::vector<int> labels, const Request &r, ImageShape shape)
      : paths(std::move(paths)), labels(std::move(labels)), options(r.options), shape(shape) {}
  size_t size() const override { return paths.size(); }
  Status read(size_t i, llvm::MutableArrayRef<float> out, Sample &sample, DiagEngine &diags) override {
    Result<Image> image = readImage(paths[i], shape.channels, diags);
    if (!image)
      return failure();
    fill(*image, options, shape, out);
    sample.name = paths[i];
    if (!labels.empty())
      sample.label = labels[i];
    return success();
  }

private:
  std::vector<std::string> paths;
  std::vector<int> labels;
  DataOptions options;
  ImageShape shape;
};

class FashionMnist : public Items {
public:
  FashionMnist(Idx images, Idx labels, std::string name, const Request &r, ImageShape shape)
      : images(std::move(images)), labels(std::move(labels)), name(std::move(name)), options(r.options), shape(shape) {}
  size_t size() const override { return images.items; }
  Status read(size_t i, llvm::MutableArrayRef<float> out, Sample &sample, DiagEngine &) override {
    constexpr size_t plane = FashionMnistSide * FashionMnistSide;
    Image image{FashionMnistSide, FashionMnistSide, shape.channels, {}};
    const uint8_t *from = images.bytes.data() + i * plane;
    for (size_t p = 0; p < plane; ++p)
      image.pixels.insert(image.pixels.end(), static_cast<size_t>(shape.channels), from[p]);
    fill(image, options, shape, out);
    sample.label = labels.bytes[i];
    sample.name = fmt::format("{}[{}]", name, i);
    return success();
  }

private:
  Idx images, labels;
  std::string name;
  DataOptions options;
  ImageShape shape;
};

} // namespace

ItemsResult openFashionMnist(const Request &r) {
  Result<ImageShape> shape = imageShape(r);
  if (!shape)
    return failure();
  const char *given = std::getenv("DPUOPT_FASHION_MNIST");
  const std::string folder = given && *given ? given : FashionMnistFolder;
  const std::string set = r.options.test ? "t10k" : "train";
  const std::string imagePath = folder + "/" + set + "-images-idx3-ubyte.gz";
  const std::string labelPath = folder + "/" + set + "-labels-idx1-ubyte.gz";
  if (!Blob::mapFile(imagePath, *std::make_unique<DiagEngine>()))
    return std::move(r.error("FashionMNIST is not installed")
                         .file(imagePath)
                         .note("install it with: apt-get install dataset-fashion-mnist"));
  const size_t most = r.options.skip + r.options.count;
  Result<Idx> images = readIdx(imagePath, 3, most, r.diags);
  if (!images)
    return failure();
  Result<Idx> labels = readIdx(labelPath, 1, most, r.diags);
  if (!labels)
    return failure();
  if (images->dims != std::vector<int64_t>{FashionMnistSide, FashionMnistSide} || labels->items != images->items)
    return std::move(
        r.error("is not FashionMNIST: images are not 28x28, or there is not one label for each").file(imagePath));
  return std::unique_ptr<Items>(new FashionMnist(std::move(*images), std::move(*labels), r.source, r, *shape));
}

ItemsResult openImages(std::vector<std::string> paths, std::vector<int> labels, const Request &r) {
  Result<ImageShape> shape = imageShape(r);
  if (!shape)
    return failure();
  return std::unique_ptr<Items>(new ImageItems(std::move(paths), std::move(labels), r, *shape));
}

} // namespace dpuopt::data

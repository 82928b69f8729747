//===- DeployFlags.cpp - what only the user knows of a model's use ---------------------===//
#include "Deployment.h"
#include "RunReport.h"
#include "dpuopt/Data/DataSource.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace dpuopt;
namespace fs = llvm::sys::fs;

DeployFlags::DeployFlags(cl::SubCommand &sub)
    : mean("mean", cl::desc("Pixels: (pixel / divide - mean) * scale, a number per channel or one for all"),
           cl::value_desc("A/B/C"), cl::sub(sub), cl::cat(dpucCategory())),
      deviation("std", cl::desc("Pixels: 1 / scale"), cl::value_desc("A/B/C"), cl::sub(sub), cl::cat(dpucCategory())),
      scale("scale", cl::desc("Pixels: scale"), cl::value_desc("A/B/C"), cl::sub(sub), cl::cat(dpucCategory())),
      divide("divide", cl::desc("Pixels: divide (255)"), cl::value_desc("X"), cl::sub(sub), cl::cat(dpucCategory())),
      fit("fit", cl::desc("Pictures of another size: stretch, crop or pad, as of calibration data"),
          cl::value_desc("HOW"), cl::sub(sub), cl::cat(dpucCategory())),
      shortSide("short", cl::desc("Pixels of a picture's shorter side before it is cropped"), cl::value_desc("N"),
                cl::sub(sub), cl::cat(dpucCategory())),
      head("head", cl::desc("Description of the head that was cut off (MODEL.head.json)"), cl::value_desc("FILE"),
           cl::sub(sub), cl::cat(dpucCategory())),
      boxDecode("box-decode",
                cl::desc("How boxes are decoded that the model leaves raw: offset-exp (YOLOX) or distances"),
                cl::value_desc("FORMULA"), cl::sub(sub), cl::cat(dpucCategory())),
      background("background",
                 cl::desc("The head's class that is none: its number, or none (0 of a softmax, else none)"),
                 cl::value_desc("N"), cl::sub(sub), cl::cat(dpucCategory())),
      labels("labels", cl::desc("Names of the classes, one a line"), cl::value_desc("FILE"), cl::sub(sub),
             cl::cat(dpucCategory())),
      bgr("bgr", cl::desc("Pixels: the model takes blue first"), cl::sub(sub), cl::cat(dpucCategory())) {}

static bool isImage(llvm::StringRef path) {
  return path.endswith_insensitive(".png") || path.endswith_insensitive(".jpg") || path.endswith_insensitive(".jpeg");
}

/// Does the source of samples hold pixels, rather than numbers that something was already done to?
static bool holdsPixels(const std::string &source) {
  if (isFashionMnist(source) || isImage(source))
    return true;
  std::error_code ec;
  unsigned seen = 0;
  for (fs::recursive_directory_iterator i(source, ec), end; i != end && !ec && seen < 1000; i.increment(ec), ++seen)
    if (isImage(i->path()))
      return true;
  return false;
}

static PixelFormat formatOf(const DataOptions &o, const char *source) {
  const double divide = o.divide != 0 ? o.divide : 255;
  PixelFormat f{o.mean, o.scale, o.bgr, source};
  f.fit = o.fit == DataOptions::Fit::Pad ? "pad" : o.fit == DataOptions::Fit::Crop ? "crop" : "stretch";
  f.shortSide = o.shortSide;
  for (double &m : f.mean)
    m *= divide;
  if (f.scale.empty())
    f.scale = {1};
  for (double &s : f.scale)
    s /= divide;
  return f;
}

Result<std::optional<PixelFormat>> DeployFlags::pixels(llvm::StringRef calib, DiagEngine &diags) const {
  auto specOf = [](std::initializer_list<std::pair<const char *, const cl::opt<std::string> *>> flags) {
    std::string spec;
    for (auto [key, value] : flags)
      if (!value->empty())
        spec += fmt::format(":{}={}", key, value->getValue());
    return spec;
  };
  const std::string numbers = specOf({{"mean", &mean}, {"std", &deviation}, {"scale", &scale}, {"divide", &divide}});
  const std::string resizing = specOf({{"fit", &fit}, {"short", &shortSide}});
  if (!deviation.empty() && !scale.empty())
    return diags.error("--std is 1 / --scale: give one of them");
  auto said = parseDataSpec("pixels" + numbers + resizing, diags);
  auto data = parseDataSpec(calib.empty() ? "pixels" : calib, diags);
  if (!said || !data)
    return failure();
  const bool fromData = !calib.empty() && holdsPixels(data->source);
  if (numbers.empty() && resizing.empty() && !bgr && !fromData)
    return std::optional<PixelFormat>();
  const bool numbersFromData = numbers.empty() && fromData;
  DataOptions options = numbersFromData ? data->options : said->options;
  options.bgr |= bgr;
  const DataOptions &resize = resizing.empty() && fromData ? data->options : said->options;
  options.fit = resize.fit, options.shortSide = resize.shortSide;
  PixelFormat format = formatOf(options, numbersFromData ? "calibration data" : "flags");
  if (resizing.empty() && !(fromData && calib.contains(":fit=")))
    format.fit.clear(); // the default of data is no statement about the model
  return std::optional(std::move(format));
}

Result<DeployOptions> DeployFlags::read(llvm::StringRef calib, llvm::StringRef model, DiagEngine &diags) const {
  DeployOptions options;
  auto format = pixels(calib, diags);
  if (!format)
    return failure();
  options.pixels = std::move(*format);
  options.head = head;
  options.boxDecode = boxDecode;
  options.background = background;
  llvm::SmallString<128> beside(model);
  llvm::sys::path::replace_extension(beside, ".head.json");
  if (head.empty() && !model.empty() && fs::exists(beside)) {
    options.head = beside.str().str();
    options.headIsGuess = true;
  }
  if (!labels.empty()) {
    auto names = readClassNames(labels, diags);
    if (!names)
      return failure();
    options.labels = std::move(*names);
  }
  return options;
}

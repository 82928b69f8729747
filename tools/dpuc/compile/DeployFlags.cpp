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
      head("head", cl::desc("Description of the head that was cut off (MODEL.head.json)"), cl::value_desc("FILE"),
           cl::sub(sub), cl::cat(dpucCategory())),
      boxDecode("box-decode",
                cl::desc("How boxes are decoded that the model leaves raw: offset-exp (YOLOX) or distances"),
                cl::value_desc("FORMULA"), cl::sub(sub), cl::cat(dpucCategory())),
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
  for (double &m : f.mean)
    m *= divide;
  if (f.scale.empty())
    f.scale = {1};
  for (double &s : f.scale)
    s /= divide;
  return f;
}

Result<std::optional<PixelFormat>> DeployFlags::pixels(llvm::StringRef calib, DiagEngine &diags) const {
  std::string spec = "pixels";
  for (auto [key, value] : {std::pair("mean", &mean), std::pair("std", &deviation), std::pair("scale", &scale),
                            std::pair("divide", &divide)})
    if (!value->empty())
      spec += fmt::format(":{}={}", key, value->getValue());
  if (!deviation.empty() && !scale.empty())
    return diags.error("--std is 1 / --scale: give one of them");
  const bool given = spec != "pixels" || bgr;
  if (!given && calib.empty())
    return std::optional<PixelFormat>();
  auto parsed = parseDataSpec(given ? spec : calib.str(), diags);
  if (!parsed)
    return failure();
  if (!given && !holdsPixels(parsed->source))
    return std::optional<PixelFormat>();
  parsed->options.bgr |= bgr;
  return std::optional(formatOf(parsed->options, given ? "flags" : "calibration data"));
}

Result<DeployOptions> DeployFlags::read(llvm::StringRef calib, llvm::StringRef model, DiagEngine &diags) const {
  DeployOptions options;
  auto format = pixels(calib, diags);
  if (!format)
    return failure();
  options.pixels = std::move(*format);
  options.head = head;
  options.boxDecode = boxDecode;
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

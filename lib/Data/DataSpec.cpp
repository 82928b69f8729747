//===- DataSpec.cpp - SOURCE(:OPTION)* ------------------------------------------------===//
#include "dpuopt/Data/DataSource.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// More numbers in one list than any image has channels.
constexpr size_t MaxChannels = 4096;

class SpecParser {
public:
  explicit SpecParser(DiagEngine &diags) : diags(diags) {}
  Result<DataSpec> run(llvm::StringRef spec);

private:
  Status option(llvm::StringRef text);
  Status number(llvm::StringRef name, llvm::StringRef value, size_t &out);
  Status real(llvm::StringRef name, llvm::StringRef value, bool zeroAllowed, double &out);
  Status list(llvm::StringRef name, llvm::StringRef value, bool zeroAllowed, std::vector<double> &out);
  Status choose(llvm::StringRef name, llvm::StringRef value);
  DiagBuilder error(std::string message) { return std::move(diags.error(std::move(message)).rule("data.spec")); }

  DiagEngine &diags;
  DataSpec result;
};

/// A path may contain colons: the longest prefix that exists is the source.
llvm::StringRef sourceOf(llvm::StringRef spec) {
  for (llvm::StringRef prefix = spec; !prefix.empty();) {
    if (llvm::sys::fs::exists(prefix))
      return prefix;
    size_t colon = prefix.rfind(':');
    prefix = prefix.take_front(colon == llvm::StringRef::npos ? 0 : colon);
  }
  return spec.take_until([](char c) { return c == ':'; });
}

Status SpecParser::number(llvm::StringRef name, llvm::StringRef value, size_t &out) {
  uint32_t n = 0;
  if (value.getAsInteger(10, n))
    return error(fmt::format("data option '{}' must be a whole number, is '{}'", name.str(), value.str()));
  out = n;
  return success();
}

Status SpecParser::real(llvm::StringRef name, llvm::StringRef value, bool zeroAllowed, double &out) {
  if (value.getAsDouble(out) || !std::isfinite(out) || (!zeroAllowed && out == 0))
    return error(fmt::format("data option '{}' must be a number{}, is '{}'", name.str(),
                             zeroAllowed ? "" : " other than 0", value.str()));
  return success();
}

Status SpecParser::list(llvm::StringRef name, llvm::StringRef value, bool zeroAllowed, std::vector<double> &out) {
  llvm::SmallVector<llvm::StringRef, 4> parts;
  value.split(parts, '/');
  if (parts.size() > MaxChannels)
    return error(fmt::format("data option '{}' has {} numbers", name.str(), parts.size()));
  out.assign(parts.size(), 0);
  for (size_t i = 0; i < parts.size(); ++i)
    if (failed(real(name, parts[i].trim(), zeroAllowed, out[i])))
      return failure();
  return success();
}

Status SpecParser::choose(llvm::StringRef name, llvm::StringRef value) {
  DataOptions &o = result.options;
  if (name == "fit" && (value == "stretch" || value == "crop" || value == "pad")) {
    o.fit = value == "crop"  ? DataOptions::Fit::Crop
            : value == "pad" ? DataOptions::Fit::Pad
                             : DataOptions::Fit::Stretch;
    return success();
  }
  if (name == "dtype" && (value == "f32" || value == "u8" || value == "i8")) {
    o.dtype = value == "u8" ? ElemKind::U8 : value == "i8" ? ElemKind::I8 : ElemKind::F32;
    return success();
  }
  return error(fmt::format("data option '{}' must be {}, is '{}'", name.str(),
                           name == "fit" ? "stretch, crop or pad" : "f32, u8 or i8", value.str()));
}

Status SpecParser::option(llvm::StringRef text) {
  DataOptions &o = result.options;
  auto [name, value] = text.split('=');
  if (llvm::all_of(text, llvm::isDigit))
    return number("count", text, o.count);
  for (auto [flag, value] : {std::pair("bgr", &o.bgr), std::pair("rgb", &o.rgb), std::pair("nhwc", &o.nhwc),
                             std::pair("nchw", &o.nchw), std::pair("test", &o.test)})
    if (text == flag)
      return *value = true, success();
  if (name == "count")
    return number(name, value, o.count);
  if (name == "skip")
    return number(name, value, o.skip);
  if (name == "divide")
    return real(name, value, false, o.divide);
  if (name == "mean")
    return list(name, value, true, o.mean);
  if (name == "scale")
    return list(name, value, false, o.scale);
  if (name == "fit" || name == "dtype")
    return choose(name, value);
  if (name == "labels")
    return o.labels = value.str(), success();
  if (name == "fix") {
    int point = 0;
    if (value.getAsInteger(10, point) || point < -64 || point > 64)
      return error(fmt::format("data option 'fix' must be a whole number from -64 to 64, is '{}'", value.str()));
    return o.fix = point, success();
  }
  if (name == "short") {
    size_t side = 0;
    if (failed(number(name, value, side)))
      return failure();
    o.shortSide = static_cast<int64_t>(side);
    return success();
  }
  if (name == "std") {
    if (failed(list(name, value, false, o.scale)))
      return failure();
    for (double &s : o.scale)
      s = 1 / s;
    return success();
  }
  return error(fmt::format("unknown data option '{}'", text.str()))
      .note("options are count skip divide mean scale std bgr rgb fit short nhwc nchw dtype fix labels test");
}

Result<DataSpec> SpecParser::run(llvm::StringRef spec) {
  llvm::StringRef source = sourceOf(spec);
  result.source = source.str();
  if (source.empty())
    return error("the data source is empty").note("give fashion-mnist:200, a folder of images, or a .npy or .bin file");
  llvm::SmallVector<llvm::StringRef, 8> options;
  if (spec.consume_front(source) && spec.consume_front(":"))
    spec.split(options, ':');
  for (llvm::StringRef text : options)
    if (failed(option(text.trim())))
      return failure();
  if (result.source == "fashion-mnist-test")
    result.options.test = true;
  return std::move(result);
}

} // namespace

Result<DataSpec> parseDataSpec(llvm::StringRef spec, DiagEngine &diags) { return SpecParser(diags).run(spec); }

} // namespace dpuopt

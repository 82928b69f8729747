//===- Prototxt.cpp - mean and scale of the vendor library's prototxt -------------------===//
//
// Protobuf text format, of which only the fields `mean: NUMBER` and `scale: NUMBER` of the
// first `kernel { }` matter here. Comments begin with '#'.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Data/InputSource.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

namespace {

/// Words, numbers, quoted strings, and the signs `{ } :`.
class Tokens {
public:
  explicit Tokens(llvm::StringRef text) : rest(text) {}
  /// Empty at the end.
  llvm::StringRef next() {
    for (rest = rest.ltrim(); rest.startswith("#"); rest = rest.ltrim())
      rest = rest.drop_until([](char c) { return c == '\n'; });
    if (rest.empty())
      return rest;
    size_t n = 1;
    if (rest[0] == '"')
      n = std::min(rest.find('"', 1), rest.size() - 1) + 1;
    else if (!isSign(rest[0]))
      n = std::min(rest.find_if([](char c) { return isSign(c) || llvm::isSpace(c) || c == '#'; }), rest.size());
    llvm::StringRef token = rest.take_front(n);
    rest = rest.drop_front(n);
    return token;
  }

private:
  static bool isSign(char c) { return c == '{' || c == '}' || c == ':'; }
  llvm::StringRef rest;
};

} // namespace

Result<DataOptions> dpuopt::readPrototxt(llvm::StringRef path, DiagEngine &diags) {
  auto text = readFile(path, diags);
  if (!text)
    return failure();
  auto error = [&](std::string what) {
    return std::move(diags.error(std::move(what)).file(path.str()).rule("data.prototxt"));
  };
  DataOptions options;
  options.divide = 1;
  options.bgr = true;
  Tokens tokens(*text);
  unsigned kernels = 0;
  for (llvm::StringRef word = tokens.next(); !word.empty(); word = tokens.next()) {
    kernels += word == "kernel";
    std::vector<double> *list = word == "mean" ? &options.mean : word == "scale" ? &options.scale : nullptr;
    if (!list || kernels > 1)
      continue;
    llvm::StringRef sign = tokens.next(), number = tokens.next();
    double value = 0;
    if (sign != ":" || number.getAsDouble(value) || !std::isfinite(value) || list->size() == 4096)
      return error(fmt::format("'{}:' is followed by '{}', not by a number", word.str(), number.take_front(40).str()));
    list->push_back(value);
  }
  if (options.mean.empty() && options.scale.empty())
    return error("there is no 'mean:' or 'scale:' in the first kernel");
  return options;
}

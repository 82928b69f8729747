//===- QuantBinding.cpp - keys bound by all rules, and the user's map -----------------===//
#include "dpuopt/Quant/QuantBinding.h"
#include "KeyBinder.h"
#include "dpuopt/Support/File.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dpuopt {

Result<QuantMap> readQuantMap(llvm::StringRef path, DiagEngine &diags) {
  auto error = [&](std::string message) {
    return std::move(diags.error(std::move(message)).file(path.str()).rule("quant-info.map"));
  };
  Result<std::string> text = readFile(path, diags);
  if (!text)
    return failure();
  // One level: anything deeper is dropped without being built, and refused below.
  auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json &) { return depth <= 1; };
  nlohmann::json root = nlohmann::json::parse(text->begin(), text->end(), shallow, false);
  if (!root.is_object())
    return error("expected a JSON object of key: tensor or node name");
  QuantMap map;
  for (const auto &[key, value] : root.items()) {
    if (!value.is_string() && !value.is_null())
      return error(fmt::format("'{}' must be a tensor or node name, or null to ignore the key", key));
    map[key] = value.is_null() ? "" : value.get<std::string>();
  }
  return map;
}

Result<QuantBindings> bindKeys(const Graph &g, const QuantGroups &groups, const QuantInfo &info, const QuantMap &map,
                               llvm::StringRef file, DiagEngine &diags) {
  KeyBinder binder(g, groups, info);
  if (failed(binder.applyMap(map, file, diags)))
    return failure();
  binder.run();
  return binder.take();
}

} // namespace dpuopt

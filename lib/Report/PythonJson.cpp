//===- PythonJson.cpp - JSON as Python's json.dumps writes it ----------------------===//
#include "PythonJson.h"
#include <cmath>
#include <fmt/format.h>

using Json = nlohmann::ordered_json;

/// As repr(): the shortest digits that read back as the same number.
static std::string number(double x) {
  if (std::isnan(x))
    return "NaN";
  if (std::isinf(x))
    return x < 0 ? "-Infinity" : "Infinity";
  std::string text = fmt::format("{}", x);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

static void write(const Json &value, unsigned depth, std::string &out) {
  if (value.is_number_float()) {
    out += number(value.get<double>());
    return;
  }
  if (!value.is_structured() || value.empty()) {
    out += value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
    return;
  }
  bool isObject = value.is_object(), first = true;
  out += isObject ? '{' : '[';
  for (const auto &[key, member] : value.items()) {
    out += (first ? "\n" : ",\n") + std::string(4 * (depth + 1), ' ');
    if (isObject)
      out += Json(key).dump(-1, ' ', true, Json::error_handler_t::replace) + ":";
    write(member, depth + 1, out);
    first = false;
  }
  out += '\n' + std::string(4 * depth, ' ') + (isObject ? '}' : ']');
}

std::string dpuopt::pythonJson(const Json &value) {
  std::string out;
  write(value, 0, out);
  return out;
}

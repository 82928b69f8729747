//===- PythonJson.h - JSON as Python's json.dumps writes it (internal to lib/Report) --===//
//
// For output that scripts written for the vendor's tools compare or parse: the same bytes as
// json.dumps(value, indent=4, separators=(",", ":")). Not for reports of our own.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_REPORT_PYTHONJSON_H
#define DPUOPT_LIB_REPORT_PYTHONJSON_H

#include <nlohmann/json.hpp>
#include <string>

namespace dpuopt {

/// ASCII only: other characters as \uXXXX, bytes that are no UTF-8 as \ufffd. No line end after it.
std::string pythonJson(const nlohmann::ordered_json &value);

} // namespace dpuopt
#endif

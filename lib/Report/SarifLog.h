//===- SarifLog.h - what all SARIF files have in common (internal to lib/Report) -------===//
#ifndef DPUOPT_LIB_REPORT_SARIFLOG_H
#define DPUOPT_LIB_REPORT_SARIFLOG_H

#include "llvm/ADT/StringRef.h"
#include <nlohmann/json.hpp>

namespace dpuopt {

/// A node of the model.
nlohmann::ordered_json sarifLocation(llvm::StringRef model, const std::string &node);
/// A log of one run of dpuc on `model`.
std::string sarifLog(llvm::StringRef model, nlohmann::ordered_json rules, nlohmann::ordered_json results);

} // namespace dpuopt
#endif

//===- Captures.h - names a subgraph takes from outside -----------------------===//
#ifndef DPUOPT_LIB_ONNX_CAPTURES_H
#define DPUOPT_LIB_ONNX_CAPTURES_H

#include "dpuopt/Support/Diagnostic.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace dpuopt::onnx {

/// Subgraphs nested deeper than this are refused.
constexpr unsigned MaxGraphNesting = 32;

/// Appends to `names` what the GraphProto `message` (body of If, Loop, Scan...) and
/// the graphs inside it use but do not define; each name once, in order of first use.
Status collectCaptures(llvm::StringRef message, std::vector<std::string> &names, const std::string &owner,
                       DiagEngine &diags);

} // namespace dpuopt::onnx
#endif

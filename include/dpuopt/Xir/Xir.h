//===- Xir.h - .xmodel files to and from the IR -------------------------------===//
//
// An own reader and writer of the vendor's protobuf schema (facts: xmodel-format):
// validated, deterministic, streaming, and unable to abort. `fix` ops are xir.fix
// with the fix point in the result type; `const` + float data stay as they are.
// libxir itself is only the judge, in a child process (dpuopt-xir-judge).
//
// Mapping: op `conv2d` <-> `xir.conv2d`; op `const`/`const-fix` <-> `const`
// (attribute `xir_type` when it is not what the type implies); op name = result
// value's name unless attribute `op_name` says otherwise (compiled files); tensor
// attributes in dict attribute `tensor_attrs`; the root subgraph's children in
// graph attribute `subgraphs` (list of dicts name, attrs, ops, children).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_XIR_XIR_H
#define DPUOPT_XIR_XIR_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// Reads an .xmodel (mapped; constants stay in the file). Diagnoses: not an
/// xmodel (an empty file, a PNG), the older v1 schema, truncation, dangling
/// arguments, cycles, an empty graph, attribute kinds that contradict the op.
Result<std::unique_ptr<Graph>> importXmodel(llvm::StringRef path, DiagEngine &diags);

/// Checks everything libxir would abort on (missing attributes, duplicate names,
/// argument counts, constant sizes), then writes. Same graph, same bytes.
/// Only xir.* and const ops are allowed; custom ops need shape and data_type.
Status exportXmodel(const Graph &g, llvm::StringRef path, DiagEngine &diags);
/// The checks of exportXmodel alone.
Status checkExportable(const Graph &g, DiagEngine &diags);

/// What libxir says of a file.
struct XirVerdict {
  std::string graphName;
  uint64_t numOps = 0;
  std::vector<std::string> opNames;                             ///< topological order
  std::vector<std::pair<std::string, std::string>> subgraphs;   ///< name, device
};
/// Loads `path` through libxir in a child process; with a plan, the subgraphs
/// given by `g`'s graph attribute `subgraphs` are built on it through libxir's API
/// and counted there. Errors: helper missing, libxir refused the file (its words).
Result<XirVerdict> judgeXmodel(llvm::StringRef path, const Graph *plan, DiagEngine &diags);

} // namespace dpuopt
#endif

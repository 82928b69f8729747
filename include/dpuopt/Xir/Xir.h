//===- Xir.h - .xmodel files to and from the IR -------------------------------===//
//
// An own reader and writer of the vendor's protobuf schema (facts: xmodel-format):
// validated, deterministic, streaming, and unable to abort. `fix` ops are xir.fix
// with the fix point in the result type; `const` + float data stay as they are.
// libxir itself is only the judge, in a child process (dpuopt-xir-judge).
//
// Mapping: op `conv2d` <-> `xir.conv2d`; op `const`/`const-fix` with data <-> `const`
// (attribute `xir_type` when it is not what the type implies). The result value is the
// tensor; the op is named like it unless attribute `op_name` says otherwise (compiled
// files). What the type says is not repeated: fix point, width and sign of fix ops and
// of fixed-point tensors, shape and data type of constants. Other tensor attributes are
// in the dictionary `tensor_attrs`. Rare things are remembered in attributes of ours:
// `tensor_fix` (a fixed-point tensor has these fix attributes only), `tensor_type` (the
// tensor's type is not the usual one), `empty_args` (the arguments without a producer, if
// they are not all optional ones that the op lacks), `arg_names` (arguments the table does
// not have), `absent_attrs` (the file lacks what the writer would add to ops that libxir
// 2.5 does not define: shape, data_type), `off_table` (it does not fit libxir's definition).
//
// A compiled file's `const-fix` has no data of its own; its numbers are in the parameter
// blob of its DPU subgraph. It is a `const` too, whose value is a slice of that blob,
// with the attribute `in_parameters`; exporting writes the empty data and the blob
// again. Where the blob does not have the numbers as they are (too short, missing, spread
// by `stride`, a DPU other than a DPUCZDX8G) the op stays an xir.const-fix without a
// value, and a warning says how many. Numbers are those in the file: a bias that the compiler has shifted stays shifted.
//
// Graph attributes: `return_ops` and others as in the file (written also where the outputs
// are not simply the ops without users); `subgraphs`, the root's
// children (list of dicts attrs, children, name, ops; `ops` has the children's too);
// `root_attrs`, the root's attributes; `op_defs`, the file's definitions of ops in use
// that libxir 2.5 does not define. Definitions of other ops are not kept: libxir
// ignores them.
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
/// The same from memory; `path` names the file in diagnostics.
Result<std::unique_ptr<Graph>> importXmodelBytes(const Blob &file, llvm::StringRef path, DiagEngine &diags);

/// Checks everything libxir would abort on (missing attributes, duplicate names,
/// argument counts, constant sizes), then writes. Same graph, same bytes.
/// Only xir.* and const ops are allowed. Ops that libxir 2.5 does not define get the
/// attributes shape and data_type, which it asks for. Everything in the graph is
/// written, also `device` attributes and `subgraphs`: export before partitioning for
/// what the quantizer would write.
Status exportXmodel(const Graph &g, llvm::StringRef path, DiagEngine &diags);
/// The checks of exportXmodel alone.
Status checkExportable(const Graph &g, DiagEngine &diags);

/// What libxir says of a file.
struct XirVerdict {
  std::string graphName;
  uint64_t numOps = 0;
  std::vector<std::string> opNames;                           ///< topological order
  std::vector<std::pair<std::string, std::string>> subgraphs; ///< name, device
};
/// Loads `path` through libxir in a child process; with a plan, the subgraphs
/// given by `g`'s graph attribute `subgraphs` are built on it through libxir's API
/// and counted there. Errors: helper missing, libxir refused or aborted (its words),
/// libxir sees other ops, or infers other shapes or data types, than the file has.
Result<XirVerdict> judgeXmodel(llvm::StringRef path, const Graph *plan, DiagEngine &diags);

} // namespace dpuopt
#endif

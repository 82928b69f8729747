//===- CompiledCheck.h - is the compiler's file what it was to make? ------------------===//
//
// A compiled xmodel against the quantized one it was made from: partition as predicted,
// every fix point and weight still there, made from this very file, for this DPU. Knows
// no flag and runs nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMPILEDCHECK_H
#define DPUOPT_TOOLS_DPUC_COMPILEDCHECK_H

#include "dpuopt/Target/Conformance.h"
#include "dpuopt/Target/Target.h"

namespace dpuopt {

/// One thing that was checked.
struct CheckedItem {
  std::string what; ///< "partition", "fingerprint", "fix points", "weights", "source", "meta.json", "md5sum.txt"
  bool good = true;
  std::string text = {};
  std::vector<std::string> details = {}; ///< what differs, a line each
  std::vector<std::string> values =
      {}; ///< of the quantized graph: those that `details` is about, where it is about one
};

struct CompiledCheck {
  std::vector<CheckedItem> items;
  Conformance partition;
  bool good() const {
    return llvm::all_of(items, [](const CheckedItem &i) { return i.good; });
  }
};

/// A model and the file it is in.
struct ModelFile {
  const Graph &graph;
  std::string path;
};

/// `quantized`: before placement. meta.json and md5sum.txt are looked for beside the compiled file, and may be missing.
/// `expectDpu`: DPU subgraphs asked for, if not those predicted. Errors: files that cannot be read.
Result<CompiledCheck> checkCompiled(const ModelFile &quantized, const ModelFile &compiled, const Target &target,
                                    std::optional<unsigned> expectDpu, DiagEngine &diags);

/// A line per item, details below; at most `mostDetails` of each.
void printCompiledCheck(const CompiledCheck &check, size_t mostDetails, llvm::raw_ostream &os);

} // namespace dpuopt
#endif

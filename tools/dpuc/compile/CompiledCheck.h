//===- CompiledCheck.h - is the compiler's file what it was to make? ------------------===//
//
// A compiled xmodel against the quantized one it was made from: partition as predicted,
// every fix point and weight still there, the same results, made from this very file, for
// this DPU. The instructions of the DPU are not looked at: only one can run them.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMPILEDCHECK_H
#define DPUOPT_TOOLS_DPUC_COMPILEDCHECK_H

#include "dpuopt/Target/Conformance.h"
#include "dpuopt/Target/Target.h"

namespace dpuopt {

/// One thing that was checked.
struct CheckedItem {
  std::string what; ///< "partition", "fingerprint", "fix points", "weights", "results", "source", "meta.json"...
  bool good = true;
  std::string text = {};
  std::vector<std::string> details = {}; ///< what differs, a line each
  std::vector<std::string> values = {};  ///< the values of the quantized graph that `details` is about, where it is
  bool looked = true;                    ///< false: nothing could be checked, `text` says why

  static CheckedItem unchecked(std::string what, std::string why) {
    CheckedItem item{std::move(what), true, std::move(why)};
    item.looked = false;
    return item;
  }
  /// A line about a value of the quantized graph.
  void add(std::string detail, llvm::StringRef value) {
    details.push_back(std::move(detail));
    values.push_back(value.str());
  }
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

/// What is known besides the two files.
struct CheckRequest {
  std::optional<unsigned> expectDpu = {}; ///< DPU subgraphs asked for, if not those predicted
  bool targetOfFile = false;              ///< nobody said for which DPU it was to be: the file's own was taken
  bool execute = true;                    ///< both, to compare what they compute
};

/// `quantized`: before placement. meta.json and md5sum.txt are looked for beside the compiled file, and may be missing.
/// Errors: files that cannot be read.
Result<CompiledCheck> checkCompiled(const ModelFile &quantized, const ModelFile &compiled, const Target &target,
                                    const CheckRequest &request, DiagEngine &diags);

/// A line per item, details below; at most `mostDetails` of each.
void printCompiledCheck(const CompiledCheck &check, size_t mostDetails, llvm::raw_ostream &os);

} // namespace dpuopt
#endif

//===- Pass.h - what a pass is ----------------------------------------------===//
//
// A pass is a function and a descriptor. It checks everything, then mutates; it
// says what it did in its PassResult and (for the user) in remarks. The list of
// all passes is passes/Passes.def; this library knows none of them.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASS_PASS_H
#define DPUOPT_PASS_PASS_H

#include "dpuopt/IR/Graph.h"
#include <map>

namespace dpuopt {

enum class PassResult { Failure, Unchanged, Changed };

/// What a pass promises about the numbers; --check-equivalence holds it to that.
enum class Preserves {
  Exactly, ///< same values bit for bit
  Closely, ///< same up to float rounding (5e-4 of the output's range)
  Meaning, ///< changes values on purpose (quantization, approximations): difference is printed, not judged
};

struct PassOption {
  const char *name;        ///< kebab-case
  const char *placeholder; ///< "FILE", "N", ...; nullptr for a flag
  const char *help;        ///< one line
  const char *defaultValue = "";
};

/// Options as given in the pipeline: `name<file=q.json,strict>`; a flag is "true".
using PassOptions = std::map<std::string, std::string, std::less<>>;

struct PassContext {
  DiagEngine &diags;
  const PassOptions &options; ///< declared ones only (checked), defaults filled in
  /// Named option; "" when not given and without default.
  const std::string &option(llvm::StringRef name) const;
  bool flag(llvm::StringRef name) const { return option(name) == "true"; }
  /// Integer option; emits an error and returns nullopt if it is not a number.
  std::optional<int64_t> intOption(llvm::StringRef name) const;
};

struct PassInfo {
  const char *name;        ///< verb-object, kebab-case: "fold-batchnorm"
  const char *summary;     ///< one line, imperative, no full stop
  const char *description; ///< Markdown: before, after, conditions, formula
  Preserves preserves;
  std::vector<PassOption> options;
  PassResult (*run)(Graph &g, PassContext &ctx);
};

/// A named pipeline: a string that expands.
struct PipelineInfo {
  const char *name, *summary, *expansion;
};

/// Everything that can be named in --passes.
struct PassRegistry {
  std::vector<const PassInfo *> passes;
  std::vector<PipelineInfo> pipelines;
  const PassInfo *find(llvm::StringRef name) const;
  const PipelineInfo *findPipeline(llvm::StringRef name) const;
};

} // namespace dpuopt
#endif

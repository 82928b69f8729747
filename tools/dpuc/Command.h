//===- Command.h - what a command of dpuc is, and the flags several share ---------===//
//
// A command is one .cpp that defines `const Command NameCommand`, and one line in
// Commands.def. It declares its own flags on its own SubCommand; nothing here knows
// which commands there are.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMMAND_H
#define DPUOPT_TOOLS_DPUC_COMMAND_H

#include "Job.h"
#include "dpuopt/Quant/FixPlan.h"
#include "llvm/Support/CommandLine.h"

namespace dpuopt {

namespace cl = llvm::cl;

struct Command {
  cl::SubCommand &sub;
  /// Returns the exit code; what went wrong has been printed through the DiagEngine.
  int (*run)(DiagEngine &diags);
};

/// Every flag of dpuc is in this category: the rest of --help is hidden.
cl::OptionCategory &dpucCategory();

/// Writes the file that a flag names; without a name nothing, and `text` is not called.
Status writeNamed(const std::string &file, llvm::function_ref<std::string()> text, DiagEngine &diags);

/// Part I of N, as flags take it.
struct ShardOption {
  unsigned index = 0, count = 1; ///< index from 0
};
/// "I/N" with I from 1 to N; nullopt: it is something else.
std::optional<ShardOption> parseShard(llvm::StringRef text);

/// --target and --vitis-ai.
class TargetFlags {
public:
  explicit TargetFlags(cl::SubCommand &sub);
  TargetRequest request() const { return {target, vitisAi}; }

private:
  cl::opt<std::string> target, vitisAi;
};

/// --input-shape, once for each input with dynamic dimensions.
class InputShapeFlag {
public:
  explicit InputShapeFlag(cl::SubCommand &sub);
  /// Errors: a malformed shape.
  Result<OnnxImportOptions> read(DiagEngine &diags) const;

private:
  cl::list<std::string> shapes;
};

/// --remarks: also print what was done and why.
class RemarksFlag {
public:
  explicit RemarksFlag(cl::SubCommand &sub);
  void apply(DiagEngine &diags) const { diags.printRemarks(remarks); }

private:
  cl::opt<bool> remarks;
};

/// --quant-map, --allow-unbound, --allow-missing: how keys of a quant_info.json may bind.
class BindFlags {
public:
  explicit BindFlags(cl::SubCommand &sub);
  /// As options of the pass apply-quant-info.
  PassOptions passOptions() const;
  /// Reads the map; its errors are diagnostics.
  Result<BindOptions> read(DiagEngine &diags) const;

private:
  cl::opt<std::string> map;
  cl::opt<bool> unbound, missing;
};

/// The model, the shapes of its inputs and its target.
class SourceFlags {
public:
  /// `needed`: cl::Optional where the command can do without a model.
  explicit SourceFlags(cl::SubCommand &sub, cl::NumOccurrencesFlag needed = cl::Required);
  const std::string &model() const { return path; }
  TargetRequest target() const { return targetFlags.request(); }
  /// Reads them into `options`; a malformed --input-shape is an error.
  Status fill(ModelOptions &options, DiagEngine &diags) const;

private:
  cl::opt<std::string> path;
  TargetFlags targetFlags;
  InputShapeFlag inputShapes;
};

/// SourceFlags, and what else `check` and `compile` have in common.
class ModelFlags {
public:
  explicit ModelFlags(cl::SubCommand &sub, cl::NumOccurrencesFlag needed = cl::Required);
  Status fill(ModelOptions &options, DiagEngine &diags) const;

private:
  SourceFlags source;
  RemarksFlag remarks;
  cl::opt<int> expectDpu;
  cl::opt<bool> timePasses;
};

} // namespace dpuopt
#endif

//===- OutputFolder.h - the folder that a command writes its results into -----------===//
#ifndef DPUOPT_TOOLS_DPUC_OUTPUTFOLDER_H
#define DPUOPT_TOOLS_DPUC_OUTPUTFOLDER_H

#include "dpuopt/Support/File.h"
#include "llvm/ADT/Twine.h"

namespace dpuopt {

class OutputFolder {
public:
  explicit OutputFolder(std::string path) : path(std::move(path)) {}
  /// Makes it where it is missing. Errors: no folder, or one that cannot be written to.
  Status prepare(DiagEngine &diags);
  /// Removes it again if prepare() made it and nothing is in it.
  void removeIfMade();

  const std::string &name() const { return path; }
  std::string file(const llvm::Twine &leaf) const;
  /// Writes `leaf` as a whole or not at all, and notes it in written().
  Status write(const llvm::Twine &leaf, DiagEngine &diags, llvm::function_ref<void(llvm::raw_ostream &)> print);
  /// Notes a file that somebody else has written.
  std::string note(const llvm::Twine &leaf);
  const std::vector<std::string> &written() const { return files; }

private:
  std::string path;
  std::vector<std::string> files;
  bool made = false;
};

/// What results are called: net of net.onnx, and of net_int.onnx, the quantizer's own export.
std::string resultName(llvm::StringRef model);

} // namespace dpuopt
#endif

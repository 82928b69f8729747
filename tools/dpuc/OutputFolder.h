//===- OutputFolder.h - the folder that a command writes its results into -----------===//
//
// All of a command's results appear together, or none do. They are written into a folder
// of their own beside the one asked for, and take its place in one step: whoever kills us,
// and whoever else writes there at the same time, there is one complete set of results.
// Other files in the folder stay; those of the same command's last set are gone. Where
// folders cannot be exchanged (the current one, a mount point, one with folders in it) the
// files are moved one by one.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_OUTPUTFOLDER_H
#define DPUOPT_TOOLS_DPUC_OUTPUTFOLDER_H

#include "dpuopt/Support/File.h"
#include "llvm/ADT/Twine.h"

namespace dpuopt {

class OutputFolder {
public:
  OutputFolder(std::string path, llvm::StringRef command)
      : path(path.empty() ? "." : std::move(path)), manifest((".dpuc-" + command).str()) {}
  ~OutputFolder(); ///< removes what was not committed
  OutputFolder(const OutputFolder &) = delete;
  /// Errors: no folder, or one that cannot be written to. Removes what killed commands have left.
  Status prepare(DiagEngine &diags);

  const std::string &name() const { return path; }
  /// Where `leaf` is until commit().
  std::string file(const llvm::Twine &leaf) const;
  /// Where it will be, for people to read.
  std::string shown(const llvm::Twine &leaf) const;
  /// The folder itself until commit().
  const std::string &stage() const { return staging; }
  /// Writes `leaf` and notes it in written().
  Status write(const llvm::Twine &leaf, DiagEngine &diags, llvm::function_ref<void(llvm::raw_ostream &)> print);
  /// Has `make` write `leaf`, whose path now it gets; what it says of it has the path where the file will be.
  Status make(const llvm::Twine &leaf, DiagEngine &diags,
              llvm::function_ref<Status(const std::string &path, DiagEngine &)> make);
  /// Notes a file that somebody else writes; returns file(leaf).
  std::string note(const llvm::Twine &leaf);
  /// The files, where they will be.
  std::vector<std::string> written() const;
  /// Makes all files appear. Errors: the file system's; then the old ones are still there.
  Status commit(DiagEngine &diags);

private:
  Status fail(const llvm::Twine &what, std::error_code ec, DiagEngine &diags) const;
  void removeAbandoned() const;
  void removeForeign() const;
  bool mayExchange() const;
  std::error_code exchange() const;
  std::error_code moveOneByOne() const;

  std::string path, staging;
  std::string manifest; ///< names the files of a set, one a line, so that the next one knows which to leave out
  std::vector<std::string> leaves;
};

/// folder/leaf.
std::string pathIn(llvm::StringRef folder, const llvm::Twine &leaf);
/// What results are called: net of net.onnx, and of net_int.onnx, the quantizer's own export.
std::string resultName(llvm::StringRef model);

} // namespace dpuopt
#endif

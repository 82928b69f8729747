//===- BoardPackage.h - a package of dpuc compile, and our own programs, on a board ----------===//
//
// Both are copied into a new folder beside the one that is wanted, checked there, and take
// its place by renaming. What is no package of ours is never replaced.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BOARDPACKAGE_H
#define DPUOPT_TOOLS_DPUC_BOARDPACKAGE_H

#include "Board.h"

namespace dpuopt {

struct PackageFile {
  std::string name, md5; ///< a plain file name
  uint64_t bytes = 0;
};

/// What `dpuc compile` or `dpuc contract` has written, as far as it is for a board.
struct BoardPackage {
  std::string folder;       ///< here
  std::string model;        ///< the compiled xmodel, one of the files
  uint64_t fingerprint = 0; ///< of the DPU it is for; 0: the contract does not say
  std::vector<PackageFile> files;
  std::string place; ///< there, if the user names none
};

/// Reads contract.json and the files. Errors [remote.package]: no such file, a model that is not compiled, or another
/// one than the contract's.
Result<BoardPackage> readPackage(llvm::StringRef folder, DiagEngine &diags);
/// Copies it to the folder `to` there. Errors: [remote.place], what copying can end with.
Status deployPackage(const BoardPackage &package, llvm::StringRef to, Ssh &ssh, unsigned seconds, DiagEngine &diags);
std::string packageJson(const BoardPackage &package, llvm::StringRef to, const Board &board);

/// Where our programs are looked for on a board, beside its PATH.
constexpr const char *InstalledAt = "/opt/dpuopt";
/// Unpacks an archive of scripts/cross.sh to the folder `to` there. Errors: [remote.place], [remote.install]: it is
/// none, or the board cannot run what is in it.
Status installArchive(llvm::StringRef archive, llvm::StringRef to, Ssh &ssh, unsigned seconds, DiagEngine &diags);

} // namespace dpuopt
#endif

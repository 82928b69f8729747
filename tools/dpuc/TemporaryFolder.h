//===- TemporaryFolder.h - a folder of our own, gone when it is not needed ---------------===//
#ifndef DPUOPT_TOOLS_DPUC_TEMPORARYFOLDER_H
#define DPUOPT_TOOLS_DPUC_TEMPORARYFOLDER_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <string>

namespace dpuopt {

/// In the system's folder for such things ($TMPDIR, /tmp); only its owner can look into it.
class TemporaryFolder {
public:
  explicit TemporaryFolder(llvm::StringRef prefix) : missing(bool(llvm::sys::fs::createUniqueDirectory(prefix, path))) {
    if (!missing)
      llvm::sys::fs::setPermissions(path, llvm::sys::fs::owner_all);
  }
  ~TemporaryFolder() {
    if (!missing)
      llvm::sys::fs::remove_directories(path);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  bool failed() const { return missing; } ///< there is none
  std::string name() const { return std::string(path); }
  std::string file(llvm::StringRef leaf) const {
    llvm::SmallString<128> full(path);
    llvm::sys::path::append(full, leaf);
    return std::string(full);
  }

private:
  llvm::SmallString<128> path;
  bool missing;
};

} // namespace dpuopt
#endif

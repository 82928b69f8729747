//===- FileSearch.h - the files below some paths (internal to lib/Driver) ----------===//
#ifndef DPUOPT_LIB_DRIVER_FILESEARCH_H
#define DPUOPT_LIB_DRIVER_FILESEARCH_H

#include "dpuopt/Support/Diagnostic.h"
#include "llvm/ADT/ArrayRef.h"

namespace dpuopt {

struct FoundFile {
  std::string path;
  bool wanted;            ///< it has the extension asked for, or was named itself
  bool isSibling = false; ///< not asked for: it is in the folder of one that was named, and has the extension
};

/// Every regular file at or below `paths`, each once, in byte order of their paths. Links to folders are not
/// followed. A path that does not exist or a folder that cannot be read is an error.
Result<std::vector<FoundFile>> findFiles(llvm::ArrayRef<std::string> paths, llvm::StringRef extension,
                                         DiagEngine &diags);

} // namespace dpuopt
#endif

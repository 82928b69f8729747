//===- Zip.h - some files as one, to attach to a report ------------------------------===//
//
// A zip archive without compression: every system opens it. The same files give the same
// bytes. Not for gigabytes: sizes have 32 bits there.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_ZIP_H
#define DPUOPT_SUPPORT_ZIP_H

#include "dpuopt/Support/Blob.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace dpuopt {

struct ZipFile {
  std::string name; ///< with '/' between folders; UTF-8
  Blob bytes;
};

/// Nothing is written, and false returned, for more than 65535 files, 4 GB, or a name beyond 65535 bytes.
bool writeZip(llvm::ArrayRef<ZipFile> files, llvm::raw_ostream &os);

} // namespace dpuopt
#endif

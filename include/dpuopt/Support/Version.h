//===- Version.h - which release of dpuopt this is ------------------------------===//
#ifndef DPUOPT_SUPPORT_VERSION_H
#define DPUOPT_SUPPORT_VERSION_H

#include "llvm/Support/raw_ostream.h"
#include <string>

namespace dpuopt {

/// "dpuopt-0.1.0": what `--version` prints and files say of their maker.
std::string productVersion();
/// As LLVM's command line wants it.
void printVersion(llvm::raw_ostream &os);

} // namespace dpuopt
#endif

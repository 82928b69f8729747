//===- Version.cpp - which release of dpuopt this is ----------------------------===//
#include "dpuopt/Support/Version.h"

std::string dpuopt::productVersion() { return "dpuopt-" DPUOPT_VERSION; }

void dpuopt::printVersion(llvm::raw_ostream &os) { os << productVersion() << "\n"; }

//===- Oddity.h - what is odd in a file, said once -----------------------------------===//
#ifndef DPUOPT_LIB_XIR_ODDITY_H
#define DPUOPT_LIB_XIR_ODDITY_H

#include "dpuopt/Support/Diagnostic.h"
#include <fmt/format.h>

namespace dpuopt::xmodel {

/// Something that is kept as it is and said once for the whole file.
struct Oddity {
  unsigned count = 0;
  std::string first;

  void add(llvm::StringRef op, const std::string &why) {
    if (count++ == 0)
      first = fmt::format("'{}' ({})", op.str(), why);
  }
  void warn(const char *what, llvm::StringRef path, DiagEngine &diags) const {
    if (count)
      diags.warning(fmt::format("{}: {}; the first is {}", what, count, first)).file(path.str());
  }
};

} // namespace dpuopt::xmodel
#endif

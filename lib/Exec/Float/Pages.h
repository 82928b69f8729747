//===- Pages.h - memory that need not be there for now ----------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FLOAT_PAGES_H
#define DPUOPT_LIB_EXEC_FLOAT_PAGES_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace dpuopt::exec {

/// Says that these bytes will hardly be read again: pages of a mapped file leave memory. The content stays, wherever it
/// is; without system support nothing happens.
void giveBack(llvm::ArrayRef<uint8_t> bytes);

} // namespace dpuopt::exec
#endif

//===- Idx.h - FashionMNIST's gzipped idx files -----------------------------------===//
#ifndef DPUOPT_DATA_IDX_H
#define DPUOPT_DATA_IDX_H

#include "dpuopt/Data/DataSource.h"

namespace dpuopt::data {

/// The first items of an idx file of bytes: `dims` without the leading item count.
struct Idx {
  std::vector<int64_t> dims;
  size_t items = 0;           ///< read, not in the file
  std::vector<uint8_t> bytes; ///< items * product(dims)
};

/// Reads at most `most` items of a gzipped (or plain) idx file of unsigned bytes with `rank`
/// dimensions, item count included. Errors name the file: bad magic, absurd size, truncated.
Result<Idx> readIdx(llvm::StringRef path, unsigned rank, size_t most, DiagEngine &diags);

} // namespace dpuopt::data
#endif

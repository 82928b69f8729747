//===- InputFiles.h - inputs from files of numbers ------------------------------------===//
//
// Private to lib/Data.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DATA_INPUTFILES_H
#define DPUOPT_DATA_INPUTFILES_H

#include "dpuopt/Data/InputSource.h"

namespace dpuopt::data {

inline Shape copyOf(llvm::ArrayRef<int64_t> shape) { return Shape(shape.begin(), shape.end()); }

/// Is it a file of numbers by its name (.i8 .u8 .i16 .f32 .bin .npy)?
bool isTensorFile(llvm::StringRef path);
/// Opens one; `prepared` says how pixels are normalized. Errors say what the input takes and what the file has.
Result<std::unique_ptr<DataSource>> openInputFile(llvm::StringRef path, const InputWanted &wanted,
                                                  const DataOptions &options, const DataOptions &prepared,
                                                  DiagEngine &diags);
/// Images, data sets and arrays that lib/Data scales and normalizes.
Result<std::unique_ptr<DataSource>> openPrepared(DataSpec spec, const InputWanted &wanted, DiagEngine &diags);

} // namespace dpuopt::data
#endif

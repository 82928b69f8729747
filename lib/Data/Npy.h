//===- Npy.h - NumPy's .npy files ---------------------------------------------------===//
#ifndef DPUOPT_DATA_NPY_H
#define DPUOPT_DATA_NPY_H

#include "dpuopt/IR/Tensor.h"
#include "dpuopt/Support/Diagnostic.h"

namespace dpuopt::data {

/// Maps a .npy file (versions 1 to 3; f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8, bool; little endian;
/// C order). The tensor's bytes stay in the file. Errors name the file and the field.
Result<Tensor> readNpy(llvm::StringRef path, DiagEngine &diags);
Result<Tensor> parseNpy(const Blob &file, llvm::StringRef path, DiagEngine &diags);

} // namespace dpuopt::data
#endif

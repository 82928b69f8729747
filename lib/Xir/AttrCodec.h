//===- AttrCodec.h - attributes to and from the xmodel's wire form ---------------===//
#ifndef DPUOPT_LIB_XIR_ATTRCODEC_H
#define DPUOPT_LIB_XIR_ATTRCODEC_H

#include "dpuopt/IR/Attr.h"
#include "dpuopt/Support/Wire.h"

namespace dpuopt::xmodel {

/// Decodes one Attr message; bytes stay slices of `file`. nullopt: malformed or of
/// an unknown kind.
std::optional<Attr> decodeAttr(llvm::StringRef message, const Blob &file);
/// Decodes one map<string, Attr> entry into `out`.
bool decodeAttrEntry(llvm::StringRef entry, const Blob &file, AttrMap &out);

/// Can an xmodel hold this attribute? (no tensors, dictionaries, or lists of lists)
bool isEncodable(const Attr &a);
/// Appends a map<string, Attr> entry as field `field`. The attribute must be encodable.
void encodeAttrEntry(WireWriter &out, uint32_t field, llvm::StringRef name, const Attr &a);

/// The slice of `file` that `view` (a view into it) covers.
Blob sliceOf(const Blob &file, llvm::StringRef view);

} // namespace dpuopt::xmodel
#endif

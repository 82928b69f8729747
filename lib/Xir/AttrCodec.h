//===- AttrCodec.h - attributes to and from the xmodel's wire form ---------------===//
#ifndef DPUOPT_LIB_XIR_ATTRCODEC_H
#define DPUOPT_LIB_XIR_ATTRCODEC_H

#include "Rope.h"
#include "dpuopt/IR/Attr.h"
#include <optional>

namespace dpuopt::xmodel {

/// Decodes one map<string, Attr> entry into `out`; bytes stay slices of `file`. False:
/// malformed, of an unknown kind, or text that is not UTF-8.
bool decodeAttrEntry(llvm::StringRef entry, const Blob &file, AttrMap &out);

/// Can an xmodel hold this attribute? (no tensors, dictionaries, lists of lists, text
/// that is not UTF-8)
bool isEncodable(const Attr &a);
/// Appends a map<string, Attr> entry as field `field`. The attribute must be encodable.
void encodeAttrEntry(Rope &out, uint32_t field, llvm::StringRef name, const Attr &a);

/// protobuf refuses files with names and texts that are not.
bool isUtf8(llvm::StringRef text);

/// The slice of `file` that `view` (a view into it) covers.
Blob sliceOf(const Blob &file, llvm::StringRef view);

} // namespace dpuopt::xmodel
#endif

//===- TextLiterals.h - numbers, shapes and constants from text -------------===//
//
// The parts of the parser that look at one literal and know no grammar.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_IR_TEXTLITERALS_H
#define DPUOPT_LIB_IR_TEXTLITERALS_H

#include "dpuopt/IR/Text.h"

namespace dpuopt {

/// splat(0.5), dense(1, 2), blob(0x12, 40), iota, rand(7): as written.
struct TensorLiteral {
  std::string form;
  std::vector<std::string> numbers;
  unsigned line = 0;
};

/// Makes the tensor a literal means for `type`; returns what is wrong, or "".
std::string buildTensor(const TensorLiteral &literal, const Type &type, const SideData &side, Tensor &out);
/// The side file's bytes for blob(hash, size); returns what is wrong, or "".
std::string findBlob(const TensorLiteral &literal, const SideData &side, Blob &out);

/// "1x3x?x8", "" (scalar) or "*" (unranked).
bool parseShape(llvm::StringRef dims, ElemType elem, Type &out);
bool parseHex(llvm::StringRef digits, std::string &out);
std::optional<AttrKind> parseAttrKind(llvm::StringRef name);

/// inf, -inf, nan: words that are numbers.
bool isNumberWord(llvm::StringRef text, bool isWord);
/// Does a number without a kind mean a float?
bool looksFloat(llvm::StringRef text);
/// `kind` is an int or float kind; false when out of range or malformed.
bool parseNumber(llvm::StringRef text, AttrKind kind, Attr &out);

} // namespace dpuopt
#endif

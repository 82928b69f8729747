//===- Template.h - text with places to fill in and parts to leave out ---------------===//
//
// `@{key}` is replaced by the value of key. Lines between `@if key` and `@end` stay if key has
// a value other than "", those behind `@else` if it has none. Such lines nest.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_DEPLOY_TEMPLATE_H
#define DPUOPT_LIB_DEPLOY_TEMPLATE_H

#include "llvm/ADT/StringRef.h"
#include <map>
#include <string>

namespace dpuopt::deploy {

using Values = std::map<std::string, std::string>;

/// A key that has no entry in `values` is our mistake (asserted).
std::string fillTemplate(llvm::StringRef text, const Values &values);

/// `text` as a literal of C++ with its quotes: printable ASCII as it is, every other byte as three octal digits.
std::string cppLiteral(llvm::StringRef text);
/// `text` as a literal of Python with its quotes; bytes that are no UTF-8 become U+FFFD.
std::string pythonLiteral(llvm::StringRef text);

} // namespace dpuopt::deploy
#endif

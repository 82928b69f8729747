//===- Text.h - the .dpuir text form ---------------------------------------===//
//
// parse(print(g)) == g. Constants of up to InlineElements numbers are written
// out; larger ones as blob(<hash>, <bytes>) whose content is in a side file
// (`X.dpuir.bin` beside `X.dpuir`). Grammar and examples: docs/ir.md.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_TEXT_H
#define DPUOPT_IR_TEXT_H

#include "dpuopt/IR/Graph.h"
#include <map>

namespace dpuopt {

/// Big constants by content hash; the side file in memory.
using SideData = std::map<uint64_t, Blob>;

/// Constants with more elements than this go to the side file.
constexpr int64_t InlineElements = 16;

/// Prints `g`; fills `side` (if given) with every blob(...) it mentions.
void printGraph(const Graph &g, llvm::raw_ostream &os, SideData *side = nullptr);
std::string printOp(const Op &op); ///< one line, without newline
std::string printAttr(const Attr &a);
/// `%name`, quoted when it is not a plain identifier.
std::string printValueName(llvm::StringRef name);

/// Parses one graph. `file` names it in diagnostics ("file:line:column: error: ...").
Result<std::unique_ptr<Graph>> parseGraph(llvm::StringRef text, llvm::StringRef file, const SideData &side,
                                          DiagEngine &diags);

/// Side file codec; the reader maps and checks every hash lazily (size only).
Status writeSideFile(llvm::StringRef path, const SideData &side, DiagEngine &diags);
Result<SideData> readSideFile(llvm::StringRef path, DiagEngine &diags);

/// `.dpuir` with its side file (written only when needed, read when it exists).
Status saveText(const Graph &g, llvm::StringRef path, DiagEngine &diags);
Result<std::unique_ptr<Graph>> loadText(llvm::StringRef path, DiagEngine &diags);

} // namespace dpuopt
#endif

//===- Lines.cpp - text of at most 100 columns ----------------------------------------===//
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Support/Printable.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/JSON.h"

using namespace dpuopt;

/// Behind a head of more than half a line.
static constexpr size_t DeepIndent = 10;
/// Of a word: longer ones are shortened in the middle.
static constexpr size_t LongestWord = 3 * Columns;

void dpuopt::printWrapped(llvm::raw_ostream &os, llvm::StringRef head, llvm::StringRef text, size_t printed) {
  os << head;
  size_t column = printed + head.size();
  const size_t indent = column <= Columns / 2 ? column : DeepIndent;
  bool fresh = true; // nothing of the text stands in this line
  auto newLine = [&] {
    os << '\n';
    os.indent(indent);
    column = indent, fresh = true;
  };
  llvm::SmallVector<llvm::StringRef, 32> words;
  text.split(words, ' ', -1, false);
  for (llvm::StringRef raw : words) {
    const std::string shown = shortened(raw, LongestWord);
    llvm::StringRef word = shown;
    if (column + !fresh + word.size() > Columns && column > indent)
      newLine();
    os << (fresh ? "" : " ");
    column += !fresh;
    for (; column + word.size() > Columns; newLine())
      os << word.take_front(Columns - column), word = word.drop_front(Columns - column);
    os << word;
    column += word.size(), fresh = false;
  }
  os << '\n';
}

std::string dpuopt::shortened(llvm::StringRef raw, size_t width) {
  const std::string shown = printable(raw);
  const llvm::StringRef text = shown;
  if (text.size() <= width || width < 5)
    return text.str();
  size_t front = (width - 3) / 2, back = width - 3 - front;
  return text.take_front(front).str() + "..." + text.take_back(back).str();
}

std::string dpuopt::escapedXml(llvm::StringRef text) {
  std::string out;
  for (char c : llvm::json::fixUTF8(text))
    switch (c) {
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '&':
      out += "&amp;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  return out;
}

//===- Lines.cpp - text of at most 100 columns ----------------------------------------===//
#include "Lines.h"
#include "llvm/ADT/SmallVector.h"

using namespace dpuopt;

void dpuopt::printWrapped(llvm::raw_ostream &os, llvm::StringRef head, llvm::StringRef text) {
  os << head;
  size_t indent = head.size(), column = indent;
  llvm::SmallVector<llvm::StringRef, 32> words;
  text.split(words, ' ', -1, false);
  for (llvm::StringRef word : words) {
    if (column > indent && column + 1 + word.size() > Columns) {
      os << '\n';
      os.indent(indent);
      column = indent;
    }
    if (column > indent)
      os << ' ', ++column;
    os << word;
    column += word.size();
  }
  os << '\n';
}

std::string dpuopt::shortened(llvm::StringRef text, size_t width) {
  if (text.size() <= width || width < 5)
    return text.str();
  size_t front = (width - 3) / 2, back = width - 3 - front;
  return text.take_front(front).str() + "..." + text.take_back(back).str();
}

std::string dpuopt::escapedXml(llvm::StringRef text) {
  std::string out;
  for (char c : text)
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

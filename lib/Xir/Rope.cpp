//===- Rope.cpp - encoded bytes in pieces, big ones by reference -----------------===//
#include "Rope.h"

using namespace dpuopt;
using namespace dpuopt::xmodel;

/// Below this a copy is cheaper than a piece.
static constexpr size_t CopyLimit = 1024;

void Rope::refer(llvm::StringRef element, uint64_t count) {
  total += count;
  pieces.push_back({std::move(tail), element, count});
  tail.clear();
}

void Rope::bytes(uint32_t field, llvm::StringRef value) {
  if (value.size() <= CopyLimit)
    return string(field, value);
  header(field, value.size());
  refer(value, value.size());
}

void Rope::splat(uint32_t field, llvm::StringRef element, uint64_t size) {
  header(field, size);
  refer(element, size);
}

void Rope::message(uint32_t field, Rope sub) {
  header(field, sub.total);
  total += sub.total;
  for (Piece &p : sub.pieces) {
    p.before.insert(0, tail);
    tail.clear();
    pieces.push_back(std::move(p));
  }
  tail += sub.tail;
}

/// `count` bytes of `element` repeated, in large writes.
static void writeRepeated(llvm::StringRef element, uint64_t count, llvm::raw_ostream &os) {
  std::string chunk;
  while (chunk.size() < std::min<uint64_t>(count, 1 << 16))
    chunk += element;
  for (uint64_t n; count; count -= n) {
    n = std::min<uint64_t>(count, chunk.size());
    os.write(chunk.data(), n);
  }
}

void Rope::write(llvm::raw_ostream &os) const {
  for (const Piece &p : pieces) {
    os << p.before;
    if (p.count == p.element.size())
      os << p.element;
    else
      writeRepeated(p.element, p.count, os);
  }
  os << tail;
}

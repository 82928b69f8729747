//===- Pieces.cpp - a protobuf message as small buffers and big blobs ---------===//
#include "Pieces.h"

using namespace dpuopt;
using namespace dpuopt::onnx;

void Pieces::addBytes(llvm::StringRef bytes) {
  if (bytes.empty())
    return;
  if (pieces.empty() || pieces.back().repeat)
    pieces.emplace_back();
  pieces.back().bytes.append(bytes.data(), bytes.size());
  total += bytes.size();
}

void Pieces::addHeader(uint32_t field, uint64_t size) {
  WireWriter w;
  w.bytesHeader(field, size);
  addBytes(w.str());
}

void Pieces::addBlob(uint32_t field, Blob blob, uint64_t repeat) {
  uint64_t size = blob.size() * repeat;
  addHeader(field, size);
  if (!size)
    return;
  total += size;
  pieces.push_back({"", std::move(blob), repeat});
}

void Pieces::addMessage(uint32_t field, Pieces sub) {
  addHeader(field, sub.total);
  for (Piece &p : sub.pieces) {
    if (!p.repeat) {
      addBytes(p.bytes);
      continue;
    }
    total += p.blob.size() * p.repeat;
    pieces.push_back(std::move(p));
  }
}

void onnx::writeRepeated(llvm::raw_ostream &os, const Blob &blob, uint64_t repeat) {
  if (repeat <= 1 || blob.empty()) {
    if (repeat)
      os << blob.str();
    return;
  }
  // Small elements go out in blocks: one call per element would take minutes.
  uint64_t perBlock = std::min(repeat, std::max<uint64_t>(1, 65536 / blob.size()));
  std::string block;
  for (uint64_t i = 0; i < perBlock; ++i)
    block += blob.str();
  for (; repeat >= perBlock; repeat -= perBlock)
    os << block;
  os << llvm::StringRef(block).take_front(repeat * blob.size());
}

void Pieces::write(llvm::raw_ostream &os) const {
  for (const Piece &p : pieces)
    if (p.repeat)
      writeRepeated(os, p.blob, p.repeat);
    else
      os << p.bytes;
}

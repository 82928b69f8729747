//===- Pieces.h - a protobuf message as small buffers and big blobs -----------===//
//
// Length-delimited messages need their size up front. A message is collected as
// pieces (bytes made here, blobs that stay where they are, repeated elements), so
// that a 500 MB model is written without ever being in memory as one string.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_PIECES_H
#define DPUOPT_LIB_ONNX_PIECES_H

#include "dpuopt/Support/Blob.h"
#include "dpuopt/Support/Wire.h"

namespace dpuopt::onnx {

class Pieces {
public:
  /// Appends the fields in `w`.
  void add(const WireWriter &w) { addBytes(w.str()); }
  /// Appends a bytes field whose payload is `blob`, `repeat` times over.
  void addBlob(uint32_t field, Blob blob, uint64_t repeat = 1);
  /// Appends a sub-message.
  void addMessage(uint32_t field, Pieces sub);

  uint64_t size() const { return total; }
  void write(llvm::raw_ostream &os) const;

private:
  struct Piece {
    std::string bytes; ///< written when `repeat` is 0
    Blob blob;         ///< written `repeat` times
    uint64_t repeat = 0;
  };
  void addBytes(llvm::StringRef bytes);
  void addHeader(uint32_t field, uint64_t size);

  std::vector<Piece> pieces;
  uint64_t total = 0;
};

/// Writes `blob` `repeat` times over.
void writeRepeated(llvm::raw_ostream &os, const Blob &blob, uint64_t repeat);

} // namespace dpuopt::onnx
#endif

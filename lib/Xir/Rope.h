//===- Rope.h - encoded bytes in pieces, big ones by reference -------------------===//
//
// What WireWriter is for small messages, with two additions: a big bytes field is
// kept as a view of the constant's own memory (or mapped file), and a constant that
// is one element repeated stays one element. Nesting messages moves pieces, never
// copies payloads, so writing a 100 MB model needs memory for its small parts only.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_XIR_ROPE_H
#define DPUOPT_LIB_XIR_ROPE_H

#include "dpuopt/Support/Wire.h"

namespace dpuopt::xmodel {

class Rope {
public:
  void varint(uint32_t field, uint64_t value) {
    append([&](WireWriter &w) { w.varint(field, value); });
  }
  void f32(uint32_t field, float value) {
    append([&](WireWriter &w) { w.f32(field, value); });
  }
  void f64(uint32_t field, double value) {
    append([&](WireWriter &w) { w.f64(field, value); });
  }
  void packedFloats(uint32_t field, llvm::ArrayRef<float> v) {
    append([&](WireWriter &w) { w.packedFloats(field, v); });
  }
  void packedDoubles(uint32_t field, llvm::ArrayRef<double> v) {
    append([&](WireWriter &w) { w.packedDoubles(field, v); });
  }
  template <class Range> void packedVarints(uint32_t field, const Range &v) {
    append([&](WireWriter &w) { w.packedVarints(field, v); });
  }
  /// A string field; copied.
  void string(uint32_t field, llvm::StringRef value) {
    append([&](WireWriter &w) { w.bytes(field, value); });
  }
  /// A bytes field. Big ones are referenced: `value` must outlive the rope.
  void bytes(uint32_t field, llvm::StringRef value);
  /// A bytes field of `size` bytes that repeat `element`, which must outlive the rope.
  void splat(uint32_t field, llvm::StringRef element, uint64_t size);
  void message(uint32_t field, Rope sub);

  uint64_t size() const { return total; }
  void write(llvm::raw_ostream &os) const;

private:
  /// `before`, then `count` bytes made of `element` again and again.
  struct Piece {
    std::string before;
    llvm::StringRef element;
    uint64_t count;
  };
  template <class F> void append(F encode) {
    WireWriter w;
    encode(w);
    tail += w.str();
    total += w.size();
  }
  void header(uint32_t field, uint64_t size) {
    append([&](WireWriter &w) { w.bytesHeader(field, size); });
  }
  void refer(llvm::StringRef element, uint64_t count);

  std::vector<Piece> pieces;
  std::string tail;
  uint64_t total = 0;
};

} // namespace dpuopt::xmodel
#endif

//===- Blob.h - shared, immutable, possibly memory-mapped bytes -----------===//
//
// Weights are Blobs. A Blob may be a slice of a mapped model file: copying it
// copies a pointer, and nothing is read until somebody looks. A deferred one is not
// even computed before. Writing goes through mutableBytes(), which copies first if the
// bytes are shared or mapped.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_BLOB_H
#define DPUOPT_SUPPORT_BLOB_H

#include "dpuopt/Support/Diagnostic.h"
#include "dpuopt/Support/Status.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <functional>
#include <memory>

namespace dpuopt {

class Blob {
public:
  Blob() = default;
  /// A private copy of `bytes`.
  static Blob copy(llvm::ArrayRef<uint8_t> bytes);
  static Blob copy(llvm::StringRef bytes);
  /// `size` zero bytes, writable without a further copy.
  static Blob zeros(size_t size);
  /// Takes the vector's storage without copying its elements.
  template <class T> static Blob adopt(std::vector<T> values);
  /// Bytes that somebody else owns and keeps alive longer than any copy of this; written in place by its only copy.
  static Blob borrow(llvm::MutableArrayRef<uint8_t> bytes);
  /// `size` bytes that `make` computes from `source` when somebody first looks (once, whatever the number of threads);
  /// `source` is released then. Copies share the result. Chains of deferred blobs stay short: a long one is cut.
  static Blob deferred(size_t size, Blob source, std::function<Blob(const Blob &source)> make);
  /// Maps a whole file read-only. Error (missing, unreadable) names the path.
  static Result<Blob> mapFile(llvm::StringRef path, DiagEngine &diags);

  /// A view of [offset, offset + size) that keeps the whole alive; no copy.
  Blob slice(size_t offset, size_t size) const;

  llvm::ArrayRef<uint8_t> bytes() const { return later ? settled().bytes() : llvm::ArrayRef<uint8_t>(ptr, len); }
  llvm::StringRef str() const { return {reinterpret_cast<const char *>(bytes().data()), len}; }
  size_t size() const { return len; }
  bool empty() const { return len == 0; }

  /// Writable bytes; copies first when shared, sliced or mapped (copy on write).
  llvm::MutableArrayRef<uint8_t> mutableBytes();

  /// 64-bit content hash (xxHash64), the same on every machine.
  uint64_t hash() const;
  friend bool operator==(const Blob &a, const Blob &b) { return a.bytes() == b.bytes(); }

private:
  Blob(std::shared_ptr<const void> owner, const uint8_t *ptr, size_t len, bool writable)
      : owner(std::move(owner)), ptr(ptr), len(len), writable(writable) {}

  std::shared_ptr<const void> owner;
  const uint8_t *ptr = nullptr;
  size_t len = 0;
  bool writable = false; ///< owner is heap memory made for this blob alone

  struct Deferred;
  const Blob &settled() const;
  Deferred *later = nullptr; ///< what owner holds, of a deferred blob
};

template <class T> Blob Blob::adopt(std::vector<T> values) {
  auto held = std::make_shared<std::vector<T>>(std::move(values));
  auto *bytes = reinterpret_cast<const uint8_t *>(held->data());
  size_t size = held->size() * sizeof(T);
  return Blob(std::move(held), bytes, size, true);
}

} // namespace dpuopt
#endif

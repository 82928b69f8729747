//===- Blob.cpp - shared, immutable, possibly memory-mapped bytes --------===//
#include "dpuopt/Support/Blob.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"
#include <mutex>

using namespace dpuopt;

Blob Blob::zeros(size_t size) { return adopt(std::vector<uint8_t>(size)); }

Blob Blob::copy(llvm::ArrayRef<uint8_t> bytes) { return adopt(bytes.vec()); }

Blob Blob::copy(llvm::StringRef bytes) { return copy(llvm::arrayRefFromStringRef(bytes)); }

Blob Blob::borrow(llvm::MutableArrayRef<uint8_t> bytes) {
  return Blob(std::make_shared<char>(), bytes.data(), bytes.size(), true); // the owner only counts the copies
}

//===-- Deferred -------------------------------------------------------------===//

/// Reading a chain of deferred blobs recurses: longer ones are computed up to here.
static constexpr unsigned MaxDepth = 16;

struct Blob::Deferred {
  std::once_flag once;
  Blob source, result;
  std::function<Blob(const Blob &)> make;
  unsigned depth = 1;
};

Blob Blob::deferred(size_t size, Blob source, std::function<Blob(const Blob &)> make) {
  auto held = std::make_shared<Deferred>();
  if (source.later && source.later->depth >= MaxDepth)
    source = Blob(source.settled());
  held->depth = source.later ? source.later->depth + 1 : 1;
  held->source = std::move(source);
  held->make = std::move(make);
  Deferred *later = held.get();
  Blob blob(std::move(held), nullptr, size, false);
  blob.later = later;
  return blob;
}

const Blob &Blob::settled() const {
  std::call_once(later->once, [&] {
    later->result = later->make(later->source);
    if (later->result.later)
      later->result = Blob(later->result.settled());
    assert(later->result.size() == len);
    later->source = Blob();
    later->make = nullptr;
  });
  return later->result;
}

//===-- Files, views, writing ------------------------------------------------===//

Result<Blob> Blob::mapFile(llvm::StringRef path, DiagEngine &diags) {
  if (llvm::sys::fs::is_directory(path))
    return diags.error("cannot read '" + path.str() + "': it is a directory").file(path.str());
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return diags.error("cannot read '" + path.str() + "': " + buffer.getError().message()).file(path.str());
  std::shared_ptr<const llvm::MemoryBuffer> held = std::move(*buffer);
  auto *bytes = reinterpret_cast<const uint8_t *>(held->getBufferStart());
  size_t size = held->getBufferSize();
  return Blob(std::move(held), bytes, size, false);
}

Blob Blob::slice(size_t offset, size_t size) const {
  assert(offset <= len && size <= len - offset);
  return Blob(owner, bytes().data() + offset, size, false);
}

llvm::MutableArrayRef<uint8_t> Blob::mutableBytes() {
  if (later)
    *this = Blob(settled());
  if (len && (!writable || owner.use_count() != 1))
    *this = copy(bytes());
  return {const_cast<uint8_t *>(ptr), len};
}

uint64_t Blob::hash() const { return llvm::xxHash64(bytes()); }

//===- Blob.cpp - shared, immutable, possibly memory-mapped bytes --------===//
#include "dpuopt/Support/Blob.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"
#include <cstring>

using namespace dpuopt;

Blob Blob::zeros(size_t size) { return adopt(std::vector<uint8_t>(size)); }

Blob Blob::copy(llvm::ArrayRef<uint8_t> bytes) { return adopt(bytes.vec()); }

Blob Blob::copy(llvm::StringRef bytes) { return copy(llvm::arrayRefFromStringRef(bytes)); }

Blob Blob::borrow(llvm::MutableArrayRef<uint8_t> bytes) {
  return Blob(std::make_shared<char>(), bytes.data(), bytes.size(), true); // the owner only counts the copies
}

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
  return Blob(owner, ptr + offset, size, false);
}

llvm::MutableArrayRef<uint8_t> Blob::mutableBytes() {
  if (len && (!writable || owner.use_count() != 1))
    *this = copy(bytes());
  return {const_cast<uint8_t *>(ptr), len};
}

uint64_t Blob::hash() const { return llvm::xxHash64(bytes()); }

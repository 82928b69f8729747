//===- Idx.cpp - FashionMNIST's gzipped idx files ---------------------------------===//
//
// idx: two zero bytes, the type (8: unsigned byte), the rank, then the dimensions as
// big-endian 32-bit numbers, then the elements.
//
//===----------------------------------------------------------------------===//
#include "Idx.h"
#include "llvm/Support/Endian.h"
#include <algorithm>
#include <fmt/format.h>
#include <zlib.h>

namespace dpuopt::data {
namespace {

constexpr uint8_t UnsignedByte = 8;
/// No image set has larger items.
constexpr int64_t MaxItemBytes = int64_t(1) << 26;

struct GzFile {
  gzFile handle;
  explicit GzFile(llvm::StringRef path) : handle(gzopen(path.str().c_str(), "rb")) {}
  ~GzFile() {
    if (handle)
      gzclose(handle);
  }
  GzFile(const GzFile &) = delete;
  /// All of `size` bytes, or false.
  bool read(uint8_t *to, size_t size) {
    while (size > 0) {
      int got = gzread(handle, to, static_cast<unsigned>(std::min<size_t>(size, 1u << 24)));
      if (got <= 0)
        return false;
      to += got, size -= static_cast<size_t>(got);
    }
    return true;
  }
};

} // namespace

Result<Idx> readIdx(llvm::StringRef path, unsigned rank, size_t most, DiagEngine &diags) {
  auto error = [&](std::string what) {
    return std::move(diags.error(std::move(what)).file(path.str()).rule("data.idx"));
  };
  GzFile file(path);
  if (!file.handle)
    return error("cannot open the file");
  std::vector<uint8_t> head(4 + 4 * rank);
  if (!file.read(head.data(), head.size()))
    return error("is not an idx file: it is shorter than an idx header, or damaged");
  if (head[0] != 0 || head[1] != 0 || head[2] != UnsignedByte || head[3] != rank)
    return error(fmt::format("is not an idx file of unsigned bytes with {} dimensions (it begins with {:02x} {:02x} "
                             "{:02x} {:02x})",
                             rank, head[0], head[1], head[2], head[3]));
  Idx idx;
  int64_t itemBytes = 1;
  for (unsigned i = 1; i < rank; ++i) {
    int64_t dim = llvm::support::endian::read32be(head.data() + 4 + 4 * i);
    if (dim == 0 || dim > MaxItemBytes / itemBytes)
      return error(fmt::format("dimension {} of {} is absurd", i, dim));
    idx.dims.push_back(dim), itemBytes *= dim;
  }
  idx.items = std::min<size_t>(llvm::support::endian::read32be(head.data() + 4), most);
  // Grows with what is really there: the header's count may be a lie.
  const size_t step = std::max<size_t>(1, (size_t(1) << 24) / static_cast<size_t>(itemBytes));
  for (size_t done = 0; done < idx.items; done += step) {
    size_t now = std::min(step, idx.items - done) * static_cast<size_t>(itemBytes), before = idx.bytes.size();
    idx.bytes.resize(before + now);
    if (!file.read(idx.bytes.data() + before, now))
      return error(fmt::format("is truncated or damaged: {} items expected", idx.items));
  }
  return idx;
}

} // namespace dpuopt::data

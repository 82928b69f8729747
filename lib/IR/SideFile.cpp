//===- SideFile.cpp - big constants beside the text --------------------------===//
//
// "DPUIRBIN", then per constant: hash (8 bytes), size (8 bytes), the bytes padded
// to 64. Little endian, sorted by hash.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/IR/Text.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

using namespace dpuopt;

static constexpr llvm::StringLiteral Magic("DPUIRBIN");
static constexpr size_t Alignment = 64;

static void writeWord(llvm::raw_ostream &os, uint64_t v) {
  char bytes[8];
  llvm::support::endian::write64le(bytes, v);
  os.write(bytes, sizeof bytes);
}

Status dpuopt::writeSideFile(llvm::StringRef path, const SideData &side, DiagEngine &diags) {
  return writeFileAtomically(path, diags, [&](llvm::raw_pwrite_stream &os) {
    os << Magic;
    for (auto &[hash, blob] : side) {
      writeWord(os, hash);
      writeWord(os, blob.size());
      os << blob.str();
      os.write_zeros(llvm::alignTo(blob.size(), Alignment) - blob.size());
    }
    return success();
  });
}

Result<SideData> dpuopt::readSideFile(llvm::StringRef path, DiagEngine &diags) {
  auto file = Blob::mapFile(path, diags);
  if (!file)
    return failure();
  auto damaged = [&](const char *why) -> Status {
    return diags.error("'" + path.str() + "' is not a whole side file: " + why).file(path.str());
  };
  if (!file->str().startswith(Magic))
    return damaged("it does not begin with DPUIRBIN");
  SideData side;
  size_t at = Magic.size();
  while (at < file->size()) {
    if (file->size() - at < 16)
      return damaged("an entry is cut short");
    uint64_t hash = llvm::support::endian::read64le(file->bytes().data() + at);
    uint64_t size = llvm::support::endian::read64le(file->bytes().data() + at + 8);
    at += 16;
    if (size > file->size() - at)
      return damaged("an entry is cut short");
    side[hash] = file->slice(at, size);
    at += std::min<uint64_t>(llvm::alignTo(size, Alignment), file->size() - at);
  }
  return side;
}

Status dpuopt::saveText(const Graph &g, llvm::StringRef path, DiagEngine &diags) {
  SideData side;
  Status text = writeFileAtomically(path, diags, [&](llvm::raw_pwrite_stream &os) {
    printGraph(g, os, &side);
    return success();
  });
  if (failed(text) || path == "-" || side.empty())
    return text;
  return writeSideFile(path.str() + ".bin", side, diags);
}

Result<std::unique_ptr<Graph>> dpuopt::loadText(llvm::StringRef path, DiagEngine &diags) {
  auto text = readFile(path, diags);
  if (!text)
    return failure();
  SideData side;
  if (std::string bin = path.str() + ".bin"; llvm::sys::fs::exists(bin)) {
    auto read = readSideFile(bin, diags);
    if (!read)
      return failure();
    side = std::move(*read);
  }
  return parseGraph(*text, path, side, diags);
}

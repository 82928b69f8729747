//===- Zip.cpp - some files as one, to attach to a report ----------------------------===//
//
// PKWARE's APPNOTE.TXT 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end).
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Support/Zip.h"
#include "llvm/Support/CRC.h"
#include "llvm/Support/EndianStream.h"

using namespace dpuopt;
using Writer = llvm::support::endian::Writer;

static constexpr uint16_t Version = 20, Utf8Names = 1 << 11, Stored = 0, Midnight = 0, FirstDay = 0x21; // 1980-01-01

/// What both headers of a file have.
static void writeCommon(Writer &out, const ZipFile &file) {
  const auto size = static_cast<uint32_t>(file.bytes.size());
  for (uint16_t field : {Version, Utf8Names, Stored, Midnight, FirstDay})
    out.write<uint16_t>(field);
  out.write<uint32_t>(llvm::crc32(file.bytes.bytes()));
  out.write<uint32_t>(size); // packed
  out.write<uint32_t>(size);
  out.write<uint16_t>(static_cast<uint16_t>(file.name.size()));
  out.write<uint16_t>(0); // extra field
}

static void writeEntry(Writer &out, const ZipFile &file, uint32_t offset) {
  out.write<uint32_t>(0x02014b50);
  out.write<uint16_t>(Version); // made by
  writeCommon(out, file);
  for (uint16_t field : {0, 0, 0}) // comment, disk, internal attributes
    out.write<uint16_t>(field);
  out.write<uint32_t>(0); // external attributes
  out.write<uint32_t>(offset);
  out.OS << file.name;
}

bool dpuopt::writeZip(llvm::ArrayRef<ZipFile> files, llvm::raw_ostream &os) {
  constexpr uint64_t Most = UINT32_MAX, LocalHeader = 30, Entry = 46;
  uint64_t size = 0, directory = 0;
  for (const ZipFile &f : files) {
    if (f.name.size() > UINT16_MAX)
      return false;
    size += LocalHeader + f.name.size() + f.bytes.size();
    directory += Entry + f.name.size();
  }
  if (size + directory > Most || files.size() > UINT16_MAX)
    return false;
  Writer out(os, llvm::support::little);
  std::vector<uint32_t> offsets;
  uint32_t at = 0;
  for (const ZipFile &f : files) {
    offsets.push_back(at);
    out.write<uint32_t>(0x04034b50);
    writeCommon(out, f);
    os << f.name << f.bytes.str();
    at += static_cast<uint32_t>(LocalHeader + f.name.size() + f.bytes.size());
  }
  for (size_t i = 0; i < files.size(); ++i)
    writeEntry(out, files[i], offsets[i]);
  out.write<uint32_t>(0x06054b50);
  const auto count = static_cast<uint16_t>(files.size());
  for (uint16_t field : {uint16_t(0), uint16_t(0), count, count}) // disks, files
    out.write<uint16_t>(field);
  out.write<uint32_t>(static_cast<uint32_t>(directory));
  out.write<uint32_t>(at);
  out.write<uint16_t>(0); // comment
  return true;
}

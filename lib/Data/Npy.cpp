//===- Npy.cpp - NumPy's .npy files ---------------------------------------------------===//
//
// \x93NUMPY, major, minor, header length (16 bits in version 1, else 32), then a Python
// dictionary literal with 'descr', 'fortran_order' and 'shape', then the elements.
//
//===----------------------------------------------------------------------===//
#include "Npy.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include <fmt/format.h>

namespace dpuopt::data {
namespace {

constexpr size_t MaxRank = 16;

/// What stands behind `'key':` in the header, or nullopt.
std::optional<llvm::StringRef> field(llvm::StringRef header, llvm::StringRef key) {
  for (const char *quote : {"'", "\""}) {
    size_t at = header.find(quote + key.str() + quote);
    if (at == llvm::StringRef::npos)
      continue;
    llvm::StringRef rest = header.drop_front(at + key.size() + 2).ltrim();
    if (rest.consume_front(":"))
      return rest.ltrim();
  }
  return std::nullopt;
}

ElemKind elemOf(llvm::StringRef descr) {
  return llvm::StringSwitch<ElemKind>(descr)
      .Case("<f2", ElemKind::F16)
      .Case("<f4", ElemKind::F32)
      .Case("<f8", ElemKind::F64)
      .Cases("|i1", "<i1", ElemKind::I8)
      .Cases("|u1", "<u1", ElemKind::U8)
      .Case("|b1", ElemKind::Bool)
      .Case("<i2", ElemKind::I16)
      .Case("<u2", ElemKind::U16)
      .Case("<i4", ElemKind::I32)
      .Case("<u4", ElemKind::U32)
      .Case("<i8", ElemKind::I64)
      .Case("<u8", ElemKind::U64)
      .Default(ElemKind::None);
}

/// "(1, 28, 28)" or "(5,)" or "()".
std::optional<Shape> parseShape(llvm::StringRef text) {
  if (!text.consume_front("("))
    return std::nullopt;
  Shape shape;
  for (text = text.ltrim(); !text.startswith(")"); text = text.ltrim()) {
    int64_t dim = 0;
    if (shape.size() == MaxRank || text.consumeInteger(10, dim) || dim < 0)
      return std::nullopt;
    shape.push_back(dim);
    text = text.ltrim();
    if (!text.consume_front(",") && !text.startswith(")"))
      return std::nullopt;
  }
  return shape;
}

} // namespace

Result<Tensor> parseNpy(const Blob &file, llvm::StringRef path, DiagEngine &diags) {
  auto error = [&](std::string what) {
    return std::move(diags.error(std::move(what)).file(path.str()).rule("data.npy"));
  };
  llvm::StringRef bytes = file.str();
  if (bytes.size() < 10 || !bytes.startswith("\x93NUMPY"))
    return error("is not a .npy file");
  const bool wide = bytes[6] != 1;
  const size_t fixed = wide ? 12 : 10;
  if (bytes.size() < fixed)
    return error("the .npy header is truncated");
  const auto *length = bytes.bytes_begin() + 8;
  size_t headerSize = wide ? llvm::support::endian::read32le(length) : llvm::support::endian::read16le(length);
  if (headerSize > bytes.size() - fixed)
    return error("the .npy header is truncated");
  llvm::StringRef header = bytes.substr(fixed, headerSize);
  auto descr = field(header, "descr"), order = field(header, "fortran_order"), dims = field(header, "shape");
  if (!descr || !order || !dims)
    return error("the .npy header lacks 'descr', 'fortran_order' or 'shape'");
  llvm::StringRef elemName = descr->drop_front(1).take_until([](char c) { return c == '\'' || c == '"'; });
  ElemKind elem = elemOf(elemName);
  if (elem == ElemKind::None)
    return error(fmt::format("element type '{}' is not supported (numbers in little-endian order are)",
                             elemName.take_front(16).str()));
  if (!order->startswith("False"))
    return error("the array is in Fortran order; save it with numpy.ascontiguousarray");
  std::optional<Shape> shape = parseShape(*dims);
  if (!shape)
    return error("the .npy header's 'shape' is malformed");
  Type type(elem, *shape);
  const int64_t size = type.numBytes();
  if (size < 0 || static_cast<uint64_t>(size) != bytes.size() - fixed - headerSize)
    return error(fmt::format("shape {} needs {} bytes, the file has {}", shapeStr(*shape), size,
                             bytes.size() - fixed - headerSize));
  return Tensor(type, file.slice(fixed + headerSize, static_cast<size_t>(size)));
}

Result<Tensor> readNpy(llvm::StringRef path, DiagEngine &diags) {
  Result<Blob> file = Blob::mapFile(path, diags);
  if (!file)
    return failure();
  return parseNpy(*file, path, diags);
}

} // namespace dpuopt::data

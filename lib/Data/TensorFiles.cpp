//===- TensorFiles.cpp - one tensor, one file ------------------------------------------===//
#include "dpuopt/Data/TensorFiles.h"
#include "Npy.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"
#include <fmt/format.h>

using namespace dpuopt;

/// File systems take 255 bytes; the ending and a counter need some.
constexpr size_t LongestName = 180;

std::string dpuopt::safeFileName(llvm::StringRef name) {
  std::string safe;
  for (char c : name)
    safe += llvm::isAlnum(c) || c == '.' || c == '-' || c == '_' ? c : '_';
  if (safe.empty() || safe.front() == '.')
    safe = "_" + safe;
  if (safe.size() > LongestName)
    safe = safe.substr(0, LongestName - 17) + fmt::format("_{:016x}", llvm::xxHash64(name));
  return safe;
}

Result<Tensor> dpuopt::readNpyFile(llvm::StringRef path, DiagEngine &diags) { return data::readNpy(path, diags); }

/// NumPy's name of the stored element.
static const char *npyDescr(ElemType e) {
  switch (e.kind) {
  case ElemKind::F16:
    return "<f2";
  case ElemKind::F32:
    return "<f4";
  case ElemKind::F64:
    return "<f8";
  case ElemKind::Bool:
    return "|b1";
  default:
    break;
  }
  bool isSigned = e.isFix() ? e.isSigned
                            : e.kind == ElemKind::I8 || e.kind == ElemKind::I16 || e.kind == ElemKind::I32 ||
                                  e.kind == ElemKind::I64;
  static const char *const names[2][4] = {{"|u1", "<u2", "<u4", "<u8"}, {"|i1", "<i2", "<i4", "<i8"}};
  return names[isSigned][llvm::Log2_32(std::max(1u, e.byteSize()))];
}

static std::string npyHeader(const Type &type) {
  std::string shape;
  for (int64_t d : type.shape())
    shape += fmt::format("{}, ", d);
  if (type.rank() > 1)
    shape.resize(shape.size() - 2);
  else if (type.rank() == 1)
    shape.pop_back();
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", npyDescr(type.elemType()), shape);
  text += std::string(63 - (10 + text.size()) % 64, ' ') + "\n"; // numbers begin at a multiple of 64
  std::string header = std::string("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

Status dpuopt::writeTensorFile(llvm::StringRef path, const Tensor &t, TensorFormat format, DiagEngine &diags) {
  if (t.elemType().byteSize() == 0)
    return diags.error("elements of type " + t.elemType().str() + " cannot be written").file(path.str());
  return writeFileAtomically(path, diags, [&](llvm::raw_ostream &os) {
    if (format == TensorFormat::Npy)
      os << npyHeader(t.type());
    os << t.expanded().storage().str();
    return success();
  });
}

//===----------------------------------------------------------------------===//
// Reading

namespace {

/// Turns what a file holds into the wanted type.
struct FileReader {
  const TensorFile &file;
  llvm::StringRef name;
  const Type &wanted;
  DiagEngine &diags;

  DiagBuilder error(std::string found) const {
    return std::move(diags
                         .error(fmt::format("tensor '{}' is {} of {}, {}", name.str(), shapeStr(wanted.shape()),
                                            wanted.elemType().str(), found))
                         .file(file.path)
                         .rule("tensor.file"));
  }
  Result<Tensor> array(const Tensor &t) const;
  Result<Tensor> raw() const;
};

Result<Tensor> FileReader::array(const Tensor &t) const {
  if (t.numElements() != wanted.numElements())
    return error("the file holds " + shapeStr(t.shape()) + " of " + t.elemType().str());
  Tensor dense = t.expanded().reshaped(wanted.shape());
  ElemType e = wanted.elemType();
  if (dense.elemType().isFloat())
    return dense.toFloat();
  if (dense.elemType().byteSize() == e.byteSize())
    return dense.bitcast(e);
  return error("the file holds " + t.elemType().str());
}

Result<Tensor> FileReader::raw() const {
  auto bytes = Blob::mapFile(file.path, diags);
  if (!bytes)
    return failure();
  const size_t count = static_cast<size_t>(wanted.numElements()), each = wanted.elemType().byteSize();
  llvm::StringRef path = file.path;
  const bool numbers = path.endswith(".f32");
  if (!numbers && bytes->size() == count * each)
    return Tensor(wanted, std::move(*bytes));
  if (bytes->size() == count * sizeof(float) && !path.endswith(".i8"))
    return Tensor(wanted.withElem(ElemKind::F32), std::move(*bytes));
  return error(fmt::format("{} bytes, the file has {}", count * (numbers ? sizeof(float) : each), bytes->size()));
}

} // namespace

Result<Tensor> dpuopt::readTensorFile(const TensorFile &file, llvm::StringRef name, const Type &wanted,
                                      DiagEngine &diags) {
  FileReader reader{file, name, wanted, diags};
  if (wanted.numElements() < 0 || wanted.elemType().byteSize() == 0)
    return reader.error("which cannot be compared with a file");
  if (file.type && (file.type->numElements() != wanted.numElements()))
    return reader.error("the dump holds " + shapeStr(file.type->shape()) + " of " + file.type->elemType().str());
  if (!llvm::StringRef(file.path).endswith(".npy"))
    return reader.raw();
  auto t = data::readNpy(file.path, diags);
  if (!t)
    return failure();
  return reader.array(*t);
}

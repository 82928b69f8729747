//===- TensorFolder.cpp - folders of tensor files, with an index or without ------------===//
#include "dpuopt/Data/TensorFiles.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace dpuopt;

static constexpr const char *IndexName = "index.tsv";
static constexpr const char *Columns = "name\tshape\ttype\tfix_point\tfile\tvalues";
/// More files than any model has tensors.
static constexpr size_t MostFiles = 1 << 17;

//===----------------------------------------------------------------------===//
// Writing

Result<TensorFolderWriter> TensorFolderWriter::create(llvm::StringRef folder, TensorFormat format, DiagEngine &diags) {
  if (std::error_code ec = llvm::sys::fs::create_directories(folder))
    return diags.error("cannot make the folder: " + ec.message()).file(folder.str());
  TensorFolderWriter writer;
  writer.folder = folder.str();
  writer.format = format;
  return writer;
}

/// A name in one column of a line.
static std::string oneLine(llvm::StringRef name) {
  std::string text = name.str();
  for (char &c : text)
    if (static_cast<unsigned char>(c) < ' ')
      c = '?';
  return text;
}

Result<std::vector<std::string>> TensorFolderWriter::add(llvm::StringRef name, const Tensor &t, bool numbers,
                                                         DiagEngine &diags) {
  const ElemType e = t.elemType();
  std::string base = safeFileName(name), unique = base;
  for (unsigned k = 1; !taken.insert(llvm::StringRef(unique).lower()).second; ++k)
    unique = fmt::format("{}.{}", base, k);
  auto ending = [&](ElemType elem) -> std::string {
    unsigned bits = 8 * elem.byteSize();
    if (elem.isFloat())
      return fmt::format(".f{}", bits);
    return elem.isFix() && !elem.isSigned ? fmt::format(".u{}", bits) : fmt::format(".i{}", bits);
  };
  const bool npy = format == TensorFormat::Npy;
  std::vector<std::string> files = {unique + (npy && !(e.isFix() && numbers) ? ".npy" : ending(e))};
  auto write = [&](const std::string &file, const Tensor &what) {
    TensorFormat f = llvm::StringRef(file).endswith(".npy") ? TensorFormat::Npy : TensorFormat::Raw;
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, file);
    return writeTensorFile(path, what, f, diags);
  };
  if (failed(write(files[0], t)))
    return failure();
  if (numbers && e.isFix()) {
    files.push_back(unique + (npy ? ".npy" : ".f32"));
    if (failed(write(files[1], t.toFloat())))
      return failure();
  }
  index +=
      fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", oneLine(name), t.shape().empty() ? "scalar" : shapeStr(t.shape()),
                  e.str(), e.isFix() ? std::to_string(e.fixPoint) : "-", files[0], files.size() > 1 ? files[1] : "-");
  return files;
}

Status TensorFolderWriter::finish(llvm::StringRef title, DiagEngine &diags) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, IndexName);
  return writeFileAtomically(path, diags, [&](llvm::raw_ostream &os) {
    os << "# " << oneLine(title) << "\n" << Columns << "\n" << index;
    return success();
  });
}

//===----------------------------------------------------------------------===//
// Reading

static bool isTensorName(llvm::StringRef file) {
  return llvm::any_of(llvm::ArrayRef<const char *>{".i8", ".u8", ".i16", ".bin", ".f32", ".npy"},
                      [&](const char *ending) { return file.endswith(ending); });
}

static std::optional<Shape> parseShapeText(llvm::StringRef text) {
  Shape shape;
  if (text == "scalar")
    return shape;
  llvm::SmallVector<llvm::StringRef, 6> parts;
  text.split(parts, 'x');
  for (llvm::StringRef part : parts) {
    int64_t d = 0;
    if (part.getAsInteger(10, d) || d < 0)
      return std::nullopt;
    shape.push_back(d);
  }
  return shape;
}

static Result<std::vector<TensorFile>> readIndex(llvm::StringRef folder, llvm::StringRef path, DiagEngine &diags) {
  auto text = readFile(path, diags);
  if (!text)
    return failure();
  std::vector<TensorFile> found;
  llvm::SmallVector<llvm::StringRef, 0> lines;
  llvm::StringRef(*text).split(lines, '\n', -1, false);
  for (llvm::StringRef line : lines) {
    if (line.startswith("#") || line.rtrim("\r") == Columns)
      continue;
    llvm::SmallVector<llvm::StringRef, 6> cells;
    line.rtrim("\r").split(cells, '\t');
    auto shape = cells.size() == 6 ? parseShapeText(cells[1]) : std::nullopt;
    auto elem = cells.size() == 6 ? ElemType::parse(cells[2]) : std::nullopt;
    // A file of the folder, and no other.
    if (!shape || !elem || cells[4].empty() || cells[4].contains('/') || cells[4].startswith("."))
      return diags.error("the line is not 'name, shape, type, fix_point, file, values': " + line.take_front(80).str())
          .file(path.str())
          .rule("tensor.index");
    llvm::SmallString<128> file(folder);
    llvm::sys::path::append(file, cells[4]);
    found.push_back({cells[0].str(), Type(*elem, *shape), std::string(file)});
  }
  return found;
}

Result<std::vector<TensorFile>> dpuopt::listTensorFolder(llvm::StringRef folder, DiagEngine &diags) {
  if (!llvm::sys::fs::is_directory(folder))
    return diags.error("no such folder of tensors").file(folder.str()).rule("tensor.folder");
  llvm::SmallString<128> index(folder);
  llvm::sys::path::append(index, IndexName);
  std::vector<TensorFile> found;
  if (llvm::sys::fs::exists(index)) {
    auto listed = readIndex(folder, index, diags);
    if (!listed)
      return failure();
    found = std::move(*listed);
  } else {
    std::error_code ec;
    for (llvm::sys::fs::recursive_directory_iterator it(folder, ec), end; it != end && !ec; it.increment(ec))
      if (isTensorName(it->path()) && found.size() < MostFiles && !llvm::sys::fs::is_directory(it->path()))
        found.push_back({llvm::sys::path::stem(it->path()).str(), std::nullopt, it->path()});
    llvm::sort(found, [](const TensorFile &a, const TensorFile &b) { return a.path < b.path; });
  }
  if (found.empty())
    return diags.error("the folder holds no tensor: no index.tsv, no .i8, .bin, .f32 or .npy file")
        .file(folder.str())
        .rule("tensor.folder");
  return found;
}

//===- ExternalData.cpp - tensors whose bytes are in another file -------------===//
//
// A model comes from somebody else: what it names as its data file must not
// reach outside the folder the model is in.
//
//===----------------------------------------------------------------------===//
#include "OnnxProto.h"
#include "TensorDecoder.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

ExternalFiles::ExternalFiles(llvm::StringRef modelPath) : modelPath(modelPath.str()) {
  llvm::StringRef parent = path::parent_path(modelPath);
  llvm::SmallString<128> real;
  if (!fs::real_path(parent.empty() ? "." : parent, real))
    folder = real.str().str();
}

Result<Blob> ExternalFiles::map(llvm::StringRef location, const std::string &owner, DiagEngine &diags) {
  auto known = files.find(location.str());
  if (known != files.end())
    return known->second;
  std::string intro = fmt::format("{}: external data '{}' ", owner, location.str());
  if (location.empty() || location.contains('\0'))
    return diags.error(intro + "must name a file");
  if (path::is_absolute(location))
    return diags.error(intro + "must be a path relative to the model")
        .note("nothing outside the model's folder is read");

  llvm::SmallString<128> joined(folder), real;
  path::append(joined, location);
  if (auto ec = fs::real_path(joined, real))
    return diags.error(intro + "cannot be read: " + ec.message());
  llvm::StringRef inside = real.str();
  if (!inside.consume_front(folder) || !(inside.startswith("/") || llvm::StringRef(folder).endswith("/")))
    return diags.error(intro + fmt::format("must be inside the model's folder, is {}", real.str().str()))
        .note("nothing outside the model's folder is read, symbolic links resolved");
  if (!fs::is_regular_file(real))
    return diags.error(intro + "must be a regular file");
  auto blob = Blob::mapFile(real, diags);
  if (!blob)
    return failure();
  return files[location.str()] = *blob;
}

/// A decimal number of bytes.
static bool parseBytes(llvm::StringRef text, uint64_t &out) { return !text.trim().getAsInteger(10, out); }

Result<Blob> TensorDecoder::externalData(llvm::ArrayRef<std::pair<std::string, std::string>> entries, uint64_t size,
                                         const std::string &what) {
  std::string location;
  uint64_t offset = 0, length = size;
  for (auto &[key, value] : entries) {
    bool good = true;
    if (key == "location")
      location = value;
    else if (key == "offset")
      good = parseBytes(value, offset);
    else if (key == "length")
      good = parseBytes(value, length);
    if (!good)
      return diags.error(fmt::format("{}: external data {} must be a number of bytes, is '{}'", what, key, value));
  }
  if (length != size)
    return diags.error(fmt::format("{}: needs {} bytes, its external data length is {}", what, size, length));
  auto file = external.map(location, what, diags);
  if (!file)
    return failure();
  if (offset > file->size() || size > file->size() - offset)
    return diags.error(fmt::format("{}: external data '{}' has {} bytes, bytes {} to {} are needed", what, location,
                                   file->size(), offset, offset + size));
  return file->slice(offset, size);
}

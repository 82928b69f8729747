//===- Folder.cpp - folders of images and arrays, with labels or without --------------===//
#include "Image.h"
#include "Items.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

namespace dpuopt::data {
namespace {

/// What a folder holds, each list sorted by name.
struct Content {
  std::vector<std::string> images, arrays, folders;
};

Result<Content> contentOf(llvm::StringRef folder, const Request &r) {
  Content content;
  std::error_code ec;
  for (llvm::sys::fs::directory_iterator it(folder, ec), end; it != end && !ec; it.increment(ec)) {
    llvm::StringRef path = it->path();
    if (isImageName(path))
      content.images.push_back(path.str());
    else if (path.endswith(".npy"))
      content.arrays.push_back(path.str());
    else if (llvm::sys::fs::is_directory(path))
      content.folders.push_back(path.str());
  }
  if (ec)
    return std::move(r.error(fmt::format("cannot read the folder: {}", ec.message())).file(folder.str()));
  for (auto *list : {&content.images, &content.arrays, &content.folders})
    llvm::sort(*list);
  return content;
}

/// Classes by file name, from lines 'FILE NUMBER' (a comma is as good as a space).
Result<llvm::StringMap<int>> readLabels(llvm::StringRef path, const Request &r) {
  auto text = readFile(path, r.diags);
  if (!text)
    return failure();
  llvm::StringMap<int> labels;
  llvm::SmallVector<llvm::StringRef, 0> lines;
  llvm::StringRef(*text).split(lines, '\n', -1, false);
  for (size_t i = 0; i < lines.size(); ++i) {
    llvm::StringRef line = lines[i].trim();
    size_t gap = line.find_last_of(" ,\t");
    int label = 0;
    if (line.empty())
      continue;
    if (gap == llvm::StringRef::npos || line.drop_front(gap + 1).getAsInteger(10, label) || label < 0)
      return std::move(
          r.error(fmt::format("line {} is not 'FILE NUMBER': {}", i + 1, line.take_front(60).str())).file(path.str()));
    labels[llvm::sys::path::filename(line.take_front(gap).rtrim(" ,\t"))] = label;
  }
  return labels;
}

/// The label of each path, by file name.
Result<std::vector<int>> labelsOf(llvm::ArrayRef<std::string> paths, const Request &r) {
  std::vector<int> labels;
  if (r.options.labels.empty())
    return labels;
  auto byName = readLabels(r.options.labels, r);
  if (!byName)
    return failure();
  for (const std::string &path : paths) {
    auto it = byName->find(llvm::sys::path::filename(path));
    if (it == byName->end())
      return std::move(r.error("the file has no line in " + r.options.labels).file(path));
    labels.push_back(it->second);
  }
  return labels;
}

/// One class per subfolder.
ItemsResult openClasses(llvm::ArrayRef<std::string> folders, const Request &r) {
  std::vector<std::string> paths;
  std::vector<int> labels;
  for (size_t i = 0; i < folders.size(); ++i) {
    auto content = contentOf(folders[i], r);
    if (!content)
      return failure();
    paths.insert(paths.end(), content->images.begin(), content->images.end());
    labels.resize(paths.size(), static_cast<int>(i));
  }
  if (paths.empty())
    return std::move(r.error("the folder and its subfolders hold no .png, .jpg, .jpeg or .npy file").file(r.source));
  return openImages(std::move(paths), std::move(labels), r);
}

} // namespace

ItemsResult openFolder(const Request &r) {
  auto content = contentOf(r.source, r);
  if (!content)
    return failure();
  if (!content->images.empty()) {
    auto labels = labelsOf(content->images, r);
    if (!labels)
      return failure();
    return openImages(std::move(content->images), std::move(*labels), r);
  }
  if (!content->arrays.empty())
    return openNpy(std::move(content->arrays), r);
  if (!content->folders.empty())
    return openClasses(content->folders, r);
  return std::move(r.error("the folder holds no .png, .jpg, .jpeg or .npy file").file(r.source));
}

} // namespace dpuopt::data

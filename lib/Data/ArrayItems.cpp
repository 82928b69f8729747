//===- ArrayItems.cpp - .npy files and raw numbers as items -------------------------===//
#include "Image.h"
#include "Items.h"
#include "Npy.h"
#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace dpuopt::data {
namespace {

/// The item's shape as the file stores it: channels last with `nhwc`.
Shape storedShape(const Request &r) {
  Shape shape = r.item;
  if (r.options.nhwc && shape.size() > 1)
    std::rotate(shape.begin(), shape.begin() + 1, shape.end());
  return shape;
}

int64_t product(llvm::ArrayRef<int64_t> shape) { return Type(ElemKind::F32, shape).numElements(); }

int64_t channelsOf(const Request &r) { return r.item.size() > 1 ? std::max<int64_t>(1, r.item[0]) : 1; }

/// Numbers of any type as floats; the bytes need not be aligned.
std::vector<float> asFloats(const Tensor &t) {
  Tensor f = t.toFloat().expanded();
  std::vector<float> out(static_cast<size_t>(f.numElements()));
  if (!out.empty())
    std::memcpy(out.data(), f.storage().bytes().data(), out.size() * sizeof(float));
  return out;
}

/// Numbers as stored -> C planes in the model's order, normalized.
void arrayToItem(const std::vector<float> &in, const Request &r, llvm::MutableArrayRef<float> out) {
  const int64_t total = static_cast<int64_t>(out.size());
  const int64_t channels = channelsOf(r), plane = total / channels;
  for (int64_t c = 0; c < channels; ++c) {
    int64_t to = r.options.bgr ? channels - 1 - c : c;
    for (int64_t p = 0; p < plane; ++p)
      out[to * plane + p] = r.options.nhwc ? in[p * channels + c] : in[c * plane + p];
  }
  normalize(out, plane, r.options, 1);
}

/// `count` items of stored shape from element `first * size` of a tensor.
Tensor itemOf(const Tensor &all, size_t i, llvm::ArrayRef<int64_t> stored) {
  Type type(all.elemType(), stored);
  size_t bytes = static_cast<size_t>(type.numBytes());
  return Tensor(type, all.storage().slice(i * bytes, bytes));
}

class NpyItems : public Items {
public:
  struct File {
    std::string path;
    size_t items;
  };
  NpyItems(std::vector<File> files, const Request &r) : files(std::move(files)), request(r) {
    for (const File &file : this->files)
      total += file.items;
  }
  size_t size() const override { return total; }
  Status read(size_t i, llvm::MutableArrayRef<float> out, Sample &sample, DiagEngine &diags) override {
    size_t f = 0;
    for (; i >= files[f].items; ++f)
      i -= files[f].items;
    Result<Tensor> all = readNpy(files[f].path, diags);
    if (!all)
      return failure();
    Shape stored = storedShape(request);
    if (static_cast<uint64_t>(all->numElements()) != files[f].items * static_cast<uint64_t>(product(stored)))
      return diags.error("the file changed while it was read").file(files[f].path).rule("data.npy");
    arrayToItem(asFloats(itemOf(*all, i, stored)), request, out);
    sample.name = files[f].items == 1 ? files[f].path : fmt::format("{}[{}]", files[f].path, i);
    return success();
  }

private:
  std::vector<File> files;
  Request request;
  size_t total = 0;
};

class RawItems : public Items {
public:
  RawItems(Blob bytes, const Request &r) : bytes(std::move(bytes)), request(r) {}
  size_t itemBytes() const { return static_cast<size_t>(Type(request.options.dtype, request.item).numBytes()); }
  size_t size() const override { return bytes.size() / itemBytes(); }
  Status read(size_t i, llvm::MutableArrayRef<float> out, Sample &sample, DiagEngine &) override {
    Tensor item(Type(request.options.dtype, request.item), bytes.slice(i * itemBytes(), itemBytes()));
    arrayToItem(asFloats(item), request, out);
    sample.name = fmt::format("{}[{}]", request.source, i);
    return success();
  }

private:
  Blob bytes;
  Request request;
};

/// N samples, or one without leading dimension; nullopt: the shape does not fit.
std::optional<size_t> countItems(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> stored) {
  if (shape == stored)
    return 1;
  if (!shape.empty() && shape.drop_front() == stored)
    return static_cast<size_t>(shape[0]);
  return std::nullopt;
}

} // namespace

ItemsResult openNpy(std::vector<std::string> paths, const Request &r) {
  if (failed(checkChannels(r, channelsOf(r))))
    return failure();
  std::vector<NpyItems::File> files;
  const Shape stored = storedShape(r);
  for (std::string &path : paths) {
    Result<Tensor> tensor = readNpy(path, r.diags);
    if (!tensor)
      return failure();
    std::optional<size_t> items = countItems(tensor->shape(), stored);
    if (!items)
      return std::move(r.error(fmt::format("array of shape {} does not hold samples of {}", shapeStr(tensor->shape()),
                                           shapeStr(stored)))
                           .file(path)
                           .note("a leading dimension counts samples; the option nhwc says that channels come last"));
    files.push_back({std::move(path), *items});
  }
  return std::unique_ptr<Items>(new NpyItems(std::move(files), r));
}

ItemsResult openRaw(const Request &r) {
  if (failed(checkChannels(r, channelsOf(r))))
    return failure();
  Result<Blob> bytes = Blob::mapFile(r.source, r.diags);
  if (!bytes)
    return failure();
  const int64_t size = Type(r.options.dtype, r.item).numBytes();
  if (size <= 0 || bytes->size() % static_cast<size_t>(size) != 0 || bytes->empty())
    return std::move(r.error(fmt::format("{} bytes are not a whole number of samples of {} bytes ({} of {})",
                                         bytes->size(), size, shapeStr(r.item), ElemType(r.options.dtype).str()))
                         .file(r.source));
  return std::unique_ptr<Items>(new RawItems(std::move(*bytes), r));
}

} // namespace dpuopt::data

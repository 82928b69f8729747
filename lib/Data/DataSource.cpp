//===- DataSource.cpp - samples from whatever a spec names ----------------------------===//
#include "dpuopt/Data/DataSource.h"
#include "Image.h"
#include "Items.h"
#include "llvm/Support/FileSystem.h"
#include <algorithm>
#include <fmt/format.h>

namespace dpuopt {
namespace {

using namespace data;

/// FashionMNIST is large; nobody means all of it.
constexpr size_t DefaultTrain = 200, DefaultTest = 1000;

/// Items, with the first ones left out, limited, and put together to batches.
class BatchedSource : public DataSource {
public:
  BatchedSource(std::unique_ptr<Items> items, Type type, size_t batch, size_t skip, size_t batches)
      : items(std::move(items)), type(std::move(type)), batch(batch), skip(skip), batches(batches) {}
  size_t size() const override { return batches; }
  Result<Sample> load(size_t i, DiagEngine &diags) override {
    std::vector<float> values(static_cast<size_t>(type.numElements()));
    const size_t each = values.size() / batch;
    Sample sample;
    for (size_t b = 0; b < batch; ++b) {
      llvm::MutableArrayRef<float> part(values.data() + b * each, each);
      if (failed(items->read(skip + i * batch + b, part, sample, diags)))
        return failure();
    }
    if (batch != 1)
      sample.label = -1; // one label cannot stand for several samples
    sample.input = Tensor::fromFloats(type.shape(), std::move(values));
    return sample;
  }

private:
  std::unique_ptr<Items> items;
  Type type;
  size_t batch, skip, batches;
};

ItemsResult openItems(const Request &r) {
  if (isFashionMnist(r.source))
    return openFashionMnist(r);
  if (!llvm::sys::fs::exists(r.source))
    return std::move(
        r.error(fmt::format("no such data source: '{}'", r.source))
            .note("give fashion-mnist:200, fashion-mnist:test:1000, a folder of images, or a .npy or .bin file"));
  if (llvm::sys::fs::is_directory(r.source))
    return openFolder(r);
  llvm::StringRef name = r.source;
  if (isImageName(name))
    return openImages({r.source}, {}, r);
  if (name.endswith(".npy"))
    return openNpy({r.source}, r);
  if (name.endswith(".bin"))
    return openRaw(r);
  return std::move(
      r.error("cannot tell what this file holds: the name must end in .png, .jpg, .jpeg, .npy or .bin").file(r.source));
}

} // namespace

Status data::checkChannels(const Request &r, int64_t channels) {
  for (const auto *list : {&r.options.mean, &r.options.scale})
    if (list->size() > 1 && static_cast<int64_t>(list->size()) != channels)
      return r.error(fmt::format("{} has {} numbers, the model's input has {} channels",
                                 list == &r.options.mean ? "mean" : "scale or std", list->size(), channels));
  return success();
}

bool isFashionMnist(llvm::StringRef source) { return source == "fashion-mnist" || source == "fashion-mnist-test"; }

Result<std::unique_ptr<DataSource>> openDataSource(llvm::StringRef spec, llvm::ArrayRef<int64_t> wanted,
                                                   DiagEngine &diags) {
  Result<DataSpec> parsed = parseDataSpec(spec, diags);
  return parsed ? openDataSource(std::move(*parsed), wanted, diags) : failure();
}

Result<std::unique_ptr<DataSource>> openDataSource(DataSpec spec, llvm::ArrayRef<int64_t> wanted, DiagEngine &diags) {
  Type type(ElemKind::F32, wanted);
  if (type.numElements() <= 0)
    return diags.error(fmt::format("the model's input shape {} is not known", shapeStr(wanted))).rule("data.source");
  const size_t batch = wanted.size() > 1 ? static_cast<size_t>(wanted[0]) : 1;
  DataOptions &o = spec.options;
  if (o.count == 0 && isFashionMnist(spec.source))
    o.count = o.test ? DefaultTest : DefaultTrain;
  Shape item(wanted.begin() + (wanted.size() > 1), wanted.end());
  Request request{spec.source, o, item, diags};
  ItemsResult items = openItems(request);
  if (!items)
    return failure();
  size_t left = (*items)->size() - std::min((*items)->size(), o.skip);
  if (o.count)
    left = std::min(left, o.count);
  if (left < batch)
    return std::move(
        request.error(fmt::format("{} samples left, the model takes {} at once", left, batch)).file(spec.source));
  return std::unique_ptr<DataSource>(new BatchedSource(std::move(*items), type, batch, o.skip, left / batch));
}

} // namespace dpuopt

//===- Items.h - what a data source is made of --------------------------------------===//
//
// An item is one sample without batch dimension. Skipping, counting and batching are
// done once, in DataSource.cpp, for every kind of item. Private to lib/Data.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DATA_ITEMS_H
#define DPUOPT_DATA_ITEMS_H

#include "dpuopt/Data/DataSource.h"

namespace dpuopt::data {

class Items {
public:
  virtual ~Items() = default;
  virtual size_t size() const = 0;
  /// Writes item `i` (shape: the wanted one without batch) and says what it is.
  virtual Status read(size_t i, llvm::MutableArrayRef<float> out, Sample &sample, DiagEngine &diags) = 0;
};

/// Everything an opener needs to know. `item` is the wanted shape without batch.
struct Request {
  std::string source;
  DataOptions options;
  Shape item;
  DiagEngine &diags;
  DiagBuilder error(std::string message) const {
    return std::move(diags.error(std::move(message)).rule("data.source"));
  }
};

/// Are there numbers for each channel, where there are several? Every opener asks, for it knows what a channel is.
Status checkChannels(const Request &request, int64_t channels);

using ItemsResult = Result<std::unique_ptr<Items>>;

/// Opens FashionMNIST: from $DPUOPT_FASHION_MNIST, or where Debian's package puts it.
ItemsResult openFashionMnist(const Request &request);
/// Image files, each one item; `labels` is empty, or has one for each.
ItemsResult openImages(std::vector<std::string> paths, std::vector<int> labels, const Request &request);
/// A folder: its images, or else its .npy files; its subfolders' with labels if it has none.
ItemsResult openFolder(const Request &request);
/// .npy files, each one or many items.
ItemsResult openNpy(std::vector<std::string> paths, const Request &request);
/// Raw numbers.
ItemsResult openRaw(const Request &request);

} // namespace dpuopt::data
#endif

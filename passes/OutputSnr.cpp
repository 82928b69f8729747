//===- OutputSnr.cpp - what a rewrite costs at the outputs ------------------------===//
#include "OutputSnr.h"
#include "dpuopt/Data/DataSource.h"
#include "dpuopt/Exec/Executor.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

struct Powers {
  double signal = 0, noise = 0;
  void add(const Tensor &a, const Tensor &b) {
    Tensor x = a.toFloat().expanded(), y = b.toFloat().expanded();
    auto p = x.as<float>(), q = y.as<float>();
    for (size_t i = 0; i < std::min(p.size(), q.size()); ++i) {
      signal += double(p[i]) * p[i];
      noise += (double(p[i]) - q[i]) * (double(p[i]) - q[i]);
    }
  }
  std::string str() const {
    return noise == 0 ? "without any difference" : fmt::format("{:.1f} dB", 10 * std::log10(signal / noise));
  }
};

} // namespace

std::string outputSnr(const Graph &before, const Graph &after, llvm::StringRef data, int64_t count, DiagEngine &diags) {
  std::unique_ptr<DataSource> source;
  auto feeds = graphFeeds(before);
  if (!data.empty()) {
    auto opened = feeds.size() == 1 ? openDataSource(data, feeds[0]->type().shape(), diags) : failure();
    if (!opened) {
      if (feeds.size() != 1)
        diags.warning("the output SNR is measured for models with one input").rule("activation.snr");
      return "";
    }
    source = std::move(*opened);
    count = std::min<int64_t>(count, static_cast<int64_t>(source->size()));
  }
  auto a = Executor::create(before, {}, diags);
  auto b = a ? Executor::create(after, {}, diags) : failure();
  if (!b)
    return "";
  Powers powers;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<Tensor> inputs;
    for (const Value *v : feeds)
      inputs.push_back(randomTensor(v->type(), i * 16 + inputs.size()));
    if (source) {
      auto sample = source->load(i, diags);
      if (!sample)
        return "";
      inputs = {sample->input};
    }
    auto x = (*a)->run(inputs), y = (*b)->run(inputs);
    if (!x || !y)
      return "";
    for (size_t k = 0; k < x->size() && k < y->size(); ++k)
      powers.add((*x)[k], (*y)[k]);
  }
  return fmt::format("output SNR {} on {} {}input{}", powers.str(), count, source ? "" : "random ",
                     count == 1 ? "" : "s");
}

} // namespace dpuopt

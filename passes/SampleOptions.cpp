//===- SampleOptions.cpp - options shared by the passes that run the graph on samples --===//
#include "SampleOptions.h"
#include <fmt/format.h>

namespace dpuopt {

Result<GivenSamples> openSamples(const Graph &g, const PassContext &ctx, llvm::StringRef pass, llvm::StringRef rule,
                                 llvm::StringRef instead) {
  auto count = ctx.intOption("count"), threads = ctx.intOption("threads");
  if (!count || !threads)
    return failure();
  if (ctx.option("data").empty()) {
    DiagBuilder d =
        ctx.diags.error(fmt::format("{} needs the option data=SPEC, such as data=fashion-mnist:200", pass.str()));
    d.rule(rule.str());
    if (!instead.empty())
      d.note(instead.str());
    return failure();
  }
  auto samples = Samples::open(g, ctx.option("data"), static_cast<size_t>(std::max<int64_t>(*count, 0)), ctx.diags);
  if (!samples)
    return failure();
  return GivenSamples{std::move(*samples), static_cast<unsigned>(std::clamp<int64_t>(*threads, 1, 256))};
}

} // namespace dpuopt

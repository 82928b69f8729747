//===- Rewriting.cpp - rewrites that are proven as they are applied ---------------===//
#include "Rewriting.h"
#include "dpuopt/Data/DataSource.h"
#include <fmt/format.h>

using namespace dpuopt;

/// Exact rewrites differ by float rounding alone.
static constexpr double ExactTolerance = 1e-4;

Result<std::vector<std::vector<Tensor>>> dpuopt::rewriteSamples(const Graph &g, llvm::StringRef spec, size_t count,
                                                                DiagEngine &diags) {
  std::vector<std::vector<Tensor>> out;
  auto feeds = graphFeeds(g);
  if (spec.empty()) {
    for (size_t i = 0; i < count; ++i) {
      out.emplace_back();
      for (const Value *v : feeds)
        out.back().push_back(randomTensor(v->type(), i * 16 + out.back().size()));
    }
    return out;
  }
  if (feeds.size() != 1)
    return diags.error(fmt::format("--verify takes data for one input, the model has {}", feeds.size()))
        .rule("fix.verify");
  auto source = openDataSource(spec, feeds[0]->type().shape(), diags);
  if (!source)
    return failure();
  for (size_t i = 0; i < std::min(count, (*source)->size()); ++i) {
    auto sample = (*source)->load(i, diags);
    if (!sample)
      return failure();
    out.push_back({sample->input});
  }
  return out;
}

/// Runs `head` on what `body` returned, by name; outputs of the body that the head does not read stay in front.
static Result<std::vector<Tensor>> runHead(Executor &executor, const Graph &head, const Graph &body,
                                           llvm::ArrayRef<Tensor> given) {
  std::vector<Tensor> feeds;
  for (const Value *v : graphFeeds(head))
    for (size_t i = 0; i < given.size(); ++i)
      if (body.outputs()[i]->name() == v->name())
        feeds.push_back(given[i]);
  if (feeds.size() != graphFeeds(head).size())
    return failure();
  return executor.run(feeds);
}

std::optional<Deviation> Rewriting::apart(const Graph &a, const Graph &b, const Graph *head) const {
  DiagEngine silent;
  auto x = Executor::create(a, {}, silent), y = Executor::create(b, {}, silent);
  auto h = head ? Executor::create(*head, {}, silent) : failure();
  if (!x || !y || (head && !h))
    return std::nullopt;
  Deviation worst;
  for (const std::vector<Tensor> &sample : samples) {
    auto p = (*x)->run(sample), q = (*y)->run(sample);
    if (q && head)
      q = runHead(**h, *head, b, *q);
    if (!p || !q)
      return std::nullopt;
    // The head's outputs are found by name: others stayed where they were.
    const Graph &second = head ? *head : b;
    for (size_t i = 0; i < p->size(); ++i)
      for (size_t k = 0; k < q->size(); ++k)
        if (a.outputs()[i]->name() == second.outputs()[k]->name() || (!head && i == k)) {
          Deviation d = difference((*p)[i], (*q)[k]);
          worst = {std::max(worst.maxAbs, d.maxAbs), std::max(worst.range, d.range), worst.comparable && d.comparable};
          break;
        }
  }
  return worst;
}

Status Rewriting::apply(std::unique_ptr<Graph> &g, llvm::StringRef name, const Pipeline &steps) {
  std::unique_ptr<Graph> before = g->clone();
  const size_t told = diags.all().size();
  RewriteRow row{name.str(), "", "exact", std::nullopt};
  unsigned changed = 0;
  RunOptions options;
  options.observe = [&](const PassStep &, PassResult result, double) { changed += result == PassResult::Changed; };
  if (failed(runPipeline(g, steps, options, diags)))
    return failure();
  if (!changed)
    return success();
  for (size_t i = told; i < diags.all().size(); ++i) {
    const Diagnostic &d = diags.all()[i];
    llvm::StringRef rule = d.rule;
    if (!rule.consume_front("proof."))
      continue;
    row.what = d.message;
    row.proof = rule.str();
    // The bound itself is in the text: ids stay the same whatever the numbers.
    if (size_t at = row.what.find("bounded("); rule == "bounded" && at != std::string::npos)
      row.proof = row.what.substr(at, row.what.find(')', at) + 1 - at);
  }
  if (row.what.empty())
    row.what = fmt::format("{} pass{} changed something", changed, changed == 1 ? "" : "es");
  row.difference = apart(*before, *g, nullptr);
  if (row.proof == "exact" && row.difference)
    row.holds = row.difference->maxAbs <= ExactTolerance * std::max(row.difference->range, 1e-6);
  done.push_back(std::move(row));
  return success();
}

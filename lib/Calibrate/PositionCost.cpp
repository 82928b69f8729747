//===- PositionCost.cpp - what a position does to one activation, on data -------------------===//
#include "dpuopt/Calibrate/PositionCost.h"
#include <cmath>
#include <limits>

using namespace dpuopt;

double PositionCost::decibels() const {
  return noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
}

namespace {
class Visitor : public SampleVisitor {
public:
  Visitor(const Quantization &q, const FlowGraph &flow, llvm::ArrayRef<PositionQuery> queries)
      : costs(queries.size()), q(q), flow(flow), queries(queries) {}
  void feed(unsigned, const Value &input, Tensor &t) override { look(input, t); }
  void observe(unsigned, const Value &v, Tensor &t) override { look(v, t); }
  std::vector<PositionCost> costs;

private:
  void look(const Value &v, Tensor &t);
  const Quantization &q;
  const FlowGraph &flow;
  llvm::ArrayRef<PositionQuery> queries;
};
} // namespace

static void count(llvm::ArrayRef<float> x, FixPos pos, Rounding rounding, PositionCost &cost) {
  std::vector<float> rounded(x.begin(), x.end());
  fakeQuantize(rounded, pos, rounding);
  const double half = std::ldexp(0.5, -pos.fixPoint);
  for (size_t i = 0; i < x.size(); ++i) {
    const double value = x[i], error = value - rounded[i];
    cost.signal += value * value, cost.noise += error * error;
    cost.saturated += std::fabs(error) > half;
  }
  cost.total += x.size();
}

void Visitor::look(const Value &v, Tensor &t) {
  const int slot = flow.prepare(v, t);
  for (size_t i = 0; i < queries.size(); ++i) {
    if (slot < 0 || queries[i].slot != slot)
      continue;
    const Tensor dense = t.expanded();
    count(dense.as<float>(), queries[i].pos, q.activations[static_cast<size_t>(slot)].rounding(), costs[i]);
  }
}

Result<std::vector<PositionCost>> dpuopt::positionCosts(const Quantization &q, llvm::ArrayRef<PositionQuery> queries,
                                                        const Samples &samples, llvm::ArrayRef<size_t> which,
                                                        unsigned threads, DiagEngine &diags) {
  FlowGraph flow = q.flow(false);
  auto runner = SampleRunner::create({{flow.graph.get(), Watch::AnyOrder}}, samples, threads, diags);
  if (!runner)
    return failure();
  std::vector<PositionCost> sum(queries.size());
  SampleJob job;
  job.begin = [&](size_t) { return std::make_unique<Visitor>(q, flow, queries); };
  job.collect = [&](size_t, SampleVisitor &visitor, llvm::StringRef) {
    auto &seen = static_cast<Visitor &>(visitor).costs;
    for (size_t i = 0; i < sum.size(); ++i) {
      sum[i].signal += seen[i].signal, sum[i].noise += seen[i].noise;
      sum[i].saturated += seen[i].saturated, sum[i].total += seen[i].total;
    }
    return Collected::Keep;
  };
  if (failed((*runner)->run(which, job, {}, "")))
    return failure();
  return sum;
}

//===- Moments.cpp - what a linear layer's inputs and errors have in common -------------===//
#include "Moments.h"
#include "dpuopt/Calibrate/OutputError.h"
#include "llvm/ADT/DenseSet.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

/// Rows that wait to be summed up take at most this, or what one sample has.
static constexpr size_t MaxWaiting = size_t(64) << 20;

static size_t roundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

Moments::Moments(const LayerPart &part)
    : rowStride(roundUp(part.width(), 16)), height(roundUp(part.width(), 4)),
      outputHeight(roundUp(part.layer->outputs, 4)), products(part.layer->groups * height * rowStride),
      lacks(part.layer->groups * outputHeight * rowStride) {}

size_t Moments::bytes(const LayerPart &part) {
  return part.layer->groups * roundUp(part.width(), 16) * (roundUp(part.width(), 4) + roundUp(part.layer->outputs, 4)) *
         sizeof(float);
}

//===-- The rows of some samples ------------------------------------------------------------===//

namespace {

/// Rows of one part: inputs (padded as the moments are) and what the outputs lack, group by group.
struct Rows {
  size_t stride = 0, lackStride = 0, capacity = 0, count = 0;
  std::vector<float> inputs, lacks;
  double error = 0;

  Rows(const LayerPart &part, size_t capacity)
      : stride(roundUp(part.width(), 16)), lackStride(roundUp(part.layer->outputs, 16)), capacity(capacity),
        inputs(part.layer->groups * capacity * stride), lacks(part.layer->groups * capacity * lackStride) {}
  static size_t bytes(const LayerPart &part) {
    return part.layer->groups * (roundUp(part.width(), 16) + roundUp(part.layer->outputs, 16)) * sizeof(float);
  }
  float *input(size_t group, size_t row) { return inputs.data() + (group * capacity + row) * stride; }
  float *lack(size_t group, size_t row) { return lacks.data() + (group * capacity + row) * lackStride; }

  void append(Rows &sample, size_t groups) {
    for (size_t g = 0; g < groups; ++g) {
      std::copy_n(sample.input(g, 0), sample.count * stride, input(g, count));
      std::copy_n(sample.lack(g, 0), sample.count * lackStride, lack(g, count));
    }
    count += sample.count, error += sample.error;
  }
};

uint64_t mix(uint64_t x) { // the finalizer of splitmix64
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

} // namespace

namespace dpuopt {

/// One run over the samples for some parts.
class MomentSums {
public:
  MomentSums(const Quantization &q, llvm::ArrayRef<LayerPart> parts, size_t samples, const MomentOptions &options,
             const StepContext &context);
  Status run(llvm::ArrayRef<size_t> samples, llvm::StringRef stage);
  std::vector<Moments> moments;

private:
  class Visitor;
  Result<std::unique_ptr<SampleRunner>> runner();
  std::unique_ptr<Rows> rowsFor(size_t part, size_t samples) const;
  void sumUp();
  void mirror();

  const Quantization &q;
  llvm::ArrayRef<LayerPart> parts;
  const MomentOptions &options;
  const StepContext &context;
  std::vector<FreeRange> ranges;
  std::vector<size_t> perSample; ///< rows of a sample, by part
  std::unique_ptr<Graph> reference;
  FlowGraph flow;
  llvm::DenseSet<const Value *> unrounded; ///< outputs that nothing in the flow reads
  std::vector<std::unique_ptr<Rows>> waiting;
};

/// Looks at the layers of one sample: what they should give, then what they give.
class MomentSums::Visitor : public RoundingVisitor {
public:
  Visitor(const MomentSums &sums, size_t sample) : RoundingVisitor(sums.q, sums.flow, 1), sums(sums), sample(sample) {}
  void observe(unsigned k, const Value &v, Tensor &t) override {
    if (!sums.unrounded.count(&v))
      RoundingVisitor::observe(k, v, t);
  }
  void finish(unsigned k, llvm::ArrayRef<Tensor> outputs) override {
    if (k == 0) {
      wanted.assign(outputs.begin(), outputs.end());
      return;
    }
    for (size_t part = 0; part < sums.parts.size(); ++part)
      look(part, outputs[2 * part].toFloat().expanded(), outputs[2 * part + 1].toFloat().expanded(),
           wanted[part].toFloat().expanded());
    wanted.clear();
  }
  std::vector<std::unique_ptr<Rows>> rows;

private:
  void look(size_t part, const Tensor &input, const Tensor &is, const Tensor &wanted);
  const MomentSums &sums;
  size_t sample;
  std::vector<Tensor> wanted;
};

} // namespace dpuopt

void MomentSums::Visitor::look(size_t part, const Tensor &input, const Tensor &is, const Tensor &wanted) {
  const LayerPart &p = sums.parts[part];
  const LinearLayer &layer = *p.layer;
  const FreeRange range = sums.ranges[part];
  llvm::ArrayRef<float> x = input.as<float>(), y = is.as<float>(), to = wanted.as<float>();
  rows.push_back(sums.rowsFor(part, 1));
  Rows &out = *rows.back();
  std::vector<float> row(layer.inputs);
  for (; out.count < sums.perSample[part]; ++out.count) {
    // One position of each of as many stretches.
    const size_t begin = out.count * layer.positions / out.capacity,
                 end = (out.count + 1) * layer.positions / out.capacity;
    const uint64_t dice = mix(sums.options.seed ^ mix(sample ^ mix(part ^ mix(out.count))));
    const size_t position = begin + dice % std::max<size_t>(1, end - begin);
    for (size_t g = 0; g < layer.groups; ++g) {
      layer.gather(x, position, g, row.data());
      float *in = out.input(g, out.count), *lack = out.lack(g, out.count);
      std::copy_n(row.data() + p.first, p.count, in);
      in[p.count] = 1;
      for (size_t o = 0; o < layer.outputs; ++o) {
        const size_t at = layer.outputAt(position, g, o);
        
        lack[o] = range.target(to[at], y[at]) - y[at];
        out.error += static_cast<double>(lack[o]) * lack[o];
      }
    }
  }
}

//===-- The run -------------------------------------------------------------------------------===//

MomentSums::MomentSums(const Quantization &q, llvm::ArrayRef<LayerPart> parts, size_t samples,
                       const MomentOptions &options, const StepContext &context)
    : q(q), parts(parts), options(options), context(context) {
  for (const LayerPart &part : parts) {
    moments.emplace_back(part);
    ranges.push_back(freeRange(*part.layer, q));
    const size_t each = (options.rows + samples - 1) / std::max<size_t>(1, samples);
    perSample.push_back(std::clamp<size_t>(each, 1, part.layer->positions));
  }
}

std::unique_ptr<Rows> MomentSums::rowsFor(size_t part, size_t samples) const {
  return std::make_unique<Rows>(parts[part], perSample[part] * samples);
}

/// Leaves of `g` what `outputs` need; `gone` is told of every value that goes.
static void trim(Graph &g, llvm::ArrayRef<Value *> outputs, llvm::function_ref<void(const Value *)> gone) {
  g.setOutputs(outputs);
  llvm::SmallVector<Op *, 64> all;
  for (Op &op : g.ops())
    all.push_back(&op);
  for (Op *op : llvm::reverse(all))
    if (op->unused()) {
      for (const Value *v : op->results())
        gone(v);
      g.erase(op);
    }
}

Result<std::unique_ptr<SampleRunner>> MomentSums::runner() {
  reference = q.reference().clone();
  flow = q.flow(/*roundParams=*/true);
  std::vector<Value *> wanted, seen;
  for (const LayerPart &part : parts) {
    wanted.push_back(reference->lookup(part.layer->output->name()));
    seen.push_back(flow.graph->lookup(part.layer->input->name()));
    seen.push_back(flow.graph->lookup(part.layer->output->name()));
  }
  trim(*reference, wanted, [](const Value *) {});
  trim(*flow.graph, seen, [&](const Value *v) { flow.sites.erase(v); });
  for (size_t i = 0; i < parts.size(); ++i) {
    const Value *output = seen[2 * i + 1];
    if (llvm::all_of(output->uses(), [](const Use &use) { return use.user->isReturn(); }) &&
        llvm::count(seen, output) == 1)
      unrounded.insert(output);
  }
  return SampleRunner::create({{reference.get(), Watch::Outputs}, {flow.graph.get(), Watch::AnyOrder}}, context.samples,
                              context.threads, context.diags);
}

/// Each sum is made by one thread, in the order of the rows.
void MomentSums::sumUp() {
  constexpr size_t Strip = 64;
  struct Task {
    size_t part, group, first, last;
    bool cross;
  };
  std::vector<Task> tasks;
  for (size_t part = 0; part < parts.size(); ++part)
    for (size_t g = 0; g < parts[part].layer->groups; ++g)
      for (bool cross : {false, true}) {
        const size_t height = cross ? moments[part].outputHeight : moments[part].height;
        for (size_t first = 0; first < height; first += Strip)
          tasks.push_back({part, g, first, std::min(first + Strip, height), cross});
      }
  inParallel(context.threads, tasks.size(), [&](size_t i) {
    const Task &t = tasks[i];
    Moments &m = moments[t.part];
    Rows &rows = *waiting[t.part];
    const float *x = rows.input(t.group, 0);
    if (t.cross)
      addProducts(rows.lack(t.group, 0), rows.lackStride, x, rows.stride, rows.count, t.first, t.last, m.rowStride,
                  false, m.lacks.data() + t.group * m.outputHeight * m.rowStride);
    else
      addProducts(x, rows.stride, x, rows.stride, rows.count, t.first, t.last, m.rowStride, true,
                  m.products.data() + t.group * m.height * m.rowStride);
  });
  for (size_t part = 0; part < parts.size(); ++part) {
    moments[part].rows += waiting[part]->count, moments[part].error += waiting[part]->error;
    waiting[part]->count = 0, waiting[part]->error = 0;
  }
}

/// Only the upper triangle (and what shares a tile with it) was summed up.
void MomentSums::mirror() {
  for (size_t part = 0; part < parts.size(); ++part)
    for (size_t g = 0; g < parts[part].layer->groups; ++g) {
      Moments &m = moments[part];
      float *h = m.products.data() + g * m.height * m.rowStride;
      for (size_t i = 0; i < parts[part].width(); ++i)
        for (size_t j = 0; j < i; ++j)
          h[i * m.rowStride + j] = h[j * m.rowStride + i];
    }
}

Status MomentSums::run(llvm::ArrayRef<size_t> samples, llvm::StringRef stage) {
  auto runner = this->runner();
  if (!runner)
    return failure();
  size_t sampleBytes = 1;
  for (size_t i = 0; i < parts.size(); ++i)
    sampleBytes += perSample[i] * Rows::bytes(parts[i]);
  const size_t chunk = std::clamp<size_t>(MaxWaiting / sampleBytes, 1, std::max<size_t>(1, samples.size()));
  for (size_t i = 0; i < parts.size(); ++i)
    waiting.push_back(rowsFor(i, chunk));
  SampleJob job;
  job.begin = [&](size_t i) { return std::make_unique<Visitor>(*this, i); };
  job.collect = [&](size_t, SampleVisitor &visitor, llvm::StringRef name) {
    auto &seen = static_cast<Visitor &>(visitor);
    for (size_t part = 0; part < parts.size(); ++part) {
      if (!std::isfinite(seen.rows[part]->error))
        return context.diags
                   .error(parts[part].layer->op->loc(),
                          fmt::format("'{}' has an infinity or NaN on calibration sample '{}'",
                                      parts[part].layer->output->name(), name.str()))
                   .rule("calibrate.non-finite"),
               Collected::Stop;
      waiting[part]->append(*seen.rows[part], parts[part].layer->groups);
    }
    return Collected::Keep;
  };
  size_t done = 0;
  auto progress = [&](llvm::StringRef, size_t at, size_t) {
    if (context.progress)
      context.progress(stage, done + at, samples.size());
  };
  for (; done < samples.size(); done += std::min(chunk, samples.size() - done)) {
    if (failed((*runner)->run(samples.slice(done, std::min(chunk, samples.size() - done)), job, progress, stage)))
      return failure();
    sumUp();
  }
  mirror();
  return success();
}

Result<std::vector<Moments>> dpuopt::collectMoments(const Quantization &q, llvm::ArrayRef<LayerPart> parts,
                                                    llvm::ArrayRef<size_t> samples, const MomentOptions &options,
                                                    const StepContext &context, llvm::StringRef stage) {
  MomentSums sums(q, parts, samples.size(), options, context);
  if (failed(sums.run(samples, stage)))
    return failure();
  return std::move(sums.moments);
}

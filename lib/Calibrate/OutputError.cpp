//===- OutputError.cpp - how far a quantized network's outputs are from the float ones --===//
#include "dpuopt/Calibrate/OutputError.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

/// Numbers kept of all outputs on all samples together.
static constexpr size_t MaxKept = size_t(1) << 24;

void RoundingVisitor::round(const Value &v, Tensor &t) {
  const int slot = flow.prepare(v, t);
  if (slot < 0)
    return;
  const Quantization::Activation &a = q.activations[static_cast<size_t>(slot)];
  if (!a.pos)
    return;
  llvm::MutableArrayRef<float> x = t.mut<float>();
  fakeQuantize({x.data(), x.size()}, *a.pos, a.rounding());
}

double OutputNoise::decibels() const { return -10 * std::log10(ratio); }

//===-- What is kept of the float graph ----------------------------------------------===//

struct OutputError::Kept {
  struct Sample {
    std::vector<std::vector<float>> outputs; ///< by output
    int64_t best = 0;                        ///< index of the largest score
  };
  std::vector<Sample> samples;
  std::vector<double> signal; ///< squares, by output
  size_t perOutput = 0;       ///< numbers kept of an output on a sample
  bool classifier = false;

  /// Every how-manieth element of `t` is kept.
  size_t step(const Tensor &t) const { return (static_cast<size_t>(t.numElements()) + perOutput - 1) / perOutput; }
};

/// One vector: a shape with at most one extent that is not 1, and two scores at least.
static bool isScores(const Type &type) {
  int64_t longest = 1;
  for (int64_t extent : type.shape())
    longest = std::max(longest, extent);
  return type.elemType().isFloat() && longest > 1 && longest == type.numElements();
}

static int64_t largest(const Tensor &scores) {
  llvm::ArrayRef<float> x = scores.as<float>();
  return std::max_element(x.begin(), x.end()) - x.begin();
}

/// Picks what is kept of the outputs of the float graph.
class OutputError::Reference : public SampleVisitor {
public:
  explicit Reference(const Kept &kept) : kept(kept) {}
  void finish(unsigned, llvm::ArrayRef<Tensor> outputs) override {
    for (const Tensor &output : outputs) {
      Tensor t = output.toFloat().expanded();
      llvm::ArrayRef<float> x = t.as<float>();
      std::vector<float> &numbers = sample.outputs.emplace_back();
      double squares = 0;
      for (size_t i = 0; i < x.size(); i += kept.step(t))
        numbers.push_back(x[i]), squares += static_cast<double>(x[i]) * x[i];
      signal.push_back(squares);
    }
    if (kept.classifier)
      sample.best = largest(outputs[0].expanded());
  }
  const Kept &kept;
  Kept::Sample sample;
  std::vector<double> signal;
};

//===-- The quantized graph -----------------------------------------------------------===//

/// The graph rounded, ready to run, and the parameters it was made of.
struct OutputError::Prepared {
  FlowGraph flow;
  std::vector<Quantization::Param> params;
  std::unique_ptr<SampleRunner> runner;

  /// Tensors are compared by where they are: holding them keeps anybody from changing them there.
  bool isOf(const Quantization &q) const {
    auto same = [](const Quantization::Param &a, const Quantization::Param &b) {
      return a.pos == b.pos && a.floats.storage().bytes().data() == b.floats.storage().bytes().data();
    };
    return std::equal(params.begin(), params.end(), q.params.begin(), q.params.end(), same);
  }
};

/// Compares with what was kept of one sample.
class OutputError::Measured : public RoundingVisitor {
public:
  Measured(const Quantization &q, const FlowGraph &flow, const Kept &kept, const Kept::Sample &sample)
      : RoundingVisitor(q, flow), kept(kept), sample(sample) {}
  void finish(unsigned, llvm::ArrayRef<Tensor> outputs) override {
    for (size_t o = 0; o < outputs.size(); ++o) {
      Tensor t = outputs[o].toFloat().expanded();
      llvm::ArrayRef<float> x = t.as<float>();
      double squares = 0;
      size_t i = 0;
      for (float wanted : sample.outputs[o]) {
        const double d = static_cast<double>(x[i]) - wanted;
        squares += d * d, i += kept.step(t);
      }
      noise.push_back(squares);
    }
    changed = kept.classifier && largest(outputs[0].expanded()) != sample.best;
  }
  const Kept &kept;
  const Kept::Sample &sample;
  std::vector<double> noise;
  bool changed = false;
};

//===-- The class -----------------------------------------------------------------------===//

OutputError::OutputError(const Samples &samples, std::vector<size_t> which, unsigned threads, DiagEngine &diags)
    : data(&samples), which(std::move(which)), threads(threads), diags(&diags), kept(std::make_unique<Kept>()) {}
OutputError::OutputError(OutputError &&) = default;
OutputError::~OutputError() = default;

Result<OutputError> OutputError::create(const Quantization &q, const Samples &samples, std::vector<size_t> which,
                                        unsigned threads, DiagEngine &diags) {
  OutputError error(samples, std::move(which), threads, diags);
  Kept &kept = *error.kept;
  auto outputs = q.reference().outputs();
  kept.signal.assign(outputs.size(), 0);
  kept.classifier = !outputs.empty() && isScores(outputs[0]->type());
  kept.perOutput = std::max<size_t>(1, MaxKept / std::max<size_t>(1, error.which.size() * outputs.size()));
  auto runner = SampleRunner::create({{&q.reference(), Watch::Outputs}}, samples, threads, diags);
  if (!runner)
    return failure();
  SampleJob job;
  job.begin = [&](size_t) { return std::make_unique<Reference>(kept); };
  job.collect = [&](size_t, SampleVisitor &visitor, llvm::StringRef name) {
    auto &seen = static_cast<Reference &>(visitor);
    for (size_t o = 0; o < seen.signal.size(); ++o) {
      if (!std::isfinite(seen.signal[o]))
        return diags
                   .error(fmt::format("output '{}' of the float model has an infinity or NaN on calibration sample "
                                      "'{}'",
                                      outputs[o]->name(), name.str()))
                   .rule("calibrate.non-finite"),
               Collected::Stop;
      kept.signal[o] += seen.signal[o];
    }
    kept.samples.push_back(std::move(seen.sample));
    return Collected::Keep;
  };
  if (failed((*runner)->run(error.which, job, {}, "float outputs")))
    return failure();
  return error;
}

Status OutputError::prepare(const Quantization &q) {
  if (prepared && prepared->isOf(q))
    return success();
  prepared = std::make_unique<Prepared>();
  prepared->flow = q.flow(/*roundParams=*/true);
  prepared->params = q.params;
  auto runner = SampleRunner::create({{prepared->flow.graph.get(), Watch::AnyOrder}}, *data, threads, *diags);
  if (!runner)
    return prepared.reset(), failure();
  prepared->runner = std::move(*runner);
  return success();
}

Result<OutputNoise> OutputError::of(const Quantization &q) {
  if (failed(prepare(q)))
    return failure();
  OutputNoise result;
  result.classifier = kept->classifier;
  std::vector<double> noise(kept->signal.size(), 0);
  SampleJob job;
  // Samples begin in the order they are given in, which is the order they are kept in.
  size_t next = 0;
  job.begin = [&](size_t) { return std::make_unique<Measured>(q, prepared->flow, *kept, kept->samples[next++]); };
  job.collect = [&](size_t, SampleVisitor &visitor, llvm::StringRef) {
    auto &seen = static_cast<Measured &>(visitor);
    for (size_t o = 0; o < noise.size(); ++o)
      noise[o] += seen.noise[o];
    result.top1Changed += seen.changed;
    ++result.samples;
    return Collected::Keep;
  };
  if (failed(prepared->runner->run(which, job, {}, "outputs")))
    return failure();
  for (size_t o = 0; o < noise.size(); ++o) // an output of zeros has no scale: its noise counts as it is
    result.ratio += noise[o] / (kept->signal[o] > 0 ? kept->signal[o] : 1) / static_cast<double>(noise.size());
  return result;
}

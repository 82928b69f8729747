//===- Samples.cpp - calibration data for all inputs of a graph ---------------------===//
#include "dpuopt/Calibrate/Samples.h"
#include "llvm/ADT/StringMap.h"
#include <fmt/format.h>
#include <numeric>

using namespace dpuopt;

/// "SPEC", or "input=SPEC;input=SPEC" for graphs with several inputs: the spec of each input.
static Result<std::vector<std::string>> splitSpecs(const Graph &g, llvm::StringRef text, DiagEngine &diags) {
  auto inputs = g.inputs();
  llvm::StringMap<std::string> byName;
  llvm::SmallVector<llvm::StringRef, 4> parts;
  text.split(parts, ';');
  for (llvm::StringRef part : parts)
    for (const Value *input : inputs)
      if (part.startswith(input->name() + "="))
        byName[input->name()] = part.drop_front(input->name().size() + 1).str();
  if (byName.empty() && inputs.size() == 1)
    return std::vector<std::string>{text.str()};
  std::vector<std::string> specs;
  for (const Value *input : inputs) {
    if (!byName.count(input->name()))
      return diags.error(fmt::format("no calibration data for the model's input '{}'", input->name()))
          .note("with several inputs: data=INPUT=SPEC;INPUT=SPEC")
          .rule("calibrate.data");
    specs.push_back(byName[input->name()]);
  }
  return specs;
}

Result<Samples> Samples::open(const Graph &g, llvm::StringRef data, size_t count, DiagEngine &diags) {
  if (g.inputs().empty())
    return diags.error("calibration needs a graph with inputs").rule("calibrate.graph");
  auto texts = splitSpecs(g, data, diags);
  if (!texts)
    return failure();
  Samples samples;
  samples.data = data.str();
  for (size_t i = 0; i < texts->size(); ++i) {
    auto spec = parseDataSpec((*texts)[i], diags);
    if (!spec)
      return failure();
    if (count > 0)
      spec->options.count = count;
    samples.specs.push_back(std::move(*spec));
    auto shape = g.inputs()[i]->type().shape();
    samples.shapes.emplace_back(shape.begin(), shape.end());
  }
  auto first = samples.reader(diags);
  if (!first)
    return failure();
  const auto &sources = (*first)->sources;
  for (size_t i = 0; i < sources.size(); ++i)
    if (sources[i]->size() != sources[0]->size())
      return diags
          .error(fmt::format("inputs '{}' and '{}' have {} and {} samples", g.inputs()[0]->name(),
                             g.inputs()[i]->name(), sources[0]->size(), sources[i]->size()))
          .rule("calibrate.data");
  samples.number = (*first)->size();
  return samples;
}

Result<std::unique_ptr<SampleReader>> Samples::reader(DiagEngine &diags) const {
  auto reader = std::make_unique<SampleReader>();
  for (size_t i = 0; i < specs.size(); ++i) {
    auto source = openDataSource(specs[i], shapes[i], diags);
    if (!source)
      return failure();
    reader->sources.push_back(std::move(*source));
  }
  return reader;
}

Result<std::vector<Tensor>> SampleReader::load(size_t i, DiagEngine &diags) {
  std::vector<Tensor> inputs;
  for (const auto &source : sources) {
    Result<Sample> sample = source->load(i, diags);
    if (!sample)
      return failure();
    inputs.push_back(std::move(sample->input));
    lastName = sample->name;
  }
  return inputs;
}

/// The number that `t` is full of.
static std::optional<float> constantIn(const Tensor &t) {
  const Tensor dense = t.expanded();
  llvm::ArrayRef<float> x = dense.as<float>();
  if (x.empty() || llvm::any_of(x, [&](float v) { return v != x[0]; }))
    return std::nullopt;
  return x[0];
}

void dpuopt::warnOfConstants(const Graph &g, const Samples &samples, DiagEngine &diags) {
  static constexpr const char *Rule = "calibrate.constant";
  if (llvm::any_of(diags.all(), [](const Diagnostic &d) { return d.rule == Rule; }))
    return;
  DiagEngine silent; // what cannot be read is said by the run
  auto reader = samples.reader(silent);
  if (!reader)
    return;
  std::vector<std::optional<float>> all(g.inputs().size());
  for (size_t s = 0; s < samples.size() && (s == 0 || llvm::any_of(all, [](auto &c) { return c.has_value(); })); ++s) {
    auto inputs = (*reader)->load(s, silent);
    if (!inputs)
      return;
    for (size_t i = 0; i < all.size(); ++i)
      if (std::optional<float> found = constantIn((*inputs)[i]); s == 0 || found != all[i])
        all[i] = s == 0 ? found : std::nullopt;
  }
  for (size_t i = 0; i < all.size(); ++i)
    if (const Value *input = g.inputs()[i]; all[i] && input->type().numElements() > 1)
      diags
          .warning(fmt::format("input '{}' is {:g} everywhere on all calibration samples ({})", input->name(), *all[i],
                               samples.size()))
          .rule(Rule)
          .note("fix points found on it fit no real input: look at the data and its options (divide, mean, dtype)");
}

std::vector<size_t> dpuopt::firstSamples(size_t n) {
  std::vector<size_t> all(n);
  std::iota(all.begin(), all.end(), size_t(0));
  return all;
}

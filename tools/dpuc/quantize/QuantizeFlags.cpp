//===- QuantizeFlags.cpp - how fix points are found from data ------------------------===//
#include "QuantizeFlags.h"
#include <fmt/format.h>
#include <thread>

using namespace dpuopt;

static cl::ValuesClass equalizations(Equalize byDefault) {
  const cl::OptionEnumValue data = clEnumValN(Equalize::Data, "data",
                                              "dfq, and through ReLU6 where the samples do not reach it"),
                            dfq = clEnumValN(Equalize::Dfq, "dfq", "all layers around each tensor"),
                            off = clEnumValN(Equalize::Off, "off", "not at all"),
                            bare = clEnumValN(Equalize::Vendor, "", "");
  if (byDefault != Equalize::Auto)
    return cl::values(data, dfq,
                      clEnumValN(Equalize::Vendor, "vendor", "pairs of convolutions, as vai_q_pytorch does (default)"),
                      off, bare);
  return cl::values(
      clEnumValN(Equalize::Auto, "auto",
                 "vendor or data, by the outputs; with fix points from a file: vendor, if they then fit (default)"),
      data, dfq, clEnumValN(Equalize::Vendor, "vendor", "pairs of convolutions, as vai_q_pytorch does"), off, bare);
}

QuantizeFlags::QuantizeFlags(cl::SubCommand &sub, Equalize byDefault)
    : method("method",
             cl::desc("How positions are chosen: mse (default), diffs (the vendor's), maxmin, percentile or entropy"),
             cl::value_desc("NAME"), cl::init("mse"), cl::sub(sub), cl::cat(dpucCategory())),
      equalize("equalize", cl::desc("Equalize the ranges of neighbouring layers' weights first"), cl::ValueOptional,
               cl::init(byDefault), cl::sub(sub), cl::cat(dpucCategory()), equalizations(byDefault)),
      percentile("percentile", cl::desc("Share of the values that --method percentile must not clip (0.9999)"),
                 cl::value_desc("SHARE"), cl::init(0.9999), cl::sub(sub), cl::cat(dpucCategory())),
      bits("bits", cl::desc("Bit width of everything (8; the DPU has 8)"), cl::value_desc("N"), cl::init(8),
           cl::sub(sub), cl::cat(dpucCategory())),
      threads("threads", cl::desc("Samples at the same time (all cores); the result does not depend on it"),
              cl::value_desc("N"), cl::init(0), cl::sub(sub), cl::cat(dpucCategory())),
      seed("seed", cl::desc("Of what is chosen at random (0)"), cl::value_desc("N"), cl::init(0), cl::sub(sub),
           cl::cat(dpucCategory())),
      search("search", cl::desc("Then move positions jointly where that lowers the outputs' error"), cl::sub(sub),
             cl::cat(dpucCategory())),
      biasCorrect("bias-correct", cl::desc("Then take the mean error of each layer out of its biases"), cl::sub(sub),
                  cl::cat(dpucCategory())),
      fineTune("finetune", cl::desc("Then move the integers of weights and biases, layer by layer"), cl::sub(sub),
               cl::cat(dpucCategory())) {}

bool QuantizeFlags::given() const {
  return method.getNumOccurrences() || percentile.getNumOccurrences() || bits.getNumOccurrences() ||
         seed.getNumOccurrences() || search || biasCorrect || fineTune;
}

Status QuantizeFlags::fill(QuantizeOptions &options, DiagEngine &diags) const {
  auto known = parseSearchMethod(method);
  if (!known)
    return diags
        .error(fmt::format("--method must be diffs, mse, maxmin, percentile or entropy, is '{}'", method.getValue()))
        .rule("calibrate.method");
  if (!(percentile > 0 && percentile <= 1))
    return diags.error(fmt::format("--percentile must be in 0..1, is {}", percentile.getValue()))
        .rule("calibrate.percentile");
  if (bits < MinBits || bits > MaxBits)
    return diags.error(fmt::format("--bits must be in {}-{}, is {}", MinBits, MaxBits, bits.getValue()))
        .rule("calibrate.bits");
  if (threads < 0 || threads > 1024)
    return diags.error(fmt::format("--threads must be in 1-1024, is {}", threads.getValue()));
  options.equalize = equalize;
  options.recipe.method = *known;
  options.recipe.percentile = percentile;
  options.recipe.bits = bits;
  options.threads = threads ? static_cast<unsigned>(threads) : std::max(1u, std::thread::hardware_concurrency());
  options.seed = seed;
  options.recipe.search.on = search;
  options.recipe.biasCorrect.on = biasCorrect;
  options.recipe.fineTune.on = fineTune;
  return success();
}

Pipeline dpuopt::cleanUpSteps(Equalize equalize, llvm::StringRef data, unsigned threads) {
  if (equalize == Equalize::Off || equalize == Equalize::Vendor)
    return steps(equalize == Equalize::Off ? "clean-up" : "clean-up-equalized");
  Pipeline pipeline = steps("clean-up");
  PassOptions onData = {{"data", data.str()}, {"threads", std::to_string(threads)}};
  for (PassStep &step :
       equalize == Equalize::Data ? steps("equalize-on-data", onData) : steps("equalize", {{"method", "dfq"}}))
    pipeline.push_back(std::move(step));
  return pipeline;
}

void StageBars::operator()(llvm::StringRef stage, size_t done, size_t total) {
  if (!bar || stage != current || done <= shown) {
    current = stage.str();
    bar = std::make_unique<Progress>(stage, total);
    shown = 0;
  }
  for (; shown < done; ++shown)
    bar->step();
  if (done == total)
    bar.reset();
}

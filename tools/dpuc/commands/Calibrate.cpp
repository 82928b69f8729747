//===- Calibrate.cpp - dpuc calibrate: fix points, in parts if need be ------------------===//
//
// A model too large, or samples too many, for one machine: each runs a part, and the
// parts merged give the positions of a single run, bit for bit.
//
//===----------------------------------------------------------------------===//
#include "FixPoints.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Support/File.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("calibrate", "Fix points from data as quant_info.json; in parts on several machines");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL.onnx"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static InputShapeFlag inputShapes(command);
static RemarksFlag remarks(command);
static cl::opt<bool> timePasses("time-passes", cl::desc("Print the time each pass took"), cl::sub(command),
                                cl::cat(dpucCategory()));
static cl::opt<std::string>
    calib("calib", cl::desc("Samples: fashion-mnist:200, a folder of images, .npy, .bin, with :options (docs/cli.md)"),
          cl::value_desc("SOURCE"), cl::Required, cl::sub(command), cl::cat(dpucCategory()));
static QuantizeFlags quantizeFlags(command, Equalize::Vendor); // what is written has no weights
static cl::opt<std::string> shard("shard", cl::desc("Run only part I (1 to N) of N, and write what it found"),
                                  cl::value_desc("I/N"), cl::sub(command), cl::cat(dpucCategory()));
static cl::list<std::string> merge("merge",
                                   cl::desc("Put the parts in these files together (the same model, samples "
                                            "and flags); what is missing in them is run"),
                                   cl::value_desc("PART.json"), cl::CommaSeparated, cl::sub(command),
                                   cl::cat(dpucCategory()));
static cl::list<std::string> moreParts(cl::Positional, cl::desc("[PART.json...]"), cl::sub(command),
                                       cl::cat(dpucCategory()));
static cl::opt<std::string> output("o", cl::desc("File to write (quant_info.json, or part.json with --shard)"),
                                   cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));

namespace {

/// One network being calibrated.
class Calibration {
public:
  Calibration(const FixPointOptions &options, DiagEngine &diags)
      : options(options), how(options.quantize), diags(diags) {}
  Status open();
  Status writePart(const ShardOption &part);
  Status writeAll(llvm::ArrayRef<std::string> parts);

private:
  Result<Statistics> read(llvm::ArrayRef<std::string> parts);
  StepContext context() { return {*samples, diags, how.threads, how.seed, bars.callback()}; }

  const FixPointOptions &options;
  const QuantizeOptions &how;
  DiagEngine &diags;
  Job job;
  std::optional<Samples> samples;
  std::optional<Quantization> begun;
  StageBars bars;
};

Status Calibration::open() {
  auto onnx = inputShapes.read(diags);
  auto graph = onnx ? loadGraph(model, *onnx, diags) : failure();
  if (!graph)
    return failure();
  diags.setFile(model);
  job.graph = std::move(*graph);
  if (failed(checkIsFloat(*job.graph, diags)) || failed(FixPoints(options, job, diags).cleanUp()))
    return failure();
  auto data = Samples::open(*job.graph, calib, 0, diags);
  auto q = data ? beginQuantization(*job.graph, how.recipe, diags) : failure();
  if (!q)
    return failure();
  samples = std::move(*data), begun = std::move(*q);
  return success();
}

Status Calibration::writePart(const ShardOption &part) {
  if (part.count > samples->size())
    return diags.error(fmt::format("{} samples cannot be split into {} parts", samples->size(), part.count))
        .rule("calibrate.shard");
  auto found = gather(*begun, how.recipe, context(), rangeOfPart(samples->size(), part.index, part.count));
  if (!found)
    return failure();
  const PartHeader header{part.index, part.count, identityOf(*begun, how.recipe, context())};
  return writeFileAtomically(output.empty() ? "part.json" : output.getValue(), diags,
                             [&](llvm::raw_pwrite_stream &os) { return os << printPart(header, *found), success(); });
}

Result<Statistics> Calibration::read(llvm::ArrayRef<std::string> parts) {
  Statistics all;
  const std::string identity = identityOf(*begun, how.recipe, context());
  for (const std::string &file : parts) {
    auto text = readFile(file, diags);
    auto part = text ? parsePart(*text, begun->activations.size(), file, diags) : failure();
    if (!part)
      return failure();
    if (part->first.identity != identity)
      return diags.error("is a part of another calibration")
          .file(file)
          .rule("calibrate.part")
          .note("the model, the samples and the flags must be those that it was made with");
    if (!all.merge(part->second))
      return diags.error("has samples that another part has too").file(file).rule("calibrate.part");
  }
  return all;
}

Status Calibration::writeAll(llvm::ArrayRef<std::string> parts) {
  auto known = read(parts);
  auto quantized = known ? quantize(*job.graph, how.recipe, context(), std::move(*known)) : failure();
  if (!quantized)
    return failure();
  quantized->network.applyTo(*job.graph);
  return writeQuantInfo(collectQuantInfo(*job.graph), output.empty() ? "quant_info.json" : output.getValue(), diags);
}

} // namespace

static int calibrate(DiagEngine &diags) {
  remarks.apply(diags);
  FixPointOptions options;
  options.calib = calib, options.timePasses = timePasses;
  if (failed(quantizeFlags.fill(options.quantize, diags)))
    return ExitBadInput;
  std::vector<std::string> parts(merge.begin(), merge.end());
  parts.insert(parts.end(), moreParts.begin(), moreParts.end());
  if (!parts.empty() && (!shard.empty() || merge.empty()))
    return diags.error("parts are merged with --merge PART.json..., and not while one is made (--shard)"), ExitBadInput;
  auto part = shard.empty() ? ShardOption() : parseShard(shard);
  if (!part)
    return diags.error(fmt::format("--shard takes I/N with I from 1 to N, not '{}'", shard.getValue()))
               .rule("calibrate.shard"),
           ExitBadInput;
  Calibration calibration(options, diags);
  if (failed(calibration.open()))
    return ExitBadInput;
  Status done = shard.empty() ? calibration.writeAll(parts) : calibration.writePart(*part);
  return failed(done) ? ExitBadInput : ExitClean;
}

namespace dpuopt {
extern const Command CalibrateCommand;
const Command CalibrateCommand = {command, calibrate};
} // namespace dpuopt

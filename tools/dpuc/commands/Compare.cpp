//===- Compare.cpp - dpuc compare: where do two models compute something else? ----------===//
#include "Verdict.h"
#include "dpuopt/Compare/Meaning.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("compare", "Where do two models, or a model and a board's dump, compute something else? "
                                         "(exit status: 0 nowhere, 1 somewhere)");
static cl::opt<std::string> pathA(cl::Positional, cl::desc("A"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<std::string> pathB(cl::Positional, cl::desc("[B]"), cl::sub(command), cl::cat(dpucCategory()));
static InputFlags inputFlags(command, true);
static cl::opt<std::string> dump("dump", cl::desc("Compare A with the tensors in this folder"), cl::value_desc("DIR"),
                                 cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<double> tolerance("tolerance", cl::desc("So many steps of the fix point are no difference (0)"),
                                 cl::value_desc("LSB"), cl::init(0), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<double> minSnr("min-snr", cl::desc("Nor is a signal-to-noise ratio of at least so much"),
                              cl::value_desc("DB"), cl::init(0), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> worst("worst", cl::desc("Print the N tensors with the least signal-to-noise ratio"),
                               cl::value_desc("N"), cl::init(0), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> all("all", cl::desc("Print every tensor (else those that differ, at most 60)"), cl::sub(command),
                         cl::cat(dpucCategory()));
static VendorFlags vendorFlags(command);
static BackendFlags backendFlags(command, true);
static cl::opt<std::string> json("json", cl::desc("Also write everything as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));

//===----------------------------------------------------------------------===//
// Inputs

/// The inputs of `side` that the folder `other` has, or nothing.
static Result<std::optional<std::vector<Tensor>>> inputsOfFolder(Side &side, Side &other, DiagEngine &diags) {
  std::vector<Tensor> found;
  std::vector<Value *> feeds = graphFeeds(*side.model->graph);
  for (size_t i = 0; i < feeds.size(); ++i) {
    auto t = other.fileForInput(*feeds[i], side.model->inputs[i], diags);
    if (!t)
      return failure();
    if (!*t)
      return std::optional<std::vector<Tensor>>();
    found.push_back(std::move(**t));
  }
  return std::optional(std::move(found));
}

static Result<std::vector<Tensor>> openInputs(Side &side, std::string &source, DiagEngine &diags) {
  auto feeds = inputFlags.open(side.model->inputs, diags);
  if (!feeds)
    return failure();
  if (feeds->size() != 1)
    return diags.error(fmt::format("compares one sample, --input has {}", feeds->size())).rule("compare.input");
  auto set = feeds->load(0, diags);
  if (!set)
    return failure();
  for (const std::string &name : set->names)
    source += (source.empty() ? "" : ", ") + name;
  if (feeds->isDefault)
    source += " (no --input)";
  return std::move(set->tensors);
}

/// Runs the sides that are models, on the same input. The one that rounds its input says what stored integers mean.
static Status runSides(Side &a, Side &b, std::string &source, DiagEngine &diags) {
  if (!a.isModel() && !b.isModel())
    return success();
  const bool aFirst = a.isModel() && (!b.isModel() || a.rounds() || !b.rounds());
  Side &first = aFirst ? a : b, &second = aFirst ? b : a;
  std::vector<Tensor> inputs;
  if (!second.isModel() && inputFlags.isDefault()) {
    auto found = inputsOfFolder(first, second, diags);
    if (!found)
      return failure();
    if (!*found)
      return diags
          .error(fmt::format("{} does not hold the model's input ({}): give it with --input", second.path,
                             first.model->inputs.empty() ? "" : first.model->inputs[0].str()))
          .rule("compare.input");
    inputs = std::move(**found);
    source = "from the folder";
  } else {
    auto opened = openInputs(first, source, diags);
    if (!opened)
      return failure();
    inputs = std::move(*opened);
  }
  if (failed(first.run(inputs, diags)))
    return failure();
  auto translated = second.isModel() ? inputsLike(first, inputs, second, diags) : failure();
  if (second.isModel() && (!translated || failed(second.run(*translated, diags))))
    return failure();
  return success();
}

static CompareLimits limits() {
  return {tolerance, minSnr.getNumOccurrences() ? std::optional(minSnr.getValue()) : std::nullopt};
}

static int compare(DiagEngine &diags) {
  auto backends = backendFlags.options(2, diags);
  if (!backends)
    return ExitBadInput;
  const bool twoBackends = backends->size() == 2;
  if (twoBackends ? !pathB.empty() || !dump.empty() : pathB.empty() == dump.empty())
    return diags.error("takes two of: a model, a folder of tensors; as A B or A --dump DIR, or A --backend vart,sim"),
           ExitBadInput;
  auto onnx = inputFlags.importOptions(diags);
  auto a = onnx ? Side::open(pathA, *onnx, diags) : failure();
  auto b = a ? Side::open(twoBackends ? pathA : dump.empty() ? pathB : dump, *onnx, diags) : failure();
  if (!b)
    return ExitBadInput;
  a->exec = b->exec = vendorFlags.options();
  a->backend = backends->front(), b->backend = backends->back();
  diags.setFile("");
  std::string source;
  if (failed(runSides(*a, *b, source, diags)))
    return ExitBadInput;
  auto found = compareSides(*a, *b, diags);
  if (!found)
    return ExitBadInput;
  printComparison(*found, rowsToPrint(*found, all, worst), source, llvm::outs());
  const bool same = printVerdict(*found, limits(), llvm::outs());
  llvm::outs().flush();
  if (failed(writeNamed(
          json, [&] { return comparisonJson(*found, same); }, diags)))
    return ExitBadInput;
  return same ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command CompareCommand;
const Command CompareCommand = {command, compare};
} // namespace dpuopt

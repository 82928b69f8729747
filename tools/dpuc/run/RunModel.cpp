//===- RunModel.cpp - a model about to be executed, and its inputs -----------------===//
#include "RunModel.h"
#include "dpuopt/Compare/Meaning.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Quant/Qdq.h"
#include <fmt/format.h>

using namespace dpuopt;

/// Of one input: as many as the largest image has pixels.
constexpr int64_t MostElements = int64_t(1) << 28;

static bool hasXir(const Graph &g) {
  return llvm::any_of(g.ops(), [](const Op &op) { return op.isXir(); });
}

/// Constants whose numbers the reader could not find (it has said for which DPU the file is).
static Status checkConstants(const Graph &g, DiagEngine &diags) {
  auto unknown = llvm::make_filter_range(g.ops(), [](const Op &op) { return op.is("xir.const-fix"); });
  const auto count = std::distance(unknown.begin(), unknown.end());
  if (count == 0)
    return success();
  return diags
      .error(fmt::format("{} constants have no numbers that can be read, such as '{}': it cannot be run", count,
                         (*unknown.begin()).result()->name()))
      .rule("run.constants")
      .note("run the quantized model that it was compiled from");
}

void dpuopt::readFixPoints(std::unique_ptr<Graph> &graph) {
  if (!carriesQdq(*graph))
    return;
  DiagEngine silent;
  auto copy = graph->clone();
  if (succeeded(runPipeline(copy, steps("import-qdq"), {}, silent)))
    graph = std::move(copy);
}

Result<RunModel> RunModel::open(llvm::StringRef path, const OnnxImportOptions &onnx, DiagEngine &diags) {
  auto graph = loadGraph(path, onnx, diags);
  if (!graph)
    return failure();
  diags.setFile(path.str());
  // A vendor's own nodes (FixNeuron) are fix points or nothing that can be run.
  if (!llvm::all_of((*graph)->ops(), canExecute))
    readFixPoints(*graph);
  return of(std::move(*graph), path, diags);
}

Result<RunModel> RunModel::of(std::unique_ptr<Graph> graph, llvm::StringRef path, DiagEngine &diags) {
  RunModel model;
  model.path = path.str();
  model.graph = std::move(graph);
  model.channelsLast = hasXir(*model.graph);
  const bool computes = llvm::any_of(
      model.graph->ops(), [](const Op &op) { return !op.isConst() && !op.isOneOf("xir.data", "xir.data-fix"); });
  if (model.graph->outputs().empty() || !computes)
    return diags.error("the graph computes nothing: there is nothing to run").rule("run.empty");
  if (failed(checkConstants(*model.graph, diags)))
    return failure();
  for (const Value *v : graphFeeds(*model.graph)) {
    auto fix = inputFixOf(*v);
    InputWanted wanted{v->name(), fix ? v->type().withElem(*fix) : v->type(), model.channelsLast};
    if (wanted.type.elemType().isFloat())
      wanted.type = wanted.type.withElem(ElemKind::F32);
    if (!wanted.type.isStatic() || wanted.type.elemType().byteSize() == 0)
      return diags.error(fmt::format("input '{}' is {}: its shape must be known", v->name(), v->type().str()))
          .rule("run.shape")
          .note(fmt::format("give it: --input-shape '{}=1x3x224x224'", v->name()));
    if (wanted.type.numElements() < 0 || wanted.type.numElements() > MostElements)
      return diags.error(fmt::format("{}: more than {} numbers are not fed", wanted.str(), MostElements))
          .rule("run.size");
    model.inputs.push_back(std::move(wanted));
  }
  return model;
}

std::string RunModel::form() const {
  if (!channelsLast)
    return "ONNX";
  // Ops on fix points are the compiler's.
  const bool compiled =
      llvm::any_of(graph->ops(), [](const Op &op) { return op.isXir() && op.name().endswith("-fix"); });
  return compiled ? "compiled xmodel" : "quantized xmodel";
}

std::string dpuopt::layoutStr(llvm::ArrayRef<int64_t> shape, bool channelsLast) {
  if (shape.empty())
    return "scalar";
  return shapeStr(shape) + (shape.size() != 4 ? "" : channelsLast ? " (NHWC)" : " (NCHW)");
}

//===----------------------------------------------------------------------===//
// Inputs

size_t Feeds::size() const {
  size_t runs = 1;
  for (const auto &s : sources)
    runs = std::max(runs, s->size());
  return runs;
}

Result<Feeds::Set> Feeds::load(size_t i, DiagEngine &diags) {
  Set set;
  for (const auto &source : sources) {
    auto sample = source->load(source->size() == 1 ? 0 : i, diags);
    if (!sample)
      return failure();
    set.tensors.push_back(std::move(sample->input));
    set.names.push_back(std::move(sample->name));
    set.label = std::max(set.label, sample->label);
  }
  return set;
}

InputFlags::InputFlags(cl::SubCommand &sub, bool withInputs)
    : inputs("input",
             cl::desc("What to feed: an image, .npy, .i8, .f32, .bin, a folder, random:SEED or zeros, with :options "
                      "(docs/run.md); NAME=FILE for one of several inputs"),
             cl::value_desc("[NAME=]FILE"), cl::sub(sub), cl::cat(dpucCategory()),
             withInputs ? cl::NotHidden : cl::ReallyHidden),
      shapes(sub), prototxt("prototxt", cl::desc("Take mean and scale of images from the vendor library's prototxt"),
                            cl::value_desc("FILE"), cl::sub(sub), cl::cat(dpucCategory())) {}

Result<DataOptions> InputFlags::defaults(DiagEngine &diags) const {
  return prototxt.empty() ? Result<DataOptions>(DataOptions()) : readPrototxt(prototxt, diags);
}

/// The input a `NAME=FILE` is for (the file is what is left), or nullopt.
static std::optional<size_t> namedInput(llvm::StringRef &text, llvm::ArrayRef<InputWanted> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    llvm::StringRef rest = text;
    if (rest.consume_front(inputs[i].name) && rest.consume_front("=")) {
      text = rest;
      return i;
    }
  }
  return std::nullopt;
}

static DiagBuilder wrongInputs(std::string what, llvm::ArrayRef<InputWanted> inputs, DiagEngine &diags) {
  std::string names;
  for (const InputWanted &i : inputs)
    names += (names.empty() ? "" : "; ") + i.str();
  return std::move(diags.error(fmt::format("{}; the model takes {}", what, names)).rule("run.inputs"));
}

Result<Feeds> InputFlags::open(llvm::ArrayRef<InputWanted> wanted, DiagEngine &diags) const {
  auto pixels = defaults(diags);
  if (!pixels)
    return failure();
  std::vector<std::vector<std::string>> specs(wanted.size());
  size_t next = 0;
  for (llvm::StringRef text : inputs) {
    auto named = namedInput(text, wanted);
    // A model with one input takes any number of files, one run each.
    size_t at = named ? *named : wanted.size() == 1 ? 0 : next++;
    if (at >= wanted.size())
      return wrongInputs(fmt::format("--input {} is one too many", text.str()), wanted, diags);
    specs[at].push_back(text.str());
  }
  Feeds feeds;
  feeds.isDefault = inputs.empty();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (specs[i].empty() && !inputs.empty())
      return wrongInputs(fmt::format("nothing is given for input '{}'", wanted[i].name), wanted, diags);
    if (specs[i].empty())
      specs[i].push_back(fmt::format("random:{}", i + 1));
    auto source = openInput(specs[i], wanted[i], *pixels, diags);
    if (!source)
      return failure();
    feeds.sources.push_back(std::move(*source));
  }
  for (size_t i = 0; i < wanted.size(); ++i)
    if (size_t n = feeds.sources[i]->size(); n != 1 && n != feeds.size())
      return wrongInputs(fmt::format("input '{}' has {} samples, another has {}", wanted[i].name, n, feeds.size()),
                         wanted, diags);
  return feeds;
}

VendorFlags::VendorFlags(cl::SubCommand &sub)
    : means("vendor-means",
            cl::desc("Multiply means by the DPU's factor as the vendor's reference kernel does (docs/run.md)"),
            cl::sub(sub), cl::cat(dpucCategory())),
      biases("vendor-biases", cl::desc("Shift biases that the compiler has shifted again, as that kernel does"),
             cl::sub(sub), cl::cat(dpucCategory())) {}

ExecOptions VendorFlags::options() const {
  ExecOptions options;
  options.vendorMeans = means;
  options.vendorBiases = biases;
  return options;
}

Status dpuopt::checkThreads(int threads, DiagEngine &diags) {
  if (threads < 1 || threads > 1024)
    return diags.error(fmt::format("--threads must be from 1 to 1024, is {}", threads));
  return success();
}

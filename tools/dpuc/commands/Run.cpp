//===- Run.cpp - dpuc run: what does this model compute? ----------------------------===//
#include "Backend.h"
#include "RunReport.h"
#include "dpuopt/Compare/Meaning.h"
#include "dpuopt/Data/TensorFiles.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("run", "Run a model on this machine, bit for bit as the DPU would");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static InputFlags inputFlags(command, true);
static cl::opt<std::string> output("output", cl::desc("Write the outputs there, with an index.tsv"),
                                   cl::value_desc("DIR"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> allTensors("all-tensors", cl::desc("With --output: write every tensor (for dpuc compare)"),
                                cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> constants("constants", cl::desc("With --all-tensors: also the integers of constants"),
                               cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<TensorFormat> format("format", cl::desc("How numbers are written (stored integers are .i8)"),
                                    cl::values(clEnumValN(TensorFormat::Raw, "raw", ".f32 (default)"),
                                               clEnumValN(TensorFormat::Npy, "npy", ".npy")),
                                    cl::init(TensorFormat::Raw), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> top("top", cl::desc("How many classes to print (5)"), cl::value_desc("N"), cl::init(5),
                             cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> labels("labels", cl::desc("Names of the classes, one a line"), cl::value_desc("FILE"),
                                   cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<int> threads("threads", cl::desc("Threads of one run (1)"), cl::value_desc("N"), cl::init(1),
                            cl::sub(command), cl::cat(dpucCategory()));
static VendorFlags vendorFlags(command);
static BackendFlags backendFlags(command, false);
static cl::opt<std::string> json("json", cl::desc("Also write what was printed as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));

namespace {

/// One model, any number of runs.
class Session {
public:
  Session(RunModel &model, Feeds &feeds, DiagEngine &diags) : model(model), feeds(feeds), diags(diags) {}
  Status prepare();
  Status runAll();
  RunReport report;

private:
  Status runOne(size_t i);
  Status writeConstants();
  Status startFolder(size_t i, const Feeds::Set &set);
  Status write(llvm::StringRef name, const Tensor &t, bool numbers, std::vector<std::string> *files = nullptr);
  Status addOutput(const Value &v, const Tensor &numbers, ReportedRun &run);

  RunModel &model;
  Feeds &feeds;
  DiagEngine &diags;
  std::unique_ptr<Executor> executor;
  std::optional<TensorFolderWriter> writer;
  bool writeFailed = false;
  std::vector<std::string> classNames;
};

Status Session::prepare() {
  if (!labels.empty()) {
    auto names = readClassNames(labels, diags);
    if (!names)
      return failure();
    classNames = std::move(*names);
  }
  ExecOptions options = vendorFlags.options();
  options.threads = static_cast<unsigned>(threads.getValue());
  if (allTensors)
    options.watcher = [this](const Value &v, const Tensor &t) {
      if (v.isGraphOutput() || writeFailed || t.elemType().byteSize() == 0)
        return;
      auto fix = t.elemType().isFloat() ? fixOf(v) : std::nullopt;
      writeFailed = failed(write(v.name(), fix ? storedIntegers(t, *fix) : t, false));
    };
  auto backend = backendFlags.options(1, diags);
  auto made = backend ? createExecutor(model, backend->front(), options, diags) : failure();
  if (!made)
    return failure();
  executor = std::move(*made);
  report.model = model.path;
  report.form = model.form();
  report.channelsLast = model.channelsLast;
  return success();
}

Status Session::write(llvm::StringRef name, const Tensor &t, bool numbers, std::vector<std::string> *files) {
  auto written = writer->add(name, t, numbers, diags);
  if (!written)
    return failure();
  if (files)
    *files = std::move(*written);
  return success();
}

/// Several runs write into a folder each.
Status Session::startFolder(size_t i, const Feeds::Set &set) {
  llvm::SmallString<128> folder(output);
  if (feeds.size() > 1) {
    llvm::StringRef name = set.names.empty() ? "run" : llvm::sys::path::filename(set.names[0]);
    llvm::sys::path::append(folder, fmt::format("{:05d}_{}", i, safeFileName(name)));
  }
  auto made = TensorFolderWriter::create(folder, format, diags);
  if (!made)
    return failure();
  writer = std::move(*made);
  report.runs.back().folder = std::string(folder);
  for (size_t k = 0; allTensors && k < set.tensors.size(); ++k)
    if (failed(write(model.inputs[k].name, set.tensors[k], false)))
      return failure();
  return constants ? writeConstants() : success();
}

/// Stored integers: a constant of a fix type, or (quantized graphs) the fix of a real one.
Status Session::writeConstants() {
  for (const Op &op : model.graph->ops()) {
    const Value *from = op.is("xir.fix") ? op.operand(0) : op.isConst() ? op.result() : nullptr;
    const Tensor *t = constantOf(from);
    const Type type = t ? op.result()->type() : Type();
    if (type.isFix() && failed(write(op.result()->name(), storedIntegers(*t, type.elemType()), false)))
      return failure();
  }
  return success();
}

Status Session::addOutput(const Value &v, const Tensor &numbers, ReportedRun &run) {
  ReportedOutput out;
  out.name = v.name();
  out.fix = numbers.elemType().isFloat() ? fixOf(v) : std::nullopt;
  out.type = numbers.type();
  const int64_t n = numbers.numElements();
  out.min = n ? INFINITY : 0, out.max = n ? -INFINITY : 0;
  for (int64_t i = 0; i < n; ++i) {
    const double x = numbers.at(i);
    out.min = std::min(out.min, x), out.max = std::max(out.max, x);
    out.notNumbers += std::isnan(x);
  }
  out.scores = scoreKind(numbers);
  if (out.scores)
    out.top = topScores(numbers, top);
  if (writer && failed(write(v.name(), out.fix ? storedIntegers(numbers, *out.fix) : numbers, true, &out.files)))
    return failure();
  run.outputs.push_back(std::move(out));
  return success();
}

Status Session::runOne(size_t i) {
  auto set = feeds.load(i, diags);
  if (!set)
    return failure();
  report.runs.emplace_back();
  ReportedRun &run = report.runs.back();
  for (size_t k = 0; k < set->tensors.size(); ++k)
    run.inputs.push_back({model.inputs[k], set->names[k] + (feeds.isDefault ? " (no --input)" : "")});
  if (!output.empty() && failed(startFolder(i, *set)))
    return failure();
  auto results = executor->run(set->tensors);
  if (!results || writeFailed)
    return failure();
  for (size_t k = 0; k < results->size(); ++k)
    if (failed(addOutput(*model.graph->outputs()[k], (*results)[k], run)))
      return failure();
  if (writer &&
      failed(writer->finish(fmt::format("tensors of {}", llvm::sys::path::filename(model.path).str()), diags)))
    return failure();
  return success();
}

Status Session::runAll() {
  for (size_t i = 0; i < feeds.size(); ++i) {
    if (failed(runOne(i)))
      return failure();
    if (i == 0)
      printRunHeading(report, llvm::outs());
    printRun(report.runs.back(), report, feeds.size() > 1, classNames, llvm::outs());
    if (json.empty())
      report.runs.pop_back();
  }
  report.classNames = std::move(classNames);
  return success();
}

} // namespace

static int run(DiagEngine &diags) {
  if (failed(checkThreads(threads, diags)))
    return ExitBadInput;
  if (allTensors && output.empty())
    return diags.error("--all-tensors needs --output DIR"), ExitBadInput;
  if (constants && !allTensors)
    return diags.error("--constants needs --all-tensors"), ExitBadInput;
  auto onnx = inputFlags.importOptions(diags);
  auto opened = onnx ? RunModel::open(model, *onnx, diags) : failure();
  auto feeds = opened ? inputFlags.open(opened->inputs, diags) : failure();
  if (!feeds)
    return ExitBadInput;
  Session session(*opened, *feeds, diags);
  if (failed(session.prepare()) || failed(session.runAll()))
    return ExitBadInput;
  llvm::outs().flush();
  if (!json.empty() && failed(writeFileAtomically(json, diags, [&](llvm::raw_ostream &os) {
        return os << runJson(session.report), success();
      })))
    return ExitBadInput;
  return ExitClean;
}

namespace dpuopt {
extern const Command RunCommand;
const Command RunCommand = {command, run};
} // namespace dpuopt

//===- Bench.cpp - dpuc bench: how fast is this model on this machine? ------------------===//
#include "Backend.h"
#include "VartBench.h"
#include "dpuopt/Report/Report.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/Path.h"
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

using namespace dpuopt;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

static cl::SubCommand command("bench", "How fast is this model on this machine, or on the DPU of this board? (exit "
                                       "status: 1 if the DPU's results are not always the same)");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<int> moreThreads(cl::Positional, cl::desc("[THREADS]"), cl::init(0), cl::sub(command),
                                cl::cat(dpucCategory()));
static InputFlags inputFlags(command, true);
static BackendFlags backendFlags(command, false);
static cl::opt<int> subgraph("subgraph",
                             cl::desc("With VART: the subgraph, as dpuc xmodel -l counts them (the first on the DPU)"),
                             cl::value_desc("N"), cl::sub(command), cl::cat(dpucCategory()));
static cl::alias subgraphShort("i", cl::desc("The same as --subgraph"), cl::NotHidden, cl::aliasopt(subgraph),
                               cl::cat(dpucCategory()));
static cl::opt<double> seconds("seconds", cl::desc("Run for so long (2)"), cl::value_desc("S"), cl::init(2),
                               cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> runs("runs", cl::desc("Run so often (with VART: each thread), however long that takes"),
                              cl::value_desc("N"), cl::init(0), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<int> threads("threads",
                            cl::desc("Threads of one run (1); with VART: so many at a time, each with its own runner"),
                            cl::value_desc("N"), cl::init(1), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> top("top", cl::desc("Print so many of the slowest layers (20; 0: none)"), cl::value_desc("N"),
                             cl::init(20), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> json("json", cl::desc("Also write everything as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));

namespace {

struct LayerTime {
  std::string name, kernel;
  double seconds = 0; ///< of one run
  int64_t macs = 0;
};

struct Timing {
  std::string form;
  double startUp = 0;        ///< reading and preparing
  std::vector<double> times; ///< of each run, sorted
  int64_t batch = 1;
  std::vector<LayerTime> layers; ///< slowest first
  double peakMegabytes = 0;

  double median() const { return times[times.size() / 2]; }
  double perSecond() const { return static_cast<double>(batch) / median(); }
  int64_t macs() const {
    int64_t n = 0;
    for (const LayerTime &l : layers)
      n += l.macs;
    return n;
  }
};

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Runs until the time is over, or the wanted number of times; after two that do not count.
Status timeRuns(Executor &executor, llvm::ArrayRef<Tensor> inputs, std::vector<double> &times) {
  const auto begin = Clock::now();
  for (unsigned i = 0; runs ? i < runs + 2 : i < 3 || (since(begin) < seconds && i < 1000000); ++i) {
    const auto start = Clock::now();
    if (!executor.run(inputs))
      return failure();
    if (i >= 2)
      times.push_back(since(start));
  }
  llvm::sort(times);
  return success();
}

/// Time of each step, the median of some runs.
Result<std::vector<LayerTime>> timeLayers(const Graph &g, llvm::ArrayRef<Tensor> inputs, double oneRun,
                                          DiagEngine &diags) {
  std::vector<LayerTime> layers;
  std::vector<std::vector<double>> times;
  size_t next = 0;
  ExecOptions options;
  options.threads = static_cast<unsigned>(threads.getValue());
  options.profile = [&](const StepTime &t) {
    if (next == layers.size()) {
      layers.push_back({t.op.result()->name(), t.kernel.str(), 0, t.macs});
      times.emplace_back();
    }
    times[next++].push_back(t.seconds);
  };
  auto executor = Executor::create(g, options, diags);
  if (!executor)
    return failure();
  const unsigned count = std::clamp(static_cast<unsigned>(0.5 / std::max(oneRun, 1e-6)), 3u, 201u);
  for (unsigned i = 0; i < count; ++i) {
    next = 0;
    if (!(*executor)->run(inputs))
      return failure();
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    auto middle = times[i].begin() + static_cast<ptrdiff_t>(times[i].size() / 2);
    std::nth_element(times[i].begin(), middle, times[i].end());
    layers[i].seconds = *middle;
  }
  llvm::stable_sort(layers, [](const LayerTime &a, const LayerTime &b) { return a.seconds > b.seconds; });
  return layers;
}

double peakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Result<Timing> measure(DiagEngine &diags) {
  Timing t;
  const auto start = Clock::now();
  auto onnx = inputFlags.importOptions(diags);
  auto opened = onnx ? RunModel::open(model, *onnx, diags) : failure();
  if (!opened)
    return failure();
  ExecOptions options;
  options.threads = static_cast<unsigned>(threads.getValue());
  auto executor = Executor::create(*opened->graph, options, diags);
  if (!executor)
    return failure();
  t.startUp = since(start);
  t.form = opened->form();
  auto feeds = inputFlags.open(opened->inputs, diags);
  auto set = feeds ? feeds->load(0, diags) : failure();
  if (!set)
    return failure();
  if (!opened->inputs.empty() && opened->inputs[0].type.rank() > 1)
    t.batch = opened->inputs[0].type.dim(0);
  if (failed(timeRuns(**executor, set->tensors, t.times)))
    return failure();
  t.peakMegabytes = peakMegabytes();
  executor->reset();
  auto layers = timeLayers(*opened->graph, set->tensors, t.median(), diags);
  if (!layers)
    return failure();
  t.layers = std::move(*layers);
  return t;
}

//===----------------------------------------------------------------------===//
// What is printed

std::string rate(int64_t macs, double seconds) {
  return macs && seconds > 0 ? fmt::format("{:.1f}", static_cast<double>(macs) / seconds / 1e9) : "";
}

std::string cut(const std::string &name, size_t most) {
  return name.size() <= most ? name : "..." + name.substr(name.size() - most + 3);
}

void print(const Timing &t, llvm::raw_ostream &os) {
  double all = 0;
  for (const LayerTime &l : t.layers)
    all += l.seconds;
  os << fmt::format("{}: {}, {} thread{}\n", llvm::sys::path::filename(model).str(), t.form, threads.getValue(),
                    threads == 1 ? "" : "s");
  os << fmt::format("{:.1f} images/s; {:.3f} ms per run (median of {}), at least {:.3f} ms\n", t.perSecond(),
                    1e3 * t.median(), t.times.size(), 1e3 * t.times.front());
  if (t.macs())
    os << fmt::format("{} per run, {} G MAC/s\n", humanCount(t.macs(), "MAC"), rate(t.macs(), t.median()));
  os << fmt::format("start-up {:.1f} ms, peak memory {:.0f} MB\n", 1e3 * t.startUp, t.peakMegabytes);
  if (top == 0 || t.layers.empty())
    return;
  os << fmt::format("\n{:>9}  {:>6}  {:>8}  {:<34}  {}\n", "ms", "%", "G MAC/s", "kernel", "tensor");
  for (const LayerTime &l : llvm::makeArrayRef(t.layers).take_front(top))
    os << fmt::format("{:>9.4f}  {:>6.2f}  {:>8}  {:<34}  {}\n", 1e3 * l.seconds, all > 0 ? 100 * l.seconds / all : 0,
                      rate(l.macs, l.seconds), cut(l.kernel, 34), cut(l.name, 60));
  if (t.layers.size() > top)
    os << fmt::format("... and {} more (--top, --json)\n", t.layers.size() - top);
}

std::string benchJson(const Timing &t) {
  Json layers = Json::array();
  for (const LayerTime &l : t.layers)
    layers.push_back({{"name", l.name}, {"kernel", l.kernel}, {"ms", 1e3 * l.seconds}, {"macs", l.macs}});
  Json all = {{"model", model.getValue()},
              {"form", t.form},
              {"threads", threads.getValue()},
              {"images_per_second", t.perSecond()},
              {"median_ms", 1e3 * t.median()},
              {"min_ms", 1e3 * t.times.front()},
              {"runs", t.times.size()},
              {"macs", t.macs()},
              {"start_up_ms", 1e3 * t.startUp},
              {"peak_memory_mb", t.peakMegabytes},
              {"layers", layers}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status checkFlags(DiagEngine &diags) {
  if (moreThreads.getNumOccurrences()) {
    if (threads.getNumOccurrences())
      return diags.error("the number of threads is given twice");
    threads = moreThreads.getValue();
  }
  if (!(seconds >= 0 && seconds <= 86400))
    return diags.error("--seconds must be from 0 to 86400");
  return checkThreads(threads, diags);
}

Status writeJson(const std::string &text, DiagEngine &diags) {
  return writeNamed(
      json, [&] { return text; }, diags);
}

int benchVart(unsigned timeoutSeconds, DiagEngine &diags) {
  VartLoad load = {model, std::nullopt, static_cast<unsigned>(threads.getValue()), seconds, runs, timeoutSeconds};
  if (subgraph.getNumOccurrences())
    load.subgraph = subgraph;
  auto found = benchOnVart(load, inputFlags, llvm::outs(), diags);
  llvm::outs().flush();
  if (!found || failed(writeJson(found->json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", diags)))
    return ExitBadInput;
  return found->identical ? ExitClean : ExitFindings;
}

int bench(DiagEngine &diags) {
  auto backend = succeeded(checkFlags(diags)) ? backendFlags.options(1, diags) : failure();
  if (!backend)
    return ExitBadInput;
  if (backend->front().backend == Backend::Vart)
    return benchVart(backend->front().timeoutSeconds, diags);
  if (subgraph.getNumOccurrences())
    return diags.error("--subgraph needs --backend vart"), ExitBadInput;
  auto found = measure(diags);
  if (!found)
    return ExitBadInput;
  print(*found, llvm::outs());
  llvm::outs().flush();
  return failed(writeJson(benchJson(*found), diags)) ? ExitBadInput : ExitClean;
}

} // namespace

namespace dpuopt {
extern const Command BenchCommand;
const Command BenchCommand = {command, bench};
} // namespace dpuopt

//===- Reduce.cpp - dpuc reduce: the smallest model that still shows it --------------===//
#include "dpuopt/Reduce/Reduce.h"
#include "Command.h"
#include "Keep.h"
#include "TemporaryFolder.h"
#include "Trial.h"
#include "dpuopt/Driver/Files.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <chrono>
#include <csignal>
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("reduce", "Shrink a model as long as it shows something, to attach it to a report");
static SourceFlags source(command);
static cl::list<std::string> keep("keep",
                                  cl::desc("What check finds has to stay: 'dpu-subgraphs>1', cpu-ops==3, "
                                           "rule:activation.silu, cause:op.unsupported, joined by &&"),
                                  cl::value_desc("CONDITION"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> test("test", cl::desc("A command has to end as it does on the model; {} is the file"),
                                 cl::value_desc("'COMMAND {}'"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string>
    testExit("test-exit", cl::desc("It has to end with this: 0 to 255, nonzero, crash or timeout (as with the model)"),
             cl::value_desc("STATUS"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> testOutput("test-output", cl::desc("What it prints has to match this"),
                                       cl::value_desc("REGEX"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> testTimeout("test-timeout", cl::desc("Kill the command after so many seconds (60; 0: never)"),
                                     cl::value_desc("S"), cl::init(60), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> keepWeights("keep-weights", cl::desc("Weights stay (else: random numbers of the same range)"),
                                 cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> keepSizes("keep-sizes", cl::desc("Inputs and channels stay as large as they are"),
                               cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<uint64_t> seed("seed", cl::desc("Of the random weights (0)"), cl::value_desc("N"), cl::init(0),
                              cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> maxTries("max-tries", cl::desc("Stop after so many candidates (5000; 0: never)"),
                                  cl::value_desc("N"), cl::init(5000), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> timeLimit("timeout", cl::desc("Stop after so many seconds (600; 0: never)"),
                                   cl::value_desc("S"), cl::init(600), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> output("o", cl::desc("Where to write the model"), cl::value_desc("FILE.onnx"), cl::Required,
                                   cl::sub(command), cl::cat(dpucCategory()));

static volatile std::sig_atomic_t interrupted = 0;

/// The first Ctrl-C ends the search, and what it has is written; the second ends the program.
static void stopOnInterrupt() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = SA_RESETHAND;
  for (int number : {SIGINT, SIGTERM})
    ::sigaction(number, &action, nullptr);
}

namespace {

using Clock = std::chrono::steady_clock;

/// Ops that are named one by one.
constexpr unsigned MaxShown = 20;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Reducing {
public:
  Reducing(std::vector<Condition> conditions, std::optional<Trial> trial, const TemporaryFolder &folder,
           DiagEngine &diags)
      : conditions(std::move(conditions)), trial(std::move(trial)), folder(folder), diags(diags) {}

  int run() {
    stopOnInterrupt();
    if (failed(open()) || failed(showsOriginal()) || failed(settleShapes()))
      return ExitBadInput;
    ReduceResult result = reduceGraph(job.graph, callbacks(), {keepWeights, keepSizes, seed});
    wasInterrupted = interrupted;
    interrupted = 0; // it ends the search, not what follows
    if (failed(checkWritten()) || failed(saveGraph(*job.graph, output, diags)))
      return ExitBadInput;
    print(result);
    return result.complete ? ExitClean : ExitFindings;
  }

private:
  Status open() {
    ModelOptions options;
    auto opened = succeeded(source.fill(options, diags)) ? openJob(options, diags) : failure();
    if (!opened)
      return failure();
    job = std::move(*opened);
    if (llvm::any_of(job.graph->ops(), [](const Op &op) { return op.isXir(); }))
      return diags.error("dpuc reduce takes an ONNX model, not an xmodel").rule("reduce.model");
    before = countReducible(*job.graph);
    size = bytesOf(source.model());
    withCauses = llvm::any_of(conditions, [](const Condition &c) { return c.kind == Condition::Cause; });
    return success();
  }

  static uint64_t bytesOf(const std::string &file) {
    uint64_t n = 0;
    return llvm::sys::fs::file_size(file, n) ? 0 : n;
  }

  /// Else there is nothing to keep.
  Status showsOriginal() {
    Facts facts = collectFacts(*job.graph, job.target, withCauses);
    for (const Condition &c : conditions)
      if (!holds(c, facts))
        return diags.error(fmt::format("the model has to show '{}': {}", c.text, foundFor(c, facts)))
            .rule("reduce.not-shown");
    for (const auto &[rule, count] : facts.rules)
      rules.insert(rule);
    if (!trial)
      return success();
    if (failed(trial->first(source.model(), diags)))
      return failure();
    if (showsFile(*job.graph) || interrupted)
      return success();
    return diags
        .error(fmt::format("read and written again without a change, the model does not end with {} any more",
                           trial->wanted()))
        .note("it is about how the file is written, not about what is in it")
        .rule("reduce.not-shown");
  }

  /// Sizes that are known are what lets an inner value become an input.
  Status settleShapes() {
    DiagEngine silent;
    std::unique_ptr<Graph> inferred = job.graph->clone();
    if (succeeded(runPipeline(inferred, steps("infer-shapes"), {}, silent)) && shows(*inferred))
      job.graph = std::move(inferred);
    return success();
  }

  ReduceCallbacks callbacks() {
    return {[this](const Graph &g) { return ++tries, shows(g); },
            [](Op &op) {
              DiagEngine silent;
              return refineTypes(op, silent) ? success() : failure();
            },
            [this] { return stop(); }};
  }

  bool stop() const {
    return interrupted || (maxTries && tries >= maxTries) || (timeLimit && secondsSince(start) >= timeLimit);
  }

  bool shows(const Graph &g) const {
    if (!conditions.empty()) {
      Facts facts = collectFacts(g, job.target, withCauses);
      if (!llvm::all_of(conditions, [&](const Condition &c) { return holds(c, facts); }))
        return false;
      // Else a cut can make a reason of its own, as a Relu without a layer before it.
      if (!llvm::all_of(facts.rules, [&](const auto &rule) { return rules.count(rule.first); }))
        return false;
    }
    return !trial || showsFile(g);
  }

  std::string candidateFile() const { return folder.file(llvm::sys::path::stem(source.model()).str() + ".onnx"); }

  bool showsFile(const Graph &g) const {
    DiagEngine silent;
    return succeeded(exportOnnx(g, candidateFile(), {}, silent)) && trial->shows(candidateFile());
  }

  /// What will be written shows it when it is read again.
  Status checkWritten() const {
    DiagEngine silent;
    if (failed(exportOnnx(*job.graph, candidateFile(), {}, diags)))
      return failure();
    auto read = importOnnx(candidateFile(), {}, silent);
    if (read && shows(**read))
      return success();
    return diags.error("the reduced model does not show it any more when it is read again: nothing was written")
        .rule("reduce.differs");
  }

  void print(const ReduceResult &result) const {
    auto &os = llvm::outs();
    os << "model     " << source.model() << "\ntarget    " << job.target->name() << "\n";
    for (const Condition &c : conditions)
      os << "keeps     " << c.text << "\n";
    if (trial)
      os << "keeps     " << test << ": " << trial->wanted() << "\n";
    os << fmt::format("ops       {} -> {}\n", before, countReducible(*job.graph));
    printRemains(os);
    os << "weights   " << weightsText(result) << "\n";
    os << fmt::format("search    {} tries, {} taken, {:.1f} s: {}\n", result.tries, result.accepted,
                      secondsSince(start), ending(result));
    os << fmt::format("wrote     {} ({} bytes, from {})\n", output.getValue(), bytesOf(output), size);
    os.flush();
  }

  static std::string weightsText(const ReduceResult &result) {
    if (keepWeights)
      return "kept";
    std::string text = fmt::format("{} random in the range of the original's", result.randomWeights);
    if (result.kept.empty())
      return text;
    if (!result.complete)
      return text + fmt::format(", {} still the original's", result.kept.size());
    llvm::ArrayRef<std::string> first(result.kept);
    return text + fmt::format(", {} kept because they are needed: {}{}", result.kept.size(),
                              llvm::join(first.take_front(3), ", "), result.kept.size() > 3 ? " ..." : "");
  }

  void printRemains(llvm::raw_ostream &os) const {
    for (const Value *in : job.graph->inputs())
      os << fmt::format("input     {} {}\n", in->type().str(), in->name());
    unsigned shown = 0;
    for (const Op &op : job.graph->ops())
      if (!op.isConst() && ++shown <= MaxShown)
        os << fmt::format("          {:<18} {}\n", op.name().drop_front(op.isOnnx() ? 5 : 0).str(), op.loc().node);
    if (shown > MaxShown)
      os << fmt::format("          and {} more\n", shown - MaxShown);
    for (const Value *out : job.graph->outputs())
      os << fmt::format("output    {} {}\n", out->type().str(), out->name());
  }

  std::string ending(const ReduceResult &result) const {
    if (result.complete)
      return "nothing more can go";
    return wasInterrupted                  ? "interrupted"
           : tries >= maxTries && maxTries ? "stopped by --max-tries"
                                           : "stopped by --timeout";
  }

  std::vector<Condition> conditions;
  std::optional<Trial> trial;
  const TemporaryFolder &folder;
  DiagEngine &diags;
  Job job;
  std::set<std::string> rules; ///< those the model breaks
  bool withCauses = false, wasInterrupted = false;
  unsigned before = 0, tries = 0;
  uint64_t size = 0;
  Clock::time_point start = Clock::now();
};

} // namespace

/// Before a long search: can its result be written?
static Status checkOutput(DiagEngine &diags) {
  llvm::StringRef folder = llvm::sys::path::parent_path(output);
  if (!llvm::StringRef(output).endswith(".onnx") && !llvm::StringRef(output).endswith(".dpuir"))
    return diags.error("-o is a file .onnx or .dpuir, found '" + output + "'").rule("reduce.output");
  if (llvm::sys::fs::access(folder.empty() ? "." : folder, llvm::sys::fs::AccessMode::Write))
    return diags.error("cannot write '" + output + "': its folder is not there or cannot be written to")
        .rule("reduce.output");
  return success();
}

static int reduce(DiagEngine &diags) {
  std::vector<Condition> conditions;
  for (const std::string &text : keep)
    if (failed(parseConditions(text, conditions, diags)))
      return ExitBadInput;
  if (conditions.empty() && test.empty())
    return diags.error("what has to stay? give --keep CONDITION, --test 'COMMAND {}' or both")
               .note("--keep 'dpu-subgraphs>1', or --keep rule:ID with an id of dpuc check")
               .rule("reduce.condition"),
           ExitBadInput;
  if (test.empty() && (!testExit.empty() || !testOutput.empty()))
    return diags.error("--test-exit and --test-output go with --test").rule("reduce.command"), ExitBadInput;
  if (failed(checkOutput(diags)))
    return ExitBadInput;
  std::optional<Trial> trial;
  if (!test.empty()) {
    auto made = Trial::create({test, testExit, testOutput, testTimeout, [] { return interrupted != 0; }}, diags);
    if (!made)
      return ExitBadInput;
    trial = std::move(*made);
  }
  TemporaryFolder folder("dpuc-reduce");
  if (folder.failed())
    return diags.error("cannot make a temporary folder"), ExitBadInput;
  return Reducing(std::move(conditions), std::move(trial), folder, diags).run();
}

namespace dpuopt {
extern const Command ReduceCommand;
const Command ReduceCommand = {command, reduce};
} // namespace dpuopt

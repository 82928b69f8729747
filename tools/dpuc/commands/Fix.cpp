//===- Fix.cpp - dpuc fix: rewrite a model so that the DPU runs it ---------------------===//
#include "Command.h"
#include "Keep.h"
#include "Rewriting.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Passes/DetectHead.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Quant/Qdq.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("fix", "Rewrite a model so that the DPU runs it, and prove each step by executing it");
static SourceFlags source(command);
static RemarksFlag remarksFlag(command);
static cl::opt<std::string>
    fixes("fix", cl::desc("What to do: exact, silu=hardswish, gelu=relu, leaky-alpha, head (default: exact)"),
          cl::value_desc("exact,A=B,..."), cl::init("exact"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> outputs("outputs", cl::desc("With head: cut at these tensors or nodes, A;B"),
                                    cl::value_desc("A;B"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> verify("verify",
                                   cl::desc("Data to execute on (docs/cli.md, calibration data); else random numbers"),
                                   cl::value_desc("SOURCE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> count("count", cl::desc("Samples to execute (2)"), cl::value_desc("N"), cl::init(2),
                               cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> output("o",
                                   cl::desc("Where to write the model; FILE.head.json and FILE.head.onnx beside it"),
                                   cl::value_desc("FILE.onnx"), cl::Required, cl::sub(command),
                                   cl::cat(dpucCategory()));

namespace {

/// The passes of `exact`, in order. Those that ask for it get the target.
constexpr const char *exactPasses[] = {"fold-focus",         "fix-hardsigmoid-alpha", "fix-leaky-alpha",
                                       "negate-subtrahends", "hoist-activations",     "expand-group-conv",
                                       "split-pools"};

struct Request {
  bool exact = false, strip = false, anyAlpha = false;
  std::vector<std::pair<std::string, std::string>> replace;
};

Result<Request> parseRequest(llvm::StringRef text, DiagEngine &diags) {
  Request r;
  llvm::SmallVector<llvm::StringRef, 4> items;
  text.split(items, ',', -1, false);
  for (llvm::StringRef item : items) {
    auto [key, value] = item.trim().split(item.contains('=') ? '=' : ':');
    if (item.trim() == "exact")
      r.exact = true;
    else if (item.trim() == "leaky-alpha")
      r.anyAlpha = true;
    else if (item.trim() == "head" || (key == "head" && value == "strip"))
      r.strip = true;
    else if (!key.empty() && !value.empty() && key != "head")
      r.replace.emplace_back(key.str(), value.str());
    else
      return diags
          .error(fmt::format(
              "--fix knows exact, leaky-alpha, head (or head=strip) and ACTIVATION=ACTIVATION, found '{}'", item))
          .rule("fix.unknown");
  }
  return r;
}

/// Subgraphs and CPU ops that the vendor's compiler will make of the graph, as dpuc check counts them.
struct Placed {
  int64_t dpu = 0, cpuOps = 0;
};

class Fixing {
public:
  Fixing(const Request &request, DiagEngine &diags) : request(request), diags(diags) {}

  int run() {
    auto opened = open();
    if (!opened)
      return ExitBadInput;
    job = std::move(*opened);
    std::unique_ptr<Graph> original = job.graph->clone();
    auto samples = rewriteSamples(*original, verify, count, diags);
    if (!samples)
      return ExitBadInput;
    Rewriting rewriting(std::move(*samples), diags);
    auto before = place(*job.graph);
    if (!before || failed(legalise(rewriting)) || failed(strip(rewriting)) || failed(replace(rewriting)) ||
        failed(finish()))
      return ExitBadInput;
    auto after = place(*job.graph);
    if (!after || failed(write()))
      return ExitBadInput;
    print(rewriting, *before, *after);
    bool good = checkWritten(rewriting, *original);
    llvm::outs().flush();
    return good && after->dpu == 1 && after->cpuOps == 0 ? ExitClean : ExitFindings;
  }

private:
  Result<Job> open() {
    ModelOptions options;
    remarksFlag.apply(diags);
    auto opened = succeeded(source.fill(options, diags)) ? openJob(options, diags) : failure();
    if (!opened)
      return failure();
    if (carriesQdq(*opened->graph))
      return diags.error("the model is quantized already: fix the float model").rule("fix.quantized");
    return opened;
  }

  PassOptions forTarget() const { return {{"target", source.target().target}, {"vitis-ai", source.target().vitisAi}}; }

  Result<Placed> place(const Graph &g) const {
    Facts facts = collectFacts(g, job.target, /*withCauses=*/false);
    if (!facts.failure.empty())
      return diags.error("the model cannot be lowered: " + facts.failure).note("dpuc check says why").rule("fix.lower");
    return Placed{facts.figures["dpu-subgraphs"], facts.figures["cpu-ops"]};
  }

  Status legalise(Rewriting &rewriting) {
    if (failed(rewriting.apply(job.graph, "clean-up", steps("clean-up"))))
      return failure();
    for (const char *name : exactPasses) {
      if (!request.exact && !(request.anyAlpha && name == llvm::StringRef("fix-leaky-alpha")))
        continue;
      PassOptions options;
      for (const PassOption &o : allPasses().find(name)->options)
        if (forTarget().count(o.name))
          options[o.name] = forTarget()[o.name];
      if (request.anyAlpha && name == llvm::StringRef("fix-leaky-alpha"))
        options["any"] = "true";
      if (failed(rewriting.apply(job.graph, name, steps(name, options))))
        return failure();
    }
    return success();
  }

  /// Behind strip(): the activations of the head are the application's.
  Status replace(Rewriting &rewriting) {
    for (const auto &[from, to] : request.replace) {
      size_t rows = rewriting.rows().size();
      PassOptions options{{"from", from}, {"to", to}, {"data", verify}, {"count", std::to_string(count)}};
      if (failed(rewriting.apply(job.graph, "replace-activation", steps("replace-activation", options))))
        return failure();
      if (rewriting.rows().size() == rows)
        diags.warning(fmt::format("the model has no {} to replace", from)).rule("fix.nothing");
    }
    return success();
  }

  std::string beside(llvm::StringRef suffix) const {
    llvm::StringRef stem = output;
    stem.consume_back(".onnx");
    return (stem + suffix).str();
  }

  Status strip(Rewriting &rewriting) {
    if (!request.strip)
      return success();
    std::unique_ptr<Graph> before = job.graph->clone();
    size_t told = diags.all().size();
    PassOptions options{{"outputs", outputs},
                        {"target", source.target().target},
                        {"description", beside(".head.json")},
                        {"head", beside(".head.onnx")}};
    bool changed = false;
    RunOptions run;
    run.observe = [&](const PassStep &, PassResult r, double) { changed |= r == PassResult::Changed; };
    if (failed(runPipeline(job.graph, steps("strip-detect-head", options), run, diags)))
      return failure();
    if (!changed)
      return success(); // the pass has said why
    std::vector<std::string> cut;
    for (const Value *v : job.graph->outputs())
      if (!before->lookup(v->name())->isGraphOutput())
        cut.push_back(v->name());
    head = headGraph(*before, cut);
    RewriteRow row{"strip-detect-head", "", "exact", rewriting.apart(*before, *job.graph, head.get())};
    for (size_t i = told; i < diags.all().size(); ++i)
      if (diags.all()[i].rule == "head.removed" && !llvm::StringRef(diags.all()[i].message).startswith("map "))
        row.what += (row.what.empty() ? "" : "; ") + diags.all()[i].message;
    row.holds = !row.difference || row.difference->maxAbs <= 1e-4 * std::max(row.difference->range, 1.0);
    rewriting.add(std::move(row));
    return success();
  }

  /// Only operators that the model's opset has are written.
  Status finish() { return runSteps(job, steps("expand-activations,eliminate-dead-code"), false, diags); }

  Status write() const { return exportOnnx(*job.graph, output, {}, diags); }

  void print(const Rewriting &rewriting, Placed before, Placed after) const {
    auto &os = llvm::outs();
    os << "model     " << source.model() << "\ntarget    " << job.target->name() << "\n";
    for (const RewriteRow &r : rewriting.rows()) {
      std::string apart = r.difference
                              ? fmt::format("max|d| {:.2g} of {:.4g}", r.difference->maxAbs, r.difference->range)
                              : std::string("not executed");
      os << fmt::format("  {:<20} {:<26} {}{}\n", r.name, r.proof, apart, r.holds ? "" : "  NOT EXACT");
      for (llvm::StringRef rest = r.what; !rest.empty();) {
        auto [line, more] = rest.split("; ");
        os << fmt::format("  {:<20} {}\n", "", line.str());
        rest = more;
      }
    }
    os << fmt::format("executed  {} {}sample{}\n", count, verify.empty() ? "random " : "", count == 1 ? "" : "s");
    os << fmt::format("subgraphs {} -> {} on the DPU; ops on the CPU {} -> {}\n", before.dpu, after.dpu, before.cpuOps,
                      after.cpuOps);
    os << "wrote     " << output;
    if (head)
      os << ", " << beside(".head.json") << ", " << beside(".head.onnx");
    os << "\n";
  }

  /// What was written, read again: with its head it gives what the original gives, if only exact steps were taken.
  bool checkWritten(const Rewriting &rewriting, const Graph &original) {
    auto read = importOnnx(output, {}, diags);
    if (!read)
      return false;
    auto d = rewriting.apart(original, **read, head.get());
    bool exact = llvm::all_of(rewriting.rows(), [](const RewriteRow &r) { return r.proof == "exact"; });
    if (!d) {
      diags.warning("the model cannot be executed: nothing was verified").rule("fix.not-executed");
      return true;
    }
    bool same = !exact || (d->comparable && d->maxAbs <= 1e-4 * std::max(d->range, 1.0));
    llvm::outs() << fmt::format("verified  {}{}: max|d| {:.2g} of a range of {:.4g}{}\n", "the file written",
                                head ? " with its head" : "", d->maxAbs, d->range,
                                exact ? "" : " (activations were changed on purpose)");
    if (!same)
      diags.error("the rewritten model does not give what the original gives").rule("fix.differs");
    return same && llvm::all_of(rewriting.rows(), [](const RewriteRow &r) { return r.holds; });
  }

  const Request &request;
  DiagEngine &diags;
  Job job;
  std::unique_ptr<Graph> head;
};

} // namespace

static int fix(DiagEngine &diags) {
  auto request = parseRequest(fixes, diags);
  if (!request)
    return ExitBadInput;
  if (!outputs.empty())
    request->strip = true;
  if (count < 1)
    return diags.error("--count is at least 1"), ExitBadInput;
  return Fixing(*request, diags).run();
}

namespace dpuopt {
extern const Command FixCommand;
const Command FixCommand = {command, fix};
} // namespace dpuopt

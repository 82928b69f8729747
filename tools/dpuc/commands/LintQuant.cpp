//===- LintQuant.cpp - dpuc lint-quant: what the DPU cannot do with these fix points ------===//
#include "Command.h"
#include "FixPoints.h"
#include "LintMeasure.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Quant/Qdq.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("lint-quant",
                              "What can the DPU not do with these fix points, and what does each way out cost?");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<std::string> quantInfo(cl::Positional, cl::desc("[quant_info.json]"), cl::sub(command),
                                      cl::cat(dpucCategory()));
static BindFlags bindFlags(command);
static cl::opt<std::string>
    calib("calib", cl::desc("Measure the ways out on this data: a folder, a file or fashion-mnist:N, with :options"),
          cl::value_desc("SOURCE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> threads("threads", cl::desc("Samples run at once with --calib; the result is the same (1)"),
                                 cl::value_desc("N"), cl::init(1), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> all("all", cl::desc("Print every constraint with its numbers, and every finding"),
                         cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<Equalize>
    equalize("equalize", cl::desc("Are the fix points those of an equalized model? (if they fit it better)"),
             cl::values(clEnumValN(Equalize::Off, "off", "no"), clEnumValN(Equalize::Vendor, "on", "yes"),
                        clEnumValN(Equalize::Auto, "auto", "if they fit it better")),
             cl::init(Equalize::Auto), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> json("json", cl::desc("Also write the report as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> sarif("sarif", cl::desc("Also write the findings as SARIF 2.1.0"), cl::value_desc("FILE"),
                                  cl::sub(command), cl::cat(dpucCategory()));
static InputShapeFlag inputShapes(command);

namespace {
/// A graph and the positions to look at.
struct Subject {
  std::unique_ptr<Graph> graph;
  QuantGroups groups;
  FixPlan plan;
  std::string positions; ///< where they come from
  bool ownFixPoints = false;
};
} // namespace

static bool hasFixPoints(const Graph &g) { return !planOf(g).empty(); }

/// The graph that positions are looked for in: xmodels as they are, everything else after clean-up.
static Result<Subject> openSubject(const FixPointOptions &options, DiagEngine &diags) {
  auto onnx = inputShapes.read(diags);
  auto graph = onnx ? loadGraph(model, *onnx, diags) : failure();
  if (!graph)
    return failure();
  diags.setFile(model);
  Subject s;
  const bool isXir = llvm::any_of((*graph)->ops(), [](const Op &op) { return op.isXir(); });
  s.ownFixPoints = isXir || carriesQdq(**graph) || hasFixPoints(**graph);
  Job job;
  job.graph = std::move(*graph);
  Status done = success();
  if (carriesQdq(*job.graph)) {
    Pipeline all = steps("import-qdq", {{"round-scales", "true"}, {"unrepaired", "true"}});
    for (PassStep &step : steps("clean-up"))
      all.push_back(std::move(step));
    done = runSteps(job, all, false, diags);
  } else if (!isXir && !s.ownFixPoints) {
    done = FixPoints(options, job, diags).cleanUp();
  }
  if (failed(done))
    return failure();
  s.graph = std::move(job.graph);
  s.groups = quantGroups(*s.graph);
  return s;
}

/// The positions of the file, or the graph's own where it says nothing.
static Status findPositions(Subject &s, DiagEngine &diags) {
  s.plan = planOf(*s.graph);
  s.positions = "of the model itself";
  if (quantInfo.empty()) {
    if (s.plan.empty())
      return diags.error("the model has no fix points")
          .rule("lint-quant.positions")
          .note("give a quant_info.json, a quantized xmodel, or a model with QuantizeLinear/DequantizeLinear nodes");
    return success();
  }
  auto options = bindFlags.read(diags);
  auto info = options ? readQuantInfo(quantInfo, diags) : Result<QuantInfo>(failure());
  auto bindings =
      info ? bindKeys(*s.graph, s.groups, *info, options->map, quantInfo, diags) : Result<QuantBindings>(failure());
  auto plan = bindings ? planFixPoints(*bindings, *options, quantInfo, diags) : Result<FixPlan>(failure());
  if (!plan)
    return failure();
  for (const auto &[value, pos] : *plan)
    s.plan[value] = pos;
  s.positions = "of " + quantInfo;
  if (s.plan.empty())
    return diags.error("the file binds no fix point").rule("lint-quant.positions");
  return success();
}

//===-- Findings become a report --------------------------------------------------------===//

static const char *roleOf(const FixConstraint &c, const Value *v) {
  for (const FixTerm &t : c.terms)
    if (t.value == v)
      return fixRoleName(t.role);
  return "input";
}

static LintMove reported(const FixConstraint &c, const FixMove &move) {
  LintMove m;
  m.tensor = move.value->name(), m.role = roleOf(c, move.value), m.bits = move.before.bits;
  m.before = move.before.fixPoint, m.after = move.after.fixPoint, m.bitsLost = move.bitsLost();
  if (auto cost = paramCost(move))
    m.param = LintMove::Param{cost->snrBefore, cost->snrAfter, cost->maxErrorBefore, cost->maxErrorAfter};
  m.rangeFits = rangeFits(move.value, move.after);
  return m;
}

static std::string nodeOf(const Op &op) { return op.loc().node.empty() ? op.result()->name() : op.loc().node; }

static LintWay reported(const FixConstraint &c, const FixWay &way) {
  LintWay w;
  for (const FixMove &move : way.moves)
    w.moves.push_back(reported(c, move));
  for (FixTool tool : way.tools)
    w.tools.push_back(fixToolName(tool));
  for (const FixConstraint &broken : way.breaks)
    w.breaks.push_back(fmt::format("{} at {}", broken.rule->id, nodeOf(*broken.op)));
  return w;
}

static LintFinding reported(const FixFinding &f, const FixPlan &plan) {
  const FixConstraint &c = f.constraint;
  LintFinding out;
  out.rule = c.rule->id, out.node = c.op->loc().node, out.op = c.op->name().str();
  out.tensor = c.op->result()->name(), out.numbers = c.str(plan);
  out.amount = c.amount(plan), out.low = c.low, out.high = c.high, out.margin = c.margin(plan);
  out.broken = !c.holds(plan);
  for (const FixWay &way : f.ways)
    out.ways.push_back(reported(c, way));
  return out;
}

static void addRules(LintReport &r) {
  for (const FixRule &rule : fixRules()) {
    LintRule row{rule.id, fixGravityName(rule.gravity), rule.required(), rule.why, rule.tools, rule.source, 0, 0, {}};
    for (const LintFinding &f : r.findings)
      if (f.rule == rule.id) {
        ++row.checked, row.broken += f.broken;
        row.tightest = std::min(row.tightest.value_or(f.margin), f.margin);
      }
    if (row.checked)
      r.rules.push_back(std::move(row));
  }
}

/// All that each tool would change, every position once with the first reason.
static void addTools(LintReport &r, const Subject &s) {
  for (size_t tool = 0; tool < NumFixTools; ++tool) {
    AdjustOptions options;
    options.tool = FixTool(tool);
    FixPlan repaired = s.plan;
    LintTool row{fixToolName(options.tool), {}, {}, {}};
    llvm::StringSet<> seen;
    for (const FixChange &c : adjustFixPoints(*s.graph, s.groups, repaired, options)) {
      const int before = s.plan.find(c.value)->second.fixPoint, after = repaired.find(c.value)->second.fixPoint;
      if (before != after && seen.insert(c.value->name()).second)
        row.changes.push_back({c.value->name(), c.rule, c.loc.node, c.formula, before, after});
    }
    r.tools.push_back(std::move(row));
  }
}

static int lintQuant(DiagEngine &diags) {
  FixPointOptions options;
  options.quantInfo = quantInfo;
  options.bind = bindFlags.passOptions();
  options.quantize.equalize = equalize;
  auto subject = openSubject(options, diags);
  if (!subject || failed(findPositions(*subject, diags)))
    return ExitBadInput;
  if (!calib.empty() && subject->ownFixPoints)
    return diags.error("--calib measures against the float model; this one has its fix points already")
               .rule("lint-quant.float"),
           ExitBadInput;
  LintReport report;
  report.model = model, report.positions = subject->positions;
  report.placed = static_cast<unsigned>(subject->plan.size());
  std::vector<FixFinding> findings = lintFixPoints(*subject->graph, subject->groups, subject->plan);
  for (const FixFinding &f : findings)
    report.findings.push_back(reported(f, subject->plan));
  addRules(report);
  addTools(report, *subject);
  if (!calib.empty() && failed(measureLint(*subject->graph, subject->plan, findings,
                                           {calib, std::clamp(threads.getValue(), 1u, 256u)}, report, diags)))
    return ExitBadInput;
  rankWays(report);
  printLint(report, all, llvm::outs());
  llvm::outs().flush();
  if (failed(writeNamed(
          json, [&] { return lintJson(report); }, diags)) ||
      failed(writeNamed(
          sarif, [&] { return lintSarif(report); }, diags)))
    return ExitBadInput;
  return report.clean() ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command LintQuantCommand;
const Command LintQuantCommand = {command, lintQuant};
} // namespace dpuopt

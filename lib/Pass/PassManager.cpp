//===- PassManager.cpp - run a pipeline ------------------------------------------===//
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include <chrono>

using namespace dpuopt;

namespace {

class Runner {
public:
  Runner(std::unique_ptr<Graph> &g, const RunOptions &options, DiagEngine &diags)
      : g(g), options(options), diags(diags), out(options.out ? *options.out : llvm::errs()) {}

  Status run(const Pipeline &pipeline) {
    if (options.verifyEach && failed(verify(*g, diags)))
      return diags.error("the graph is not well formed before the first pass");
    if (options.roundTrip && failed(throughText("reading")))
      return failure();
    Status status = success();
    for (const PassStep &step : pipeline)
      if (failed(status = runOne(step)))
        break;
    if (options.timePasses)
      printTimes();
    return status;
  }

private:
  Status runOne(const PassStep &step) {
    if (options.printBeforeAll)
      dump("before", step);
    bool compare = options.compare != nullptr;
    std::unique_ptr<Graph> before = compare ? g->clone() : nullptr;

    auto start = std::chrono::steady_clock::now();
    PassContext ctx{diags, step.options};
    unsigned errorsBefore = diags.errors();
    PassResult result = step.pass->run(*g, ctx);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    times.push_back({step.pass->name, seconds});
    if (options.observe)
      options.observe(step, result, seconds);

    if (result == PassResult::Failure) {
      if (diags.errors() == errorsBefore) // a pass must say why
        diags.error(std::string("pass '") + step.pass->name + "' failed");
      return failure();
    }
    if (options.verifyEach && failed(verify(*g, diags)))
      return diags.error(std::string("pass '") + step.pass->name +
                         "' broke the graph (a bug of ours: please report it)");
    if (options.printAfterAll || (options.printChanged && result == PassResult::Changed) ||
        llvm::is_contained(options.printAfter, step.pass->name))
      dump("after", step);
    if (compare && result == PassResult::Changed && failed(options.compare(*before, *g, step)))
      return failure();
    return options.roundTrip ? throughText(step.pass->name) : success();
  }

  /// Replaces the graph by parse(print(graph)) and insists on the same text.
  Status throughText(llvm::StringRef after) {
    SideData side;
    std::string text, again;
    llvm::raw_string_ostream os(text);
    printGraph(*g, os, &side);
    auto parsed = parseGraph(os.str(), "<round trip>", side, diags);
    if (!parsed)
      return diags.error(("the text of the graph after " + after + " cannot be read back").str());
    llvm::raw_string_ostream os2(again);
    printGraph(**parsed, os2);
    if (os2.str() != text)
      return diags.error(("the text of the graph after " + after + " changes when it is read back").str());
    keepLines(*g, **parsed);
    g = std::move(*parsed);
    return success();
  }

  /// Locations' line numbers refer to the user's file, not to our print-out.
  static void keepLines(const Graph &from, Graph &to) {
    auto old = from.ops().begin();
    for (Op &op : to.ops())
      op.setLoc((old++)->loc());
  }

  void dump(const char *when, const PassStep &step) {
    out << "// IR " << when << ' ' << step.pass->name << '\n';
    printGraph(*g, out);
  }

  void printTimes() {
    double total = 0;
    for (auto &[name, seconds] : times)
      total += seconds;
    out << "// pass times\n";
    for (auto &[name, seconds] : times)
      out << llvm::format("// %9.3f ms  %5.1f %%  ", seconds * 1e3, total > 0 ? seconds / total * 100 : 0) << name
          << '\n';
    out << llvm::format("// %9.3f ms  total\n", total * 1e3);
  }

  std::unique_ptr<Graph> &g;
  const RunOptions &options;
  DiagEngine &diags;
  llvm::raw_ostream &out;
  std::vector<std::pair<std::string, double>> times;
};

} // namespace

Status dpuopt::runPipeline(std::unique_ptr<Graph> &g, const Pipeline &pipeline, const RunOptions &options,
                           DiagEngine &diags) {
  return Runner(g, options, diags).run(pipeline);
}

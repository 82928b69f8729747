//===- Conformance.cpp - dpuc conformance: our partition against the vendor's ---------===//
#include "dpuopt/Driver/Conformance.h"
#include "Command.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

static cl::SubCommand command("conformance", "Do we place and partition as the vendor's compiler and inspector did?");
static cl::list<std::string> paths(cl::Positional, cl::desc("DIR|FILE..."), cl::OneOrMore, cl::sub(command),
                                   cl::cat(dpucCategory()));
static cl::opt<std::string> json("json", cl::desc("Also write the table with every difference as JSON"),
                                 cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> all("all", cl::desc("Print every difference, not only the first 10 of a file"), cl::sub(command),
                         cl::cat(dpucCategory()));

static bool isCompared(const ConformanceRow &row) {
  return row.status == RowStatus::Conforms || row.status == RowStatus::Differs;
}

static std::string counts(const SubgraphCounts &c) { return fmt::format("{}/{}/{}", c.user, c.dpu, c.cpu); }

//===----------------------------------------------------------------------===//
// The table

static std::string describe(const Disagreement &d) {
  auto side = [](const std::string &s) { return s.empty() ? "nothing" : s; };
  std::string text =
      fmt::format("{} {}: {} in the file, {} predicted", d.kind, d.subject, side(d.expected), side(d.got));
  text += d.rule.empty() ? "" : fmt::format(" because it {} [{}]", d.because, d.rule);
  return text + (d.known.empty() ? "" : " (known: " + d.known + ")");
}

static void printDifferences(const ConformanceRow &row) {
  const std::vector<Disagreement> &list = row.result.differences;
  size_t shown = all ? list.size() : std::min<size_t>(list.size(), 10);
  for (const Disagreement &d : llvm::makeArrayRef(list).take_front(shown))
    llvm::outs() << "    " << describe(d) << "\n";
  if (shown < list.size())
    llvm::outs() << fmt::format("    ... and {} more (--all, --json)\n", list.size() - shown);
}

/// What all file names begin with, up to a slash.
static size_t commonFolder(llvm::ArrayRef<ConformanceRow> rows) {
  llvm::StringRef common = rows.empty() ? "" : llvm::StringRef(rows.front().file);
  for (const ConformanceRow &row : rows)
    while (!llvm::StringRef(row.file).startswith(common))
      common = common.drop_back();
  return common.rfind('/') + 1; // npos + 1 is 0
}

static void printCompared(llvm::ArrayRef<ConformanceRow> rows, size_t skip) {
  constexpr size_t Widest = 72; // the end of a long path tells more than its beginning
  auto cut = [](std::string name, size_t width) {
    return name.size() <= width ? name : "..." + name.substr(name.size() - width + 3);
  };
  auto fileCell = [&](const ConformanceRow &row) {
    return row.source.empty() ? cut(row.file.substr(skip), Widest)
                              : "  from " + cut(llvm::sys::path::filename(row.source).str(), Widest - 7);
  };
  size_t fileWidth = 4, targetWidth = 6, versionWidth = 8;
  for (const ConformanceRow &row : rows)
    if (isCompared(row)) {
      fileWidth = std::max(fileWidth, fileCell(row).size());
      targetWidth = std::max(targetWidth, row.target.size());
      versionWidth = std::max(versionWidth, row.version.size());
    }
  auto line = [&](const std::string &file, const std::string &version, const std::string &target,
                  const std::string &expected, const std::string &got, const std::string &ops,
                  const std::string &status) {
    llvm::outs() << fmt::format("{:<{}}  {:<{}}  {:<{}}  {:<12}  {:<9}  {:>5}  {}\n", file, fileWidth, version,
                                versionWidth, target, targetWidth, expected, got, ops, status);
  };
  line("file", "Vitis AI", "target", "USER/DPU/CPU", "predicted", "ops", "result");
  for (const ConformanceRow &row : rows) {
    if (!isCompared(row))
      continue;
    line(fileCell(row), row.version, row.target, counts(row.result.expected), counts(row.result.got),
         std::to_string(row.result.ops), rowStatusName(row.status));
    printDifferences(row);
  }
}

//===----------------------------------------------------------------------===//
// The summary

namespace {
/// Rows of one sort.
struct Tally {
  unsigned rows = 0, good = 0, ops = 0, same = 0;
};
} // namespace

static Tally tally(llvm::ArrayRef<ConformanceRow> rows, bool reports, bool pairs) {
  Tally t;
  for (const ConformanceRow &row : rows) {
    if (!isCompared(row) || row.isReport != reports || row.source.empty() == pairs)
      continue;
    ++t.rows;
    t.good += row.status == RowStatus::Conforms;
    t.ops += row.result.ops;
    t.same += row.result.ops -
              llvm::count_if(row.result.differences, [](const Disagreement &d) { return d.kind == "device"; });
  }
  return t;
}

static void printTable(llvm::ArrayRef<ConformanceRow> rows) {
  size_t skip = commonFolder(rows);
  if (llvm::any_of(rows, isCompared))
    printCompared(rows, skip);
  for (const ConformanceRow &row : rows)
    if (!isCompared(row))
      llvm::outs() << fmt::format("{}: {}: {}\n", row.file.substr(skip), rowStatusName(row.status), row.reason);
  auto count = [&](RowStatus s) {
    return llvm::count_if(rows, [&](const ConformanceRow &r) { return r.status == s; });
  };
  Tally compiled = tally(rows, false, false), pairs = tally(rows, false, true), reports = tally(rows, true, false);
  llvm::outs() << fmt::format("{} of {} compiled files conform; {} of {} from their quantized file; ", compiled.good,
                              compiled.rows, pairs.good, pairs.rows);
  if (reports.rows)
    llvm::outs() << fmt::format("{} of {} inspector reports conform, with {} of {} nodes alike ({:.1f} %); ",
                                reports.good, reports.rows, reports.same, reports.ops,
                                reports.ops ? 100.0 * reports.same / reports.ops : 100.0);
  llvm::outs() << fmt::format("{} other target, {} error{}, {} skipped\n", count(RowStatus::OtherTarget),
                              count(RowStatus::Error), count(RowStatus::Error) == 1 ? "" : "s",
                              count(RowStatus::Skipped));
  llvm::outs().flush();
}

//===----------------------------------------------------------------------===//
// JSON

static Json countsJson(const SubgraphCounts &c) { return {{"user", c.user}, {"dpu", c.dpu}, {"cpu", c.cpu}}; }

static Json rowJson(const ConformanceRow &row) {
  Json j = {{"file", row.file}, {"status", rowStatusName(row.status)}};
  auto put = [&](const char *key, const std::string &value) {
    if (!value.empty())
      j[key] = value;
  };
  if (row.isReport)
    j["report"] = true;
  put("from", row.source);
  put("reason", row.reason);
  put("vitis_ai", row.version);
  put("target", row.target);
  if (!isCompared(row))
    return j;
  j["expected"] = countsJson(row.result.expected);
  j["predicted"] = countsJson(row.result.got);
  j["ops"] = row.result.ops;
  j["differences"] = Json::array();
  for (const Disagreement &d : row.result.differences)
    j["differences"].push_back({{"kind", d.kind},
                                {"subject", d.subject},
                                {"expected", d.expected},
                                {"predicted", d.got},
                                {"rule", d.rule},
                                {"because", d.because},
                                {"known", d.known}});
  return j;
}

static Json tallyJson(const Tally &t) {
  return {{"files", t.rows}, {"conform", t.good}, {"ops", t.ops}, {"same_device", t.same}};
}

static Status writeJson(llvm::ArrayRef<ConformanceRow> rows, DiagEngine &diags) {
  Json summary = {{"compiled", tallyJson(tally(rows, false, false))},
                  {"from_quantized", tallyJson(tally(rows, false, true))},
                  {"inspector", tallyJson(tally(rows, true, false))}};
  Json list = Json::array();
  for (const ConformanceRow &row : rows)
    list.push_back(rowJson(row));
  return writeFileAtomically(json, diags, [&](llvm::raw_ostream &os) {
    return os << Json{{"summary", summary}, {"files", list}}.dump(2, ' ', false, Json::error_handler_t::replace)
              << "\n",
           success();
  });
}

//===----------------------------------------------------------------------===//

static int conformance(DiagEngine &diags) {
  auto rows = checkConformance(std::vector<std::string>(paths.begin(), paths.end()), diags);
  if (!rows)
    return ExitBadInput;
  printTable(*rows);
  if (!json.empty() && failed(writeJson(*rows, diags)))
    return ExitBadInput;
  auto isBad = [](const ConformanceRow &r) { return r.status == RowStatus::Differs || r.status == RowStatus::Error; };
  bool judged =
      llvm::any_of(*rows, [](const ConformanceRow &r) { return isCompared(r) || r.status == RowStatus::OtherTarget; });
  if (!judged)
    return diags.error("none of the files is a compiled xmodel or a report that can be read"), ExitBadInput;
  return llvm::any_of(*rows, isBad) ? ExitFindings : ExitClean;
}

namespace dpuopt {
extern const Command ConformanceCommand;
const Command ConformanceCommand = {command, conformance};
} // namespace dpuopt

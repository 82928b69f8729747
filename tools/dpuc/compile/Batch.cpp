//===- Batch.cpp - many models compiled, in parallel and again ----------------------------===//
#include "Batch.h"
#include "BatchPlan.h"
#include "Command.h"
#include "OutputFolder.h"
#include "Progress.h"
#include "VendorCompiler.h"
#include "dpuopt/Calibrate/Statistics.h"
#include "dpuopt/Support/Blob.h"
#include "dpuopt/Support/CommandWords.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Version.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <atomic>
#include <chrono>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

using namespace dpuopt;
namespace fs = llvm::sys::fs;
namespace path_ = llvm::sys::path;
using Json = nlohmann::ordered_json;

/// In each model's folder: what its results were made of.
static constexpr const char *Stamp = ".dpuc-batch";

namespace {

struct Outcome {
  int status = -1; ///< exit status; -1: not run yet
  bool upToDate = false;
  double seconds = 0;
  std::string said; ///< the first error
};

class Batch {
public:
  Batch(const BatchOptions &options, BatchPlan plan, DiagEngine &diags)
      : options(options), plan(std::move(plan)), diags(diags), outcomes(this->plan.jobs.size()) {
    llvm::SmallString<128> folder(options.output);
    fs::make_absolute(folder);
    output = folder.str().str();
  }
  Status prepare();
  void run();
  Status writeSummary() const;
  void print(llvm::raw_ostream &os) const;
  int status() const;
  Status writeNinja() const;
  void printCommands(size_t first, size_t last) const;

private:
  std::vector<std::string> command(const BatchJob &job) const;
  std::string line(const BatchJob &job) const;
  std::string digest(const BatchJob &job) const;
  void runJob(size_t i);
  Json reportOf(const BatchJob &job) const;

  const BatchOptions &options;
  BatchPlan plan;
  DiagEngine &diags;
  std::string output, program = fs::getMainExecutable(nullptr, nullptr);
  std::vector<Outcome> outcomes;
};

Status Batch::prepare() {
  if (std::error_code ec = fs::create_directories(pathIn(output, "logs")))
    return diags.error("cannot write to '" + options.output + "': " + ec.message()).file(options.output);
  return success();
}

std::vector<std::string> Batch::command(const BatchJob &job) const {
  std::vector<std::string> words = {"compile"};
  words.insert(words.end(), job.args.begin(), job.args.end());
  words.insert(words.end(), {"-o", pathIn(output, job.name)});
  return words;
}

/// For a shell, from wherever it is run.
std::string Batch::line(const BatchJob &job) const {
  std::string text = "cd " + shellWord(plan.folder) + " && " + shellWord(program);
  for (const std::string &word : command(job))
    text += " " + shellWord(word);
  return text;
}

/// Of all that a result depends on, but for what is in folders: files that flags name, and whether there is a compiler.
std::string Batch::digest(const BatchJob &job) const {
  std::string text = productVersion();
  DiagEngine silent;
  auto addFile = [&](llvm::StringRef name) {
    const std::string path = path_::is_absolute(name) ? name.str() : pathIn(plan.folder, name);
    auto bytes = fs::is_regular_file(path) ? Blob::mapFile(path, silent) : failure();
    if (bytes)
      text += fmt::format(" {:016x}", bytes->hash());
  };
  for (const std::string &a : job.args) {
    text += '\0' + a;
    addFile(llvm::StringRef(a).startswith("--") ? llvm::StringRef(a).split('=').second : llvm::StringRef(a));
  }
  if (auto compiler = findProgram("vai_c_xir"))
    text += '\0' + *compiler;
  return fmt::format("{:016x}", llvm::xxHash64(text));
}

/// Of a usage error, too, which has no such word.
static std::string firstError(llvm::StringRef text) {
  llvm::StringRef error = text.split("error: ").second;
  if (error.empty() && text.startswith("dpuc: "))
    error = text.drop_front(6);
  return error.split('\n').first.take_front(300).str();
}

void Batch::runJob(size_t i) {
  const BatchJob &job = plan.jobs[i];
  Outcome &outcome = outcomes[i];
  const std::string stamp = pathIn(pathIn(output, job.name), Stamp), made = digest(job);
  DiagEngine silent;
  if (auto last = fs::exists(stamp) && !options.force ? readFile(stamp, silent) : failure()) {
    auto [hash, status] = llvm::StringRef(*last).split(' ');
    if (hash == made && !status.trim().getAsInteger(10, outcome.status)) {
      outcome.upToDate = true;
      return;
    }
  }
  fs::remove(stamp);
  const auto start = std::chrono::steady_clock::now();
  ProcessOptions how;
  how.workingDir = plan.folder;
  std::vector<std::string> words = command(job);
  if (job.threads)
    words.push_back(fmt::format("--threads={}", job.threads));
  ProcessResult result = runProcess(program, words, how);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.status = result.exitCode < 0 ? ExitBadInput : result.exitCode;
  outcome.said = firstError(result.err);
  if (result.exitCode < 0)
    outcome.said = result.failure;
  (void)writeFileAtomically(pathIn(output, "logs/" + job.name + ".log"), silent, [&](llvm::raw_pwrite_stream &os) {
    return os << line(job) << "\n" << result.out << result.err, success();
  });
  if (outcome.status < ExitBadInput)
    (void)writeFileAtomically(stamp, silent, [&](llvm::raw_pwrite_stream &os) {
      return os << made << " " << outcome.status << "\n", success();
    });
}

void Batch::run() {
  Progress progress("compiling", plan.jobs.size());
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < plan.jobs.size(); i = next++)
      runJob(i), progress.step();
  };
  std::vector<std::thread> crew;
  for (unsigned t = 1; t < std::min<size_t>(options.jobs, plan.jobs.size()); ++t)
    crew.emplace_back(work);
  work();
  for (std::thread &t : crew)
    t.join();
}

//===-- What came of it --------------------------------------------------------------===//

/// report.json of a model that has results; null otherwise.
Json Batch::reportOf(const BatchJob &job) const {
  DiagEngine silent;
  auto text = readFile(pathIn(pathIn(output, job.name), "report.json"), silent);
  Json j = text ? Json::parse(*text, nullptr, false) : Json();
  return j.is_object() ? j : Json();
}

static const char *word(const Outcome &o) {
  return o.status == ExitClean ? "ok" : o.status == ExitFindings ? "findings" : "failed";
}

Status Batch::writeSummary() const {
  Json all = Json::array();
  for (size_t i = 0; i < plan.jobs.size(); ++i) {
    const BatchJob &job = plan.jobs[i];
    const Outcome &o = outcomes[i];
    Json row = {{"name", job.name},   {"model", job.model},       {"target", job.target}, {"result", word(o)},
                {"status", o.status}, {"up_to_date", o.upToDate}, {"seconds", o.seconds}, {"error", o.said}};
    if (const Json report = o.status < ExitBadInput ? reportOf(job) : Json(); !report.is_null())
      for (const char *key : {"dpu_subgraphs", "cpu_subgraphs", "accuracy", "compile_result"})
        if (report.contains(key))
          row[key] = report[key];
    all.push_back(std::move(row));
  }
  return writeFileAtomically(pathIn(options.output, "summary.json"), diags, [&](llvm::raw_pwrite_stream &os) {
    return os << Json({{"jobs", all}}).dump(2, ' ', false, Json::error_handler_t::replace) << "\n", success();
  });
}

void Batch::print(llvm::raw_ostream &os) const {
  size_t width = 5;
  for (const BatchJob &job : plan.jobs)
    width = std::max(width, std::min<size_t>(job.name.size(), 40));
  os << fmt::format("{:<{}}  {:<8}  {:>3}  {:>3}  {:>7}\n", "model", width, "result", "DPU", "CPU", "seconds");
  for (size_t i = 0; i < plan.jobs.size(); ++i) {
    const Outcome &o = outcomes[i];
    const Json report = o.status < ExitBadInput ? reportOf(plan.jobs[i]) : Json();
    auto count = [&](const char *key) {
      return report.contains(key) && report[key].is_number() ? std::to_string(report[key].get<int>()) : "-";
    };
    os << fmt::format("{:<{}}  {:<8}  {:>3}  {:>3}  {:>7}  {}\n", plan.jobs[i].name.substr(0, 40), width, word(o),
                      count("dpu_subgraphs"), count("cpu_subgraphs"),
                      o.upToDate ? "" : fmt::format("{:.1f}", o.seconds),
                      o.upToDate ? "up to date" : llvm::StringRef(o.said).take_front(60).str());
  }
  os << "wrote     " << pathIn(options.output, "summary.json") << "\n";
}

int Batch::status() const {
  int worst = ExitClean;
  for (const Outcome &o : outcomes)
    worst = std::max(worst, o.status);
  return worst;
}

//===-- For others to run --------------------------------------------------------------===//

/// As a path in a build file: '$', ' ' and ':' mean something there. There is no form for '|'.
static std::string ninjaPath(llvm::StringRef text) {
  std::string escaped;
  for (char c : text)
    escaped += c == '$' || c == ' ' || c == ':' ? std::string("$") + c : std::string(1, c);
  return escaped;
}

static std::string ninjaValue(llvm::StringRef text) {
  std::string escaped;
  for (char c : text)
    escaped += c == '$' ? std::string("$$") : std::string(1, c);
  return escaped;
}

Status Batch::writeNinja() const {
  if (llvm::StringRef(output).contains('|'))
    return diags.error("a build file cannot name a folder with '|' in it: '" + output + "'").rule("batch.plan");
  return writeFileAtomically(options.ninjaFile, diags, [&](llvm::raw_pwrite_stream &os) {
    os << "# Findings (exit status 1) are results too: the reports say what.\n"
          "rule compile\n  command = $line || test $$? -eq 1\n  description = $name\n";
    for (const BatchJob &job : plan.jobs) {
      const std::string model = path_::is_absolute(job.model) ? job.model : pathIn(plan.folder, job.model);
      os << fmt::format("\nbuild {}: compile {}\n  line = {}\n  name = {}\n",
                        ninjaPath(pathIn(pathIn(output, job.name), "report.json")),
                        llvm::StringRef(model).contains('|') ? "" : ninjaPath(model), // made once, then
                        ninjaValue(line(job)), ninjaValue(job.name));
    }
    return success();
  });
}

void Batch::printCommands(size_t first, size_t last) const {
  for (size_t i = first; i < last; ++i)
    llvm::outs() << line(plan.jobs[i]) << "\n";
}

} // namespace

/// Of a flag whose value is a file, or begins with one (photos/:mean=0.5).
static std::string fromRoot(llvm::StringRef flag, llvm::StringRef value) {
  constexpr llvm::StringLiteral files[] = {"budget", "calib", "head", "labels", "quant-info", "quant-map", "target"};
  const llvm::StringRef path = value.split(':').first;
  if (!llvm::is_contained(files, flag) || !fs::exists(path) || (flag == "target" && !fs::is_regular_file(path)))
    return value.str();
  llvm::SmallString<128> whole(path);
  fs::make_absolute(whole);
  return whole.str().str() + value.drop_front(path.size()).str();
}

/// As they were typed: the flags' own values have lost whether they were given.
std::vector<std::string> dpuopt::flagsForEach() {
  constexpr llvm::StringLiteral ours[] = {"batch", "jobs", "o", "ninja", "print-shard"}; // with a value
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string word;
  std::vector<std::string> words, flags;
  while (std::getline(file, word, '\0'))
    words.push_back(word);
  llvm::StringRef last;                       // flag whose value may be the next word
  for (size_t i = 2; i < words.size(); ++i) { // behind dpuc compile
    const llvm::StringRef typed = words[i];
    if (!typed.startswith("-")) {
      flags.push_back(fromRoot(last, typed));
      last = "";
      continue;
    }
    auto [name, value] = typed.ltrim('-').split('=');
    const bool joined = typed.contains('=');
    last = name;
    if (llvm::is_contained(ours, name))
      i += !joined;
    else if (name != "force")
      flags.push_back(joined ? typed.drop_back(value.size()).str() + fromRoot(name, value) : typed.str());
  }
  return flags;
}

/// A few models at the same time share the processors.
static void shareThreads(BatchPlan &plan, unsigned jobs) {
  const unsigned share = std::max(1u, std::thread::hardware_concurrency() / jobs);
  for (BatchJob &job : plan.jobs)
    if (llvm::none_of(job.args, [](llvm::StringRef a) { return a.ltrim('-').split('=').first == "threads"; }))
      job.threads = share;
}

int dpuopt::runBatch(const BatchOptions &options, DiagEngine &diags) {
  auto plan = readBatchPlan(options.plan, options.flags, diags);
  if (!plan)
    return ExitBadInput;
  const size_t n = plan->jobs.size();
  if (options.jobs > 1)
    shareThreads(*plan, options.jobs);
  Batch batch(options, std::move(*plan), diags);
  if (!options.ninjaFile.empty())
    return failed(batch.writeNinja()) ? ExitBadInput : ExitClean;
  if (!options.shard.empty()) {
    auto part = parseShard(options.shard);
    if (!part)
      return diags.error(fmt::format("--print-shard takes I/N with I from 1 to N, not '{}'", options.shard)),
             ExitBadInput;
    const SampleRange range = rangeOfPart(n, part->index, part->count);
    return batch.printCommands(range.first, range.last), ExitClean;
  }
  if (failed(batch.prepare()))
    return ExitBadInput;
  batch.run();
  if (failed(batch.writeSummary()))
    return ExitBadInput;
  batch.print(llvm::outs());
  llvm::outs().flush();
  return batch.status();
}

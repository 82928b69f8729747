//===- VendorCompiler.cpp - vai_c_xir, found and run ----------------------------------===//
#include "VendorCompiler.h"
#include "Progress.h"
#include "dpuopt/Support/CommandWords.h"
#include "dpuopt/Support/Printable.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include <fmt/format.h>

using namespace dpuopt;

/// What of a known message stands in a log, and its page of dpuc explain.
struct LogPattern {
  const char *code, *pattern;
};
static constexpr LogPattern patterns[] = {
#define PAGE(Code, Pattern, Cause, Example, Fix, Versions) {Code, Pattern},
#include "Pages.def"
#undef PAGE
};

static std::string codeInLog(llvm::StringRef line) {
  for (const LogPattern &p : patterns)
    if (*p.pattern && line.contains(p.pattern))
      return p.code;
  return "";
}

static std::string absolute(llvm::StringRef path) {
  llvm::SmallString<128> whole(path);
  llvm::sys::fs::make_absolute(whole);
  return whole.str().str();
}

Result<std::optional<VendorCompiler>> VendorCompiler::find(const CompilerOptions &options, DiagEngine &diags) {
  std::vector<std::string> words = commandWords(options.command.empty() ? "vai_c_xir" : options.command);
  if (words.empty())
    return diags.error("--vai-c-xir names no program").rule("compiler.missing");
  auto program = findProgram(words[0]);
  if (!program && !options.command.empty())
    return diags.error(fmt::format("cannot run '{}': {}", words[0], program.getError().message()))
        .rule("compiler.missing")
        .note("--vai-c-xir takes a program and its first arguments, such as scripts/vai_c_xir-docker.sh");
  if (!program)
    return std::optional<VendorCompiler>();
  VendorCompiler compiler;
  compiler.program = absolute(*program);
  for (const std::string &word : llvm::drop_begin(words))
    compiler.first.push_back(llvm::sys::fs::is_regular_file(word) ? absolute(word) : word);
  compiler.timeoutSeconds = options.timeoutSeconds;
  return std::optional(compiler);
}

std::string VendorCompiler::commandLine(llvm::ArrayRef<std::string> arguments) const {
  std::string line = shellWord(program);
  for (llvm::ArrayRef<std::string> some : {llvm::ArrayRef<std::string>(first), arguments})
    for (const std::string &word : some)
      line += " " + shellWord(word);
  return line;
}

CompilerRun VendorCompiler::run(llvm::ArrayRef<std::string> arguments, const std::string &folder) const {
  std::vector<std::string> all = first;
  all.insert(all.end(), arguments.begin(), arguments.end());
  ProcessOptions options;
  options.timeoutSeconds = timeoutSeconds;
  options.maxKept = size_t(8) << 20;
  options.workingDir = folder;
  options.supervised = true;
  constexpr uint64_t MostLog = uint64_t(256) << 20; // a real one is a few kB
  Activity activity("vai_c_xir");
  uint64_t said = 0;
  options.onLine = [&](llvm::StringRef line) {
    said += line.size() + 1;
    if (llvm::StringRef news = line.split("[UNILOG][INFO] ").second; !news.empty())
      activity.now(news);
  };
  options.stop = [&] { return activity.tick(), said > MostLog; };
  ProcessResult process = runProcess(program, all, options);
  CompilerRun run = readCompilerLog(process.out + "\n" + process.err);
  run.process = std::move(process);
  run.flooded = said > MostLog && run.process.timedOut;
  if (run.flooded)
    run.process.failure = fmt::format("stopped after {} MB of log", said >> 20);
  return run;
}

//===-- The log ------------------------------------------------------------------------===//

/// The number behind `key` in `line`.
static std::optional<unsigned> numberAfter(llvm::StringRef line, llvm::StringRef key) {
  unsigned n = 0;
  size_t at = line.find(key);
  if (at == llvm::StringRef::npos || line.drop_front(at + key.size()).ltrim().consumeInteger(10, n))
    return std::nullopt;
  return n;
}

/// "xir::Op{name = X, type = Y}": X.
static std::string opIn(llvm::StringRef line) {
  llvm::StringRef rest = line.split("xir::Op{name = ").second;
  return rest.substr(0, std::min(rest.find(", type = "), rest.find('}'))).str();
}

CompilerRun dpuopt::readCompilerLog(llvm::StringRef text) {
  constexpr size_t MaxMessages = 1000, MaxText = 300, MaxLine = 4096;
  CompilerRun run;
  while (!text.empty()) {
    llvm::StringRef line;
    std::tie(line, text) = text.split('\n');
    const std::string shown = printable(line.take_front(MaxLine).trim());
    line = shown;
    if (auto total = numberAfter(line, "Total device subgraph number"))
      run.subgraphs = total, run.dpuSubgraphs = numberAfter(line, "DPU subgraph number");
    run.saysDone |= line.contains("Compile done");
    const std::string code = codeInLog(line);
    for (const char *severity : {"WARNING", "ERROR", "FATAL"})
      if (std::string tag = fmt::format("[UNILOG][{}]", severity);
          line.contains(tag) && run.messages.size() < MaxMessages)
        run.messages.push_back({severity, line.split(tag).second.trim().take_front(MaxText).str(), opIn(line), code});
    if (!code.empty() && !line.contains("[UNILOG]") && run.messages.size() < MaxMessages)
      run.messages.push_back({"ERROR", line.take_front(MaxText).str(), opIn(line), code});
  }
  return run;
}

//===- VendorCompiler.cpp - vai_c_xir, found and run ----------------------------------===//
#include "VendorCompiler.h"
#include "CommandWords.h"
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
  compiler.program = *program;
  compiler.first.assign(words.begin() + 1, words.end());
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

CompilerRun VendorCompiler::run(llvm::ArrayRef<std::string> arguments) const {
  std::vector<std::string> all = first;
  all.insert(all.end(), arguments.begin(), arguments.end());
  ProcessOptions options;
  options.timeoutSeconds = timeoutSeconds;
  options.maxKept = size_t(8) << 20;
  ProcessResult process = runProcess(program, all, options);
  CompilerRun run = readCompilerLog(process.out + "\n" + process.err);
  run.process = std::move(process);
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
  constexpr size_t MaxMessages = 1000, MaxText = 300;
  CompilerRun run;
  while (!text.empty()) {
    llvm::StringRef line;
    std::tie(line, text) = text.split('\n');
    line = line.trim();
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

//===- main.cpp - vai_c_xir for tests ----------------------------------------------===//
//
// Takes vai_c_xir's arguments, says what it says, and makes a file of the form it makes. See
// Misbehaviour.h for what else it does.
//
//===----------------------------------------------------------------------===//
#include "CompiledGraph.h"
#include "Misbehaviour.h"
#include "dpuopt/Report/Report.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MD5.h"
#include "llvm/Support/MemoryBuffer.h"
#include <chrono>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

using namespace dpuopt;

/// -x, -a, -o and -n.
static std::map<std::string, std::string> arguments(int argc, char **argv) {
  std::map<std::string, std::string> found;
  for (int i = 1; i + 1 < argc; i += 2)
    found[argv[i]] = argv[i + 1];
  return found;
}

static std::string md5Of(const std::string &path) {
  auto bytes = llvm::MemoryBuffer::getFile(path);
  llvm::MD5 hash;
  llvm::MD5::MD5Result result;
  if (bytes)
    hash.update((*bytes)->getBuffer());
  hash.final(result);
  return result.digest().str().str();
}

/// `slow`: so that somebody can watch.
static void say(const std::string &line) {
  puts(line.c_str());
  fflush(stdout);
  if (told("slow"))
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
}

static unsigned countIn(const Graph &g, llvm::StringRef device) {
  return llvm::count_if(collectReport(g).subgraphs, [&](const ReportedSubgraph &s) { return s.device == device; });
}

static void sayWarnings(const Partition &p) {
  for (const FusedOp &op : p.fused->ops)
    if (op.device == Device::Cpu && isJudged(op) && op.anchor && !p.of(*op.anchor).reasons.empty())
      say(fmt::format("[UNILOG][WARNING] xir::Op{{name = {}, type = {}}} has been assigned to CPU: [{}].", op.name,
                      op.kind, p.of(*op.anchor).reasons.front()));
}

static void describe(const Graph &compiled, const Target &target, const std::string &folder, const std::string &name) {
  const std::string xmodel = folder + "/" + name + ".xmodel";
  nlohmann::ordered_json meta = {{"lib", "libvart-dpu-runner.so"}, {"filename", name + ".xmodel"}};
  for (const ReportedSubgraph &s : collectReport(compiled).subgraphs)
    if (s.device == "DPU")
      meta["kernel"].push_back(s.name);
  if (!meta.contains("kernel"))
    meta["kernel"] = "";
  meta["target"] = target.name().str();
  std::ofstream(folder + "/meta.json") << meta.dump(4);
  std::ofstream(folder + "/md5sum.txt") << md5Of(xmodel) << "\n";
  say("[UNILOG][INFO] Compile done.");
  say(fmt::format("[UNILOG][INFO] The meta json is saved to \"{}/meta.json\"", folder));
  say(fmt::format("[UNILOG][INFO] The compiled xmodel is saved to \"{}\"", xmodel));
  say(fmt::format("[UNILOG][INFO] The compiled xmodel's md5sum is {}, and has been saved to \"{}/md5sum.txt\"",
                  md5Of(xmodel), folder));
}

int main(int argc, char **argv) {
  auto given = arguments(argc, argv);
  const std::string &source = given["-x"], &folder = given["-o"], &name = given["-n"];
  DiagEngine diags(&llvm::errs());
  (void)llvm::sys::fs::create_directories(folder);
  say(std::string(50, '*') + "\n* VITIS_AI Compilation - Xilinx Inc.\n" + std::string(50, '*'));
  say("[UNILOG][INFO] Compile mode: dpu\n[UNILOG][INFO] Debug mode: null");
  misbehave(folder, name);
  auto target = makeDpuczdx8gTarget({given["-a"], ""}, diags);
  auto graph = target ? importXmodel(source, diags) : failure();
  if (!graph)
    return 134;
  say(fmt::format("[UNILOG][INFO] Target architecture: {}", (*target)->name().str()));
  say(fmt::format("[UNILOG][INFO] Graph name: {}, with op num: {}", (*graph)->name(), (*graph)->size()));
  say("[UNILOG][INFO] Begin to compile...");
  PartitionOptions options = partitionFor(**target);
  Partition p = partitionGraph(**graph, options);
  if (told("split")) {
    spoilPlacement(options, p);
    p = partitionGraph(**graph, options);
  }
  sayWarnings(p);
  std::unique_ptr<Graph> compiled = compiledGraph({**graph, **target, source, md5Of(source)}, p);
  spoilGraph(*compiled);
  if (failed(exportXmodel(*compiled, folder + "/" + name + ".xmodel", diags)))
    return 134;
  say(fmt::format("[UNILOG][INFO] Total device subgraph number {}, DPU subgraph number {}", p.subgraphs.size(),
                  countIn(*compiled, "DPU")));
  describe(*compiled, **target, folder, name);
  spoilFiles(folder, name);
  return 0;
}

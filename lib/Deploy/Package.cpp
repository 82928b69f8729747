//===- Package.cpp - what runtimes and people read beside an xmodel -------------------===//
#include "dpuopt/Deploy/Package.h"
#include "Template.h"
#include "dpuopt/Support/CommandWords.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using namespace dpuopt::deploy;

namespace {

/// The flags that give the same contract again.
std::string contractFlags(const Contract &c, llvm::ArrayRef<std::string> leaves) {
  std::string out;
  if (auto image = c.image()) {
    const PixelFormat &f = c.inputs[*image].pixels->format;
    out += fmt::format(" --divide 1 --mean {} --scale {}{}", fmt::join(f.mean, "/"), fmt::join(f.scale, "/"),
                       f.bgr ? " --bgr" : "");
    if (!f.fit.empty())
      out += " --fit " + f.fit;
    if (f.shortSide > 0)
      out += fmt::format(" --short {}", f.shortSide);
  }
  if (c.head && c.head->kind == "decoupled" && c.head->decode != "none")
    out += " --box-decode " + c.head->decode;
  if (c.head && c.head->kind != "custom" && c.head->classes > 1)
    out += " --background " + (c.head->background < 0 ? std::string("none") : std::to_string(c.head->background));
  for (const std::string &leaf : leaves)
    if (leaf == "labels.txt")
      out += " --labels " + leaf;
    else if (llvm::StringRef(leaf).endswith(".head.json"))
      out += " --head " + shellWord(leaf);
  return out;
}

} // namespace

std::string dpuopt::metaJson(const Contract &c) {
  nlohmann::ordered_json j{{"lib", "libvart-dpu-runner.so"}, {"filename", c.xmodel.name}};
  if (c.dpuSubgraphs.empty())
    j["kernel"] = "";
  else
    j["kernel"] = c.dpuSubgraphs;
  j["target"] = c.dpu;
  return j.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string dpuopt::installNote(const Contract &c, llvm::ArrayRef<std::string> leaves) {
  const std::string compiled = c.compiled ? c.xmodel.name : c.name + ".xmodel";
  // The shell of the board reads it too: only a plain name is used.
  const bool plain = shellWord(c.name) == c.name && !llvm::StringRef(c.name).contains('/');
  const std::string folder = "/usr/share/vitis_ai_library/models/" + (plain ? c.name : codeName(c.name)) + "/";
  std::string out = "How to get this model onto a board and run it there. BOARD is its address.\n\n";
  if (!c.compiled)
    out += fmt::format("Compile it where vai_c_xir is, then write this folder again for the compiled file:\n\n"
                       "    vai_c_xir -x {} -a arch.json -o . -n {}\n    dpuc contract {}{} -o .\n\n",
                       shellWord(c.xmodel.name), shellWord(c.name), shellWord(compiled), contractFlags(c, leaves));
  out += fmt::format("The model is for a DPU with the fingerprint 0x{:x} ({}). Does the board have it?\n\n"
                     "    ssh root@BOARD xdputil query\n\n",
                     c.fingerprint, c.dpu);
  out += fmt::format("Copy it:\n\n    ssh root@BOARD mkdir -p {}\n    scp {}", folder, shellWord(compiled));
  for (const std::string &leaf : leaves)
    if (leaf != compiled)
      out += " " + shellWord(leaf);
  out += fmt::format(" root@BOARD:{}\n\nOn the board:\n\n    cd {}\n", folder, folder);
  if (c.compiled)
    out += fmt::format("    md5sum {}      # {}\n", shellWord(compiled), c.xmodel.md5);
  out += fmt::format("    xdputil xmodel -l {0}      # its inputs and outputs\n"
                     "    xdputil benchmark {0} 1      # images per second, one thread\n",
                     shellWord(compiled));
  for (const std::string &leaf : leaves)
    if (llvm::StringRef(leaf).startswith("dpu_") && llvm::StringRef(leaf).endswith(".h"))
      out += "\nAn application includes " + leaf +
             ", or imports the module of that name: their first lines show the use.\n";
  return out;
}

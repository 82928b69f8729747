//===- dpuopt-vart-runner - DPU subgraphs of a model, through VART ---------------------===//
//
//   dpuopt-vart-runner --devices     exit status 0: there may be a DPU
//   dpuopt-vart-runner MODEL         answers requests until its standard input ends (Serve.cpp)
//
// Exit status 3: it cannot be done; the last line on standard error says why. Anything else
// but 0 is VART's own end: it aborts when it does not like something, which is why this is a
// program of its own.
//
// VART's libraries are opened by name, and then dpuopt-vart.so, which is linked with none of
// them: one program for Vitis AI 2.5 (libvart-runner.so.2) and for 3.0 and 3.5 (.so.3), whose
// classes, as far as we use them, are laid out alike.
//
//===----------------------------------------------------------------------===//
#include "Refusal.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <filesystem>
#include <glob.h>
#include <unistd.h>

namespace {

/// Where Linux shows DPUs: the Vivado flow's driver, XRT on a SoC, XRT on a card.
const char *const devicePatterns[] = {"/dev/dpu*", "/dev/dri/renderD*", "/dev/xclmgmt*"};
/// Newest first: where there are two, the older one is a left-over.
const char *const libraries[] = {"libvart-runner.so.3", "libvart-runner.so.2"};
/// Of libxir since 2.5: before, subgraphs had fewer functions, at other places.
constexpr char SinceRelease25[] = "_ZNK3xir11SubgraphImp24get_sorted_input_tensorsERKSt8functionIFbPNS_6TensorES3_EE";

int findDevices() {
  size_t found = 0;
  std::string patterns;
  for (const char *pattern : devicePatterns) {
    glob_t matches = {};
    if (glob(pattern, 0, nullptr, &matches) == 0)
      found += matches.gl_pathc;
    globfree(&matches);
    patterns += (patterns.empty() ? "" : ", ") + std::string(pattern);
  }
  if (!found)
    refuse("no DPU device: this machine has none of " + patterns);
  return 0;
}

void openVart() {
  std::string names, reason;
  for (const char *name : libraries) {
    if (dlopen(name, RTLD_NOW | RTLD_GLOBAL)) {
      if (!std::string(name).ends_with(".3") && !dlsym(RTLD_DEFAULT, SinceRelease25))
        refuse(std::string(name) + " is older than Vitis AI 2.5, and cannot be used");
      return;
    }
    const std::string why = dlerror();
    // The library itself may be missing; that something it needs is missing, is news.
    if (why.rfind(name, 0) != 0)
      reason += (reason.empty() ? ": " : "; ") + why;
    names += (names.empty() ? "" : " nor ") + std::string(name);
  }
  refuse("VART cannot be loaded: neither " + names + (reason.empty() ? " is installed" : " works" + reason));
}

using Serve = int(const char *, int);

Serve *openModule() {
  const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "dpuopt-vart.so";
  void *module = dlopen(path.c_str(), RTLD_NOW);
  void *serve = module ? dlsym(module, "dpuoptServe") : nullptr;
  if (!serve)
    refuse(std::string("this VART cannot be used: ") + dlerror());
  return reinterpret_cast<Serve *>(serve);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2)
    refuse("usage: dpuopt-vart-runner --devices | MODEL");
  if (argv[1] == std::string("--devices"))
    return findDevices();
  try {
    // What the libraries print is no answer.
    const int answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    openVart();
    return openModule()(argv[1], answers);
  } catch (const std::exception &e) {
    refuse(e.what());
  }
}

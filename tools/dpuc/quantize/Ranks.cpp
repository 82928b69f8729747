//===- Ranks.cpp - several processes of mpirun that share one job ------------------------===//
#include "Ranks.h"
#include "../../mpi/Module.h"
#include "dpuopt/Support/Process.h"
#include "llvm/Support/DynamicLibrary.h"
#include <cstdlib>
#include <fmt/format.h>

using namespace dpuopt;

/// How many processes the launcher says it has started: Open MPI, or one that speaks PMI.
static unsigned launched() {
  for (const char *name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    unsigned n = 0;
    if (const char *text = std::getenv(name); text && !llvm::StringRef(text).getAsInteger(10, n))
      return n;
  }
  return 1;
}

Status Ranks::join(DiagEngine &diags) {
  if (launched() <= 1)
    return success();
  const std::string module = findHelper("dpuopt-mpi.so");
  std::string problem = "dpuopt-mpi.so is not installed";
  auto library = module.empty() ? llvm::sys::DynamicLibrary()
                                : llvm::sys::DynamicLibrary::getPermanentLibrary(module.c_str(), &problem);
  auto *table =
      library.isValid() ? reinterpret_cast<const DpuoptMpi *(*)()>(library.getAddressOfSymbol("dpuoptMpi")) : nullptr;
  int rank = 0, size = 1;
  if (!table || table()->join(&rank, &size) != 0)
    return diags
        .error(fmt::format("started by mpirun with {} processes, but this dpuc has no MPI: {}", launched(), problem))
        .rule("quantize.mpi")
        .note("build it where libopenmpi-dev is installed, or use dpuc calibrate --shard and --merge");
  mpi = table();
  number = static_cast<unsigned>(rank), count = static_cast<unsigned>(size);
  return success();
}

Ranks::~Ranks() {
  if (mpi)
    mpi->leave();
}

int Ranks::fail(int status) const {
  if (mpi)
    mpi->abort(status);
  return status;
}

namespace {
struct Received {
  size_t slots;
  DiagEngine &diags;
  Statistics all;
  bool good = true;
};

void take(void *user, const char *bytes, size_t n) {
  auto &received = *static_cast<Received *>(user);
  auto part = parsePart({bytes, n}, received.slots, "another rank", received.diags);
  received.good = received.good && part && received.all.merge(part->second);
}
} // namespace

Result<Statistics> Ranks::gatherAll(const Graph &g, const Recipe &recipe, const StepContext &context) const {
  if (!mpi)
    return Statistics();
  auto q = beginQuantization(g, recipe, context.diags);
  auto mine = q ? gather(*q, recipe, context, rangeOfPart(context.samples.size(), number, count)) : failure();
  if (!mine)
    return failure();
  const std::string text = printPart({number, count, ""}, *mine);
  Received received{q->activations.size(), context.diags, {}};
  if (mpi->exchange(text.data(), text.size(), take, &received) != 0 || !received.good)
    return context.diags.error("the ranks of mpirun did not find parts of one calibration").rule("quantize.mpi");
  return std::move(received.all);
}

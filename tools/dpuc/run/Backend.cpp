//===- Backend.cpp - what a model is executed on ---------------------------------------===//
#include "Backend.h"
#include "DpuExecutor.h"
#include "VartExecutor.h"
#include <fmt/format.h>

using namespace dpuopt;

BackendFlags::BackendFlags(cl::SubCommand &sub, bool two)
    : names("backend",
            cl::desc(two ? "Run the one model A on two of these: --backend vart,sim" : "What runs the model (sim)"),
            cl::values(clEnumValN(Backend::Sim, "sim", "this machine, bit for bit as the DPU"),
                       clEnumValN(Backend::Vart, "vart", "the DPU of this board, through VART")),
            cl::CommaSeparated, cl::sub(sub), cl::cat(dpucCategory())),
      timeout("timeout", cl::desc("How long VART may take for one DPU subgraph (60)"), cl::value_desc("SECONDS"),
              cl::init(60), cl::sub(sub), cl::cat(dpucCategory())) {}

Result<std::vector<BackendOptions>> BackendFlags::options(size_t most, DiagEngine &diags) const {
  constexpr int MostSeconds = 24 * 3600;
  if (timeout < 1 || timeout > MostSeconds)
    return diags.error(fmt::format("--timeout must be from 1 to {}, is {}", MostSeconds, timeout.getValue()));
  std::vector<BackendOptions> list;
  for (Backend b : names)
    list.push_back({b, static_cast<unsigned>(timeout), nullptr});
  if (list.empty())
    list.emplace_back();
  if (list.size() > most)
    return diags.error(fmt::format("--backend takes {}, {} were given", most == 1 ? "one" : "two", list.size()));
  return list;
}

Result<std::unique_ptr<Executor>> dpuopt::createExecutor(const RunModel &model, const BackendOptions &backend,
                                                         const ExecOptions &options, DiagEngine &diags) {
  if (backend.backend == Backend::Vart)
    return createVartExecutor(model, backend.timeoutSeconds, options, diags);
  if (backend.backend == Backend::Board)
    return createDpuExecutor(model, backend.device, options, diags);
  return Executor::create(*model.graph, options, diags);
}

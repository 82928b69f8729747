//===- BoardDevice.h - the DPU of a board at the other end of ssh --------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BOARDDEVICE_H
#define DPUOPT_TOOLS_DPUC_BOARDDEVICE_H

#include "Board.h"
#include "BoardFolder.h"
#include "DpuExecutor.h"

namespace dpuopt {

/// Index of a DPU subgraph as this board's `xdputil -i` counts: before 2.0 only those of the DPU are counted.
int xdputilIndex(const FileSubgraphs &all, llvm::StringRef subgraph, const Board &board);

/// Will our own program run DPU subgraphs on this board? Else the vendor's does.
bool runsOurs(const Board &board, const BoardTools &tools);

/// Can this machine compute what lies around the DPU? Error [remote.cpu-op]: an operator it does not know.
Status checkAroundDpu(const RunModel &model, DiagEngine &diags);

/// Runs DPU subgraphs of `model`, whose file it copies to the board, by our dpuopt-vart-runner if that is installed
/// there, else by the vendor's `xdputil run`. All must outlive it.
class BoardDevice : public DpuDevice {
public:
  BoardDevice(const RunModel &model, const Board &board, const BoardTools &tools, BoardFolder &folder,
              DiagEngine &diags);
  /// Copies the model. Errors: no program there can run it.
  Status prepare();
  Result<std::vector<Tensor>> run(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                  llvm::ArrayRef<Tensor> integers, llvm::ArrayRef<const Value *> outputs) override;

private:
  Status sendInputs(llvm::ArrayRef<Tensor> integers);
  Result<std::vector<Tensor>> runOurs(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                      llvm::ArrayRef<const Value *> outputs);
  Result<std::vector<Tensor>> runVendors(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                         llvm::ArrayRef<const Value *> outputs);
  Result<RemoteResult> runXdputil(const FileSubgraph &s, llvm::ArrayRef<unsigned> order);
  Result<std::vector<Tensor>> fetch(llvm::StringRef listing, llvm::ArrayRef<const Value *> outputs);
  Result<Tensor> fetchOne(llvm::StringRef leaf, const Value &v);
  Status gaveUp(llvm::StringRef program, const RemoteResult &result);
  DiagBuilder error(std::string text);

  const RunModel &model;
  const Board &board;
  const BoardTools &tools;
  BoardFolder &folder;
  DiagEngine &diags;
  FileSubgraphs all;
};

} // namespace dpuopt
#endif

//===- BoardDevice.h - the DPU of a board at the other end of ssh --------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BOARDDEVICE_H
#define DPUOPT_TOOLS_DPUC_BOARDDEVICE_H

#include "Board.h"
#include "BoardFolder.h"
#include "DpuExecutor.h"

namespace dpuopt {

/// Index of a DPU subgraph as this board's `xdputil -i` counts: before 2.0 only those of the DPU are counted.
int xdputilIndex(const FileSubgraphs &all, llvm::StringRef subgraph, const Board &board);

/// Runs DPU subgraphs of `model`, whose file it copies to the board, by the vendor's `xdputil run`. All must outlive
/// it.
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
  Result<RemoteResult> runXdputil(const FileSubgraph &s, llvm::ArrayRef<unsigned> order);
  Result<std::vector<Tensor>> fetch(llvm::StringRef listing, llvm::ArrayRef<const Value *> outputs);
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

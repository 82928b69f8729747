//===- Board.h - what a board says of itself -----------------------------------------------===//
//
// From `xdputil query`, whose JSON has other keys in each release, or `show_dpu`; and from
// Linux. Only what is there is believed: everything else stays empty.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BOARD_H
#define DPUOPT_TOOLS_DPUC_BOARD_H

#include "Ssh.h"
#include "dpuopt/Target/Target.h"

namespace dpuopt {

struct BoardCore {
  std::string name, arch;   ///< "DPU Core 0", "DPUCZDX8G_ISA1_B4096"
  uint64_t fingerprint = 0; ///< 0: it does not say
  int64_t megahertz = 0;
};

struct Board {
  std::string address;                        ///< as the user says it
  std::string model, name, machine, os;       ///< "ZynqMP SMK-K26", host name, "aarch64", "PetaLinux 2022.2"
  std::string xdputil, showDpu, dpuc, runner; ///< paths of programs; empty: not there
  std::string runtime, ipVersion;             ///< of Vitis AI, "3.0.0", and of the DPU, "v4.1.0"
  std::vector<BoardCore> cores;

  /// Of all cores, each once, in their order.
  std::vector<uint64_t> fingerprints() const;
  std::optional<VitisAi> release() const; ///< of `runtime`
};

struct BoardTools {
  bool sudo = false;     ///< programs that use the DPU are run through sudo
  std::string dpuc;      ///< path of our program there; empty: the one on its PATH, or where `install` puts it
  bool vendors = false;  ///< the vendor's programs are used even if ours are there
  unsigned seconds = 60; ///< for one of them
};

/// The command of a program on the board, through sudo if that was asked for.
std::string onBoard(llvm::StringRef program, const BoardTools &tools);

/// What a new connection is asked first.
std::string boardScript(const BoardTools &tools);
/// Asks for the rest. Errors [remote.tools]: no program there says what DPU it has; [remote.query]: it fails, or says
/// nothing.
Result<Board> queryBoard(Ssh &ssh, const BoardTools &tools, DiagEngine &diags);
/// Reads what `xdputil query` or `show_dpu` prints; false: there is no DPU in it.
bool readBoardQuery(llvm::StringRef text, Board &board);

/// "2 cores of DPUCZDX8G_ISA1_B4096 at 300 MHz": those with this fingerprint, of which there must be one.
std::string coresOf(const Board &board, uint64_t fingerprint);
void printBoard(const Board &board, llvm::raw_ostream &os);
std::string boardJson(const Board &board);

/// Is the model at `path`, compiled for `wanted` (0: not known), one for the board's DPU? If not, says what differs and
/// what to do [remote.fingerprint].
bool checkFingerprint(const Board &board, uint64_t wanted, const std::string &path, DiagEngine &diags);

} // namespace dpuopt
#endif

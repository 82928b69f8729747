//===- ContractOf.h - the contract of a placed graph -----------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_CONTRACTOF_H
#define DPUOPT_TOOLS_DPUC_CONTRACTOF_H

#include "dpuopt/Deploy/Contract.h"
#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// Inputs, outputs, subgraphs and CPU ops of a graph that says where its ops are (compiled, or placed by us): attribute
/// `subgraphs`. The rest of the contract is the caller's.
Contract contractOf(const Graph &placed);

/// Size and hashes of a file.
Result<ContractFile> contractFile(llvm::StringRef path, DiagEngine &diags);

} // namespace dpuopt
#endif

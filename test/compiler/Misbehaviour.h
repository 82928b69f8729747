//===- Misbehaviour.h - what a compiler may do that it should not -------------------===//
//
// The words in $VAI_C_XIR_TEST say which of these are done.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TEST_COMPILER_MISBEHAVIOUR_H
#define DPUOPT_TEST_COMPILER_MISBEHAVIOUR_H

#include "dpuopt/Target/Partition.h"

namespace dpuopt {

/// Was this word given?
bool told(llvm::StringRef word);
/// What follows "word=", or empty.
std::string toldAbout(llvm::StringRef word);

/// `split` or `split=OP`: an op in the middle, or that op of the quantized graph, is kept off the DPU.
void spoilPlacement(PartitionOptions &options, const Partition &good);
/// `weight`, `fix-point`, `fingerprint`, `source`: one of these is another one.
void spoilGraph(Graph &compiled);
/// `hang`, `flood`, `partial-line`, `abort`, `fail`, `empty`, `nothing`: does not come back. `binary`, `orphan`,
/// `daemon`, `outside`, `extra`: comes back. `folder` is the one of -o.
void misbehave(const std::string &folder, const std::string &name);
/// `md5`, `meta`, `truncate`, `link`: the files are not what they should be.
void spoilFiles(const std::string &folder, const std::string &name);

} // namespace dpuopt
#endif

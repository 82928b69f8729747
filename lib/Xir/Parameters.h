//===- Parameters.h - the constants of a compiled file's DPU subgraphs -------------===//
//
// The compiler empties the `data` of a const-fix op and puts its numbers into a blob of
// the DPU subgraph that the op is in: attribute `reg_id_to_parameter_value`, entry
// REG_<reg_id>, at byte `ddr_addr` (both attributes of the tensor); row-major, one
// after the other. So does the compiler for a DPUCZDX8G: for other DPUs it arranges them
// in other ways, which are not known here.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_XIR_PARAMETERS_H
#define DPUOPT_LIB_XIR_PARAMETERS_H

#include "Reader.h"
#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/StringMap.h"

namespace dpuopt::xmodel {

class Parameters {
public:
  explicit Parameters(const RawSubgraph *root) {
    if (root)
      addTree(*root, nullptr);
  }
  /// From graph attribute `subgraphs`, whose form must have been checked.
  explicit Parameters(const Attr *subgraphs);

  /// The slice of the op's blob, nothing copied. If there is none `why` says so; empty:
  /// the tensor does not claim to be in a blob.
  std::optional<Blob> find(llvm::StringRef op, const Type &type, const AttrMap &tensorAttrs, std::string &why) const;

private:
  struct Source {
    Attr blobs;
    std::string otherDpu; ///< that is no DPUCZDX8G
  };
  static Source sourceOf(const AttrMap &attrs, const Attr &blobs);
  void addTree(const RawSubgraph &s, const Source *inherited);
  void addTree(const Attr &s, const Source *inherited);
  llvm::StringMap<Source> sources; ///< op -> the innermost subgraph that has parameters
};

/// Attribute of ours on a `const` op whose numbers are in such a blob.
constexpr const char *InParameters = "in_parameters";

} // namespace dpuopt::xmodel
#endif

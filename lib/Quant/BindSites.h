//===- BindSites.h - the values of a graph that a key can mean ------------------===//
//
// One list for onnx.* graphs (where fix points will be) and one for quantized xir.*
// graphs (where they are), each value with what names have to go by.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_BINDSITES_H
#define DPUOPT_QUANT_BINDSITES_H

#include "QuantKey.h"
#include "dpuopt/Quant/QuantGroups.h"

namespace dpuopt {

/// A node as the quantizer counts them: graph inputs, then operators in the order they are computed. A linear layer's
/// Add and an averaging pool's factor are no nodes of their own.
struct NodeSite {
  const Op *op = nullptr;         ///< null: a graph input
  Value *output = nullptr;        ///< what it computes
  Value *holder = nullptr;        ///< the value with the position of `output`; null: none
  OpKind kind = OpKind::Unknown;  ///< of the node itself
  std::optional<ModulePath> path; ///< module that computes it, where names tell
  std::optional<unsigned> number; ///< its index in the quantizer's graph: ONNX files it exports name modules module_2
  std::string xirText;            ///< name of an XIR op; empty in ONNX graphs
  std::string type;               ///< what the quantizer calls the operator ("nndct_relu")

  bool holds() const { return holder && holder == output; }
};

/// A constant with a position.
struct ParamSite {
  Value *value = nullptr;
  const Op *user = nullptr;
  enum Role { Weight, Bias, Operand } role = Operand;
  bool named = false; ///< its own name is one of a state_dict
  /// Dotted names it may have in a state_dict, split: its own, and one made from its user's module.
  std::vector<std::vector<std::string>> names;
};

struct BindSites {
  bool isXir = false;
  std::vector<NodeSite> nodes; ///< in the quantizer's order
  std::vector<ParamSite> params;
};

/// The quantizer's name for an onnx.* or xir.* operator; unknown ones keep theirs.
std::string quantizerType(const Op &op);

BindSites collectBindSites(const Graph &g, const QuantGroups &groups);

} // namespace dpuopt
#endif

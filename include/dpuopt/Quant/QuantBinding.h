//===- QuantBinding.h - which tensor each key of quant_info.json means ----------===//
//
// The vendor's files name nodes of the quantizer's own graph. The rules that find
// the tensors, in this order (docs/quant-info.md): the user's map; the tensor's name;
// a parameter's state_dict name; inputs by number; module scope, kind and order of
// use; order and kind alone, where only one order is possible. A guess is never made.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_QUANTBINDING_H
#define DPUOPT_QUANT_QUANTBINDING_H

#include "dpuopt/Quant/QuantGroups.h"
#include "dpuopt/Quant/QuantInfo.h"

namespace dpuopt {

/// Keys to tensor or node names, by the user; an empty name: ignore the key.
using QuantMap = llvm::StringMap<std::string>;

/// Reads `{"key": "tensor or node", "other key": null}`.
Result<QuantMap> readQuantMap(llvm::StringRef path, DiagEngine &diags);

/// One key (of one output, if its node has several).
struct QuantBinding {
  enum Section { Param, Output, Input } section;
  std::string key;
  const QuantEntry *entry;
  Value *value = nullptr; ///< null: bound to nothing
  std::string rule;       ///< why this value ("name", "state_dict", ...), or why the key is ignored
  std::string problem;    ///< why it is bound to none; empty if it is to be ignored
  std::vector<std::string> candidates;
  std::string nodeName; ///< 3.5's name for the node of `value` ("nndct_relu_2"); empty for parameters

  /// The graph's own position there (a quantized model has one), and whether it is the file's.
  std::optional<FixPos> inModel() const;
  bool differs() const;
};

struct QuantBindings {
  std::vector<QuantBinding> rows;  ///< in file order
  std::vector<Value *> withoutKey; ///< values that should have a position and got no key

  unsigned bound() const;
  unsigned unbound() const; ///< ignored keys not counted
  unsigned differing() const;
};

/// Finds the tensors. `g` is an onnx.* graph after clean-up with its `groups`, or a quantized xir.* graph (then
/// `groups` is not looked at and values are results of fix ops). An error of `map` is a diagnostic.
Result<QuantBindings> bindKeys(const Graph &g, const QuantGroups &groups, const QuantInfo &info, const QuantMap &map,
                               llvm::StringRef file, DiagEngine &diags);

/// A summary, then one line per key: position, key, tensor, rule; the positions of a quantized model beside it.
void printBindings(const QuantBindings &bindings, llvm::raw_ostream &os);
/// The same facts as JSON; keys in a fixed order, two spaces of indent.
std::string bindingsJson(const QuantBindings &bindings);

/// Which names the keys of a rewritten file have.
enum class QuantNames { Own, Tensors, Nodes };
/// The file with its bound keys renamed. Nodes: outputs as in 3.5 (`Net::nndct_relu_2`), parameters keep theirs.
/// Keys bound to nothing are left out (Own: kept).
QuantInfo renameKeys(const QuantInfo &info, const QuantBindings &bindings, QuantNames names);

} // namespace dpuopt
#endif

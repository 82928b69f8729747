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
  std::string rule;       ///< why this value ("name", "state_dict", ...)
  std::string problem;    ///< why none; empty for a key that the map ignores
  std::vector<std::string> candidates;
};

struct QuantBindings {
  std::vector<QuantBinding> rows;  ///< in file order
  std::vector<Value *> withoutKey; ///< values that should have a position and got no key

  unsigned bound() const;
};

/// Finds the tensors. `g` is an onnx.* graph after clean-up with its `groups`, or a quantized xir.* graph (then
/// `groups` is not looked at and values are results of fix ops). An error of `map` is a diagnostic.
Result<QuantBindings> bindKeys(const Graph &g, const QuantGroups &groups, const QuantInfo &info, const QuantMap &map,
                               llvm::StringRef file, DiagEngine &diags);

} // namespace dpuopt
#endif

//===- KeyBinder.h - the rules that find a key's tensor ---------------------------===//
//
// Each rule looks only at keys and values the rules before it left, binds what is
// certain, and leaves the rest. Private to lib/Quant; the result is QuantBinding.h.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_KEYBINDER_H
#define DPUOPT_QUANT_KEYBINDER_H

#include "BindSites.h"
#include "dpuopt/Quant/QuantBinding.h"
#include "llvm/ADT/DenseSet.h"

namespace dpuopt {

class KeyBinder {
public:
  KeyBinder(const Graph &g, const QuantGroups &groups, const QuantInfo &info);

  /// The user's word for each key; unknown keys and names are errors.
  Status applyMap(const QuantMap &map, llvm::StringRef file, DiagEngine &diags);
  void run();
  QuantBindings take();

private:
  /// How a node must stand to the module a key names.
  enum class Scope {
    Same,      ///< in that module
    Unknown,   ///< there, or no name tells where it is
    SameParent ///< beside it, whatever it is called itself (ONNX graphs)
  };

  void addRows(QuantBinding::Section section, const QuantTable &table);
  bool isOpen(size_t row) const { return !rows[row].value && rows[row].problem.empty() && !ignored.count(row); }
  void bind(size_t row, Value *v, const char *rule);
  void ignore(size_t row, const char *rule);
  void ignoreOtherGraphs();
  void refuse(size_t row, std::string problem) { rows[row].problem = std::move(problem); }

  // Rules.
  void byName();
  void choosePrefix();
  void byStateDict();
  void byParameterOrder();
  void byInput();
  void byScope(Scope scope);
  void byNodeCount();
  void byOrder();
  void byOperandOrder();

  bool fitsScope(const QuantKey &key, const NodeSite &node, Scope scope) const;
  std::vector<const NodeSite *> openNodes(const QuantKey &key, Scope scope) const;
  std::string parameterName(const QuantKey &key) const;
  std::string siteName(llvm::ArrayRef<std::string> parts) const;
  std::vector<std::string> nearest(size_t row) const;
  void explain(size_t row, bool inDetail);

  const Graph &g;
  const QuantGroups &groups;
  BindSites sites;
  std::vector<QuantBinding> rows;
  std::vector<QuantKey> keys; ///< rows, taken apart
  llvm::DenseSet<size_t> ignored;
  llvm::DenseSet<const Value *> taken;
  /// Leading components that only the keys (a wrapper module) or only the graph's names have.
  size_t keyPrefix = 0, sitePrefix = 0;
};

} // namespace dpuopt
#endif

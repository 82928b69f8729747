//===- QuantInfo.h - quant_info.json, read and written ------------------------===//
//
// The file in which the vendor's quantizers keep fix points, in all its layouts
// (1.2: params/blobs, 1.3-2.5: flat pairs, 3.0 and later: lists of pairs). We write
// the 3.0 layout with ONNX tensor names as keys. What a key means in a graph is
// FixPlan.h's business.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_QUANTINFO_H
#define DPUOPT_QUANT_QUANTINFO_H

#include "dpuopt/Quant/FixPoint.h"
#include "dpuopt/Support/Diagnostic.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

namespace dpuopt {

/// One position per output tensor of the keyed op; nullopt: not quantized, or never calibrated.
using QuantEntry = std::vector<std::optional<FixPos>>;

/// Entries by name that remember their order.
class QuantTable {
public:
  /// False (and no change) if `name` is there already.
  bool add(llvm::StringRef name, QuantEntry entry);
  const QuantEntry *find(llvm::StringRef name) const;
  size_t size() const { return list.size(); }
  bool empty() const { return list.empty(); }
  auto begin() const { return list.begin(); }
  auto end() const { return list.end(); }

private:
  std::vector<std::pair<std::string, QuantEntry>> list;
  llvm::StringMap<size_t> index;
};

struct QuantInfo {
  QuantTable params;    ///< weights and biases
  QuantTable outputs;   ///< model inputs and op results
  QuantTable inputs;    ///< input-side positions (mixed precision only); empty as we write it
  std::string version;  ///< of the program that wrote it; empty before 3.0
  std::string graphMd5; ///< 3.5
  bool fastFinetuned = false, biasCorrected = false;
};

/// Reads any layout. Errors: malformed JSON (with line and column), a repeated key, an
/// entry of the wrong form, a bit width outside 2-16, a fix point outside -64..64; each
/// names the key. `file` names the text in diagnostics.
Result<QuantInfo> parseQuantInfo(llvm::StringRef text, llvm::StringRef file, DiagEngine &diags);
Result<QuantInfo> readQuantInfo(llvm::StringRef path, DiagEngine &diags);

/// The 3.0 layout, in table order: the same tables give the same bytes.
void printQuantInfo(const QuantInfo &info, llvm::raw_ostream &os);
/// printQuantInfo to a file that appears whole or not at all.
Status writeQuantInfo(const QuantInfo &info, llvm::StringRef path, DiagEngine &diags);

/// "dpuopt-0.1.0": what we write as `version`.
std::string quantInfoVersion();

} // namespace dpuopt
#endif

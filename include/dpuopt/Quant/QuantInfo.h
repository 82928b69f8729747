//===- QuantInfo.h - quant_info.json, read and written ------------------------===//
//
// The file in which the vendor's quantizers keep fix points, in all its layouts
// (1.2: params/blobs, 1.3-2.5: flat pairs, 3.0 and later: lists of pairs), and written
// in those of 2.5, 3.0 and 3.5. What a key means in a graph is QuantBinding.h's business.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_QUANTINFO_H
#define DPUOPT_QUANT_QUANTINFO_H

#include "dpuopt/Quant/FixPoint.h"
#include "dpuopt/Support/Diagnostic.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

namespace dpuopt {

/// The place of one position. Empty: not quantized (null in the file), or never calibrated ([8, null]).
class QuantSlot {
public:
  QuantSlot(std::nullopt_t = std::nullopt) {}
  QuantSlot(FixPos pos) : pos(pos) {}
  static QuantSlot uncalibrated(int bits) {
    QuantSlot slot;
    slot.nullBits = bits;
    return slot;
  }

  const std::optional<FixPos> &position() const { return pos; }
  explicit operator bool() const { return pos.has_value(); }
  const FixPos &operator*() const { return *pos; }
  const FixPos *operator->() const { return &*pos; }
  int bitsOfNull() const { return nullBits; } ///< 0: null without a bit width
  friend bool operator==(const QuantSlot &, const QuantSlot &) = default;

private:
  std::optional<FixPos> pos;
  int nullBits = 0;
};

/// One place per output tensor of the keyed op.
using QuantEntry = std::vector<QuantSlot>;

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

/// The vendor's releases whose layouts we write, to the byte.
enum class QuantInfoForm {
  V2_5, ///< one pair per key, no version
  V3_0, ///< lists of pairs, version
  V3_5  ///< as 3.0, and graph_md5 if it is known
};

/// In table order: the same tables give the same bytes. V2_5 has room for one position per key (the first).
void printQuantInfo(const QuantInfo &info, llvm::raw_ostream &os, QuantInfoForm form = QuantInfoForm::V3_0);
/// printQuantInfo to a file that appears whole or not at all. A key with several positions is an error in V2_5.
Status writeQuantInfo(const QuantInfo &info, llvm::StringRef path, DiagEngine &diags,
                      QuantInfoForm form = QuantInfoForm::V3_0);

} // namespace dpuopt
#endif

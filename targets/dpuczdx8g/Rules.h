//===- Rules.h - the one rule table of the family (internal) ----------------===//
#ifndef DPUOPT_TARGETS_DPUCZDX8G_RULES_H
#define DPUOPT_TARGETS_DPUCZDX8G_RULES_H

#include "dpuopt/Target/Fusion.h"

namespace dpuopt::dpuczdx8g {

/// All rules, in the order of the documentation. Built once.
llvm::ArrayRef<Rule> ruleTable();

using Rules = std::vector<Rule>;
void addConvRules(Rules &out);      ///< conv2d.*, tconv.*
void addDepthwiseRules(Rules &out); ///< dwconv.*, tdwconv.*, depthwise.*
void addPoolRules(Rules &out);      ///< pool.*, mean.*
void addTensorRules(Rules &out);    ///< eltwise.*, concat.*, resize.*, pad.*, reshape.*, argmax.*
void addGeneralRules(Rules &out);   ///< fuse.*, activation.*, leaky-relu.*, matmul.*, op.*

/// The source of most rules.
constexpr const char *Documented = "documented limit (quantizer's mirror of the compiler's partition pass)";

using RuleTest = std::function<bool(const FusedOp &, const Limits &)>;
using RuleFound = std::function<std::string(const FusedOp &)>;
/// One entry of the table; `text` and `fix` go without a full stop. No `ops`: it looks at all.
Rule rule(const char *id, std::vector<const char *> ops, std::function<std::string(const Limits &)> text,
          RuleTest holds, RuleFound found, const char *fix, const char *source = Documented);
/// The same with a text that depends on no limit.
Rule rule(const char *id, std::vector<const char *> ops, const char *text, RuleTest holds, RuleFound found,
          const char *fix, const char *source = Documented);

/// Kernel, stride, pads and channels of an op that slides a window, whatever attributes it has.
struct Window {
  int64_t kw = 1, kh = 1, sw = 1, sh = 1, dw = 1, dh = 1;
  int64_t left = 0, right = 0, top = 0, bottom = 0;
  int64_t iw = -1, ih = -1, ic = -1, oc = -1; ///< -1: unknown
  int64_t group = 1;
  /// The window is the whole image: the stride says nothing then.
  bool covers() const { return kw == iw && kh == ih; }
};
Window windowOf(const FusedOp &op);
bool isAverage(const FusedOp &op); ///< a pool-fix that averages

inline int64_t ceilDiv(int64_t a, int64_t b) { return b > 0 ? (a + b - 1) / b : 0; }
/// Bytes of parallelism: channels one instruction handles at once.
inline int64_t channelParallel(const Limits &l) { return l.get("conv.input_channel_parallel"); }
/// Most channels the instruction fields can say: 256 groups.
inline int64_t maxChannels(const Limits &l) { return 256 * channelParallel(l); }
std::string pair(int64_t a, int64_t b); ///< "3x3"

} // namespace dpuopt::dpuczdx8g
#endif

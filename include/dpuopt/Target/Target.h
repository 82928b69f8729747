//===- Target.h - a target, its rules, and the verdict on an op ---------------===//
//
// A target is a table of rules over lowered (xir.*) ops plus the limits the rules
// read. One table, many readers: legality check, partitioner, --print-target,
// explain, docs, tests. Knows no particular target (see targets/).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_TARGET_H
#define DPUOPT_TARGET_TARGET_H

#include "dpuopt/IR/Graph.h"
#include <functional>
#include <map>
#include <optional>

namespace dpuopt {

struct FusedOp; // Fusion.h: an op as the vendor's compiler will see it

enum class Device : uint8_t { User, Dpu, Cpu };
const char *deviceName(Device d); ///< "USER", "DPU", "CPU"

/// Numbers and lists of numbers the rules compare with, by dotted name
/// ("conv.kernel" -> 1..16). Integers only.
class Limits {
public:
  void set(llvm::StringRef key, std::vector<int64_t> values) { values_[key.str()] = std::move(values); }
  bool has(llvm::StringRef key) const { return values_.count(key.str()) != 0; }
  int64_t get(llvm::StringRef key, int64_t dflt = 0) const;
  const std::vector<int64_t> &list(llvm::StringRef key) const;
  bool contains(llvm::StringRef key, int64_t v) const;
  /// "1-16" or "1, 2, 4".
  std::string text(llvm::StringRef key) const;
  const std::map<std::string, std::vector<int64_t>> &all() const { return values_; }

private:
  std::map<std::string, std::vector<int64_t>> values_;
};

/// A Vitis AI release as major * 10 + minor: 14, 20, 25, 30, 35.
using VitisAi = int;
constexpr VitisAi DefaultVitisAi = 35;
/// "2.5" -> 25; nullopt for anything that is not a release from 1.0 to 9.9.
std::optional<VitisAi> parseVitisAi(llvm::StringRef text);
std::string vitisAiStr(VitisAi version); ///< 25 -> "2.5"

/// One constraint. `text` and `found` are what error, docs and reports print.
struct Rule {
  const char *id;                                  ///< "conv2d.kernel"
  std::vector<const char *> ops;                   ///< fused kinds it applies to ("conv2d-fix"); empty: all
  std::function<std::string(const Limits &)> text; ///< what is required, as a clause with numbers
  std::function<bool(const FusedOp &, const Limits &)> holds;
  std::function<std::string(const FusedOp &)> found; ///< "kernel is 17x3"
  const char *fix;                                   ///< the remedy, one sentence
  const char *source;                                ///< "facts: partition R3a", "documented", ...
  VitisAi since = 0, until = 99;                     ///< releases whose compiler applies it
  bool follows = false;                              ///< a consequence of where a neighbour is: not a root cause
  /// A remedy that depends on the op (null: `fix`).
  std::function<std::string(const FusedOp &)> remedy = nullptr;
  bool aboutResult = false;    ///< broken because of what reads the result, unless nothing is named
  const char *title = nullptr; ///< what ops that break it are called, if not by their type ("SiLU")
};

struct BrokenRule {
  const Rule *rule;
  std::string required, found, remedy;
  std::string message() const; ///< "requires that <required>, <found>"
  /// The message with its rule, "... [id]": the form of op attribute `reason`.
  std::string str() const;
};

class Target {
public:
  virtual ~Target() = default;
  virtual llvm::StringRef name() const = 0; ///< "DPUCZDX8G_ISA1_B4096"
  virtual uint64_t fingerprint() const = 0;
  virtual const Limits &limits() const = 0;
  virtual llvm::ArrayRef<Rule> rules() const = 0;
  /// How the request was understood ("kv260 = DPUCZDX8G_ISA1_B4096 0x... (Vitis AI 3.0/3.5); also ...").
  virtual std::string described() const = 0;
  /// The compiler release whose behaviour is asked for.
  virtual VitisAi vitisAi() const { return DefaultVitisAi; }
  /// Can the engine that runs `kind` ("eltwise-fix") apply `activation` ("RELU6") on its result?
  virtual bool fusesActivation(llvm::StringRef kind, llvm::StringRef activation) const = 0;
  /// Every rule in force that `op` breaks, in table order.
  std::vector<BrokenRule> check(const FusedOp &op) const;
};

struct TargetRequest {
  std::string target;  ///< board alias, target name, fingerprint (0x...), or a path to arch.json
  std::string vitisAi; ///< "2.5", "3.0", "3.5", or empty
};

/// A family of targets: turns a request into a Target (null: not this family's).
using TargetFactory = std::function<Result<std::shared_ptr<const Target>>(const TargetRequest &, DiagEngine &)>;

} // namespace dpuopt
#endif

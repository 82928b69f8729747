//===- Dpuczdx8g.cpp - from a request to a Target ---------------------------===//
#include "dpuopt/Target/Dpuczdx8g.h"
#include "Fingerprint.h"
#include "Rules.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Process.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

namespace {
class Dpuczdx8g : public Target {
public:
  Dpuczdx8g(Config config, VitisAi version, std::string description)
      : config(std::move(config)), version(version), description(std::move(description)) {}
  llvm::StringRef name() const override { return config.name; }
  uint64_t fingerprint() const override { return config.fingerprint; }
  const Limits &limits() const override { return config.limits; }
  llvm::ArrayRef<Rule> rules() const override { return ruleTable(); }
  std::string described() const override { return description; }
  VitisAi vitisAi() const override { return version; }
  bool fusesActivation(llvm::StringRef kind, llvm::StringRef activation) const override;

private:
  Config config;
  VitisAi version;
  std::string description;
};

/// A board and the DPU its images carry in some releases.
struct Board {
  const char *alias;
  uint64_t fingerprint;
  VitisAi since, until;
  const char *others; ///< what else may be on the board
};

/// What a request turned out to mean.
struct Choice {
  uint64_t fingerprint = 0;
  std::string from;   ///< "kv260", "arch.json: fingerprint"
  std::string others; ///< the other readings
};

constexpr uint64_t B4096Now = 0x101000056010407, B4096Before = 0x101000016010407, B3136Kria = 0x101000016010406,
                   B1600 = 0x101000016010404;
constexpr const char *KriaApps = "DPUCZDX8G_ISA1_B3136 0x101000016010406 (Kria applications; alias kria-app)";
constexpr Board Boards[] = {
    {"kv260", B4096Now, 30, 99, KriaApps}, {"kv260", B4096Before, 0, 29, KriaApps}, {"zcu102", B4096Now, 30, 99, ""},
    {"zcu102", B4096Before, 0, 29, ""},    {"zcu104", B4096Now, 30, 99, ""},        {"zcu104", B4096Before, 0, 29, ""},
    {"kria-app", B3136Kria, 0, 99, ""},    {"ultra96", B1600, 0, 99, ""},
};
} // namespace

bool Dpuczdx8g::fusesActivation(llvm::StringRef kind, llvm::StringRef activation) const {
  const Limits &l = config.limits;
  const char *engine = "";
  if (kind == "conv2d-fix" || kind == "transposed-conv2d-fix")
    engine = "conv";
  else if (kind == "depthwise-conv2d-fix" || kind == "transposed-depthwise-conv2d-fix")
    engine = l.has("alu.dwconv") ? "alu" : "dwconv";
  else if (kind == "eltwise-fix")
    engine = "eltwise";
  if (activation == "PRELU") // the ALU has it as a type of its own, applied behind convolutions
    return *engine && kind != "eltwise-fix" && l.has("alu.prelu");
  std::string type = activation == "RELU" ? "relu" : activation == "RELU6" ? "relu_six" : "leaky_relu";
  return l.has(fmt::format("{}.nonlinear.{}", engine, type));
}

//===----------------------------------------------------------------------===//
// Requests

static const char *releasesOf(const KnownTarget &k) {
  return k.since >= 30 ? "Vitis AI 3.0/3.5" : k.until < 30 ? "Vitis AI 2.5" : "up to Vitis AI 2.0";
}

static std::string describe(uint64_t fingerprint, llvm::StringRef name) {
  for (const KnownTarget &k : knownTargets())
    if (k.fingerprint == fingerprint)
      return fmt::format("{} 0x{:x} ({})", k.name, fingerprint, releasesOf(k));
  return fmt::format("{} 0x{:x}", name, fingerprint);
}

static std::optional<Choice> fromBoard(llvm::StringRef text, VitisAi version) {
  Choice c;
  for (const Board &b : Boards) {
    if (!text.equals_insensitive(b.alias))
      continue;
    bool meant = version >= b.since && version <= b.until;
    if (meant) {
      c.fingerprint = b.fingerprint;
      c.from = b.alias;
    }
    if (std::string other = meant ? b.others : describe(b.fingerprint, ""); !other.empty())
      c.others =
          meant || c.others.empty() ? c.others + (c.others.empty() ? "" : ", ") + other : other + ", " + c.others;
  }
  return c.fingerprint ? std::optional<Choice>(c) : std::nullopt;
}

/// "0x1000020F6014406", "0X...", spaces around; 1 to 16 digits.
static std::optional<uint64_t> readFingerprint(llvm::StringRef text) {
  uint64_t value = 0;
  text = text.trim();
  if (!text.consume_front_insensitive("0x") || text.empty() || text.size() > 16 || text.getAsInteger(16, value))
    return std::nullopt;
  return value;
}

static std::optional<Choice> fromName(llvm::StringRef text, VitisAi version) {
  Choice c;
  for (const KnownTarget &k : knownTargets())
    if (text.equals_insensitive(k.name)) {
      if (version >= k.since && version <= k.until)
        c.fingerprint = k.fingerprint;
      else
        c.others = describe(k.fingerprint, k.name);
    }
  if (!c.fingerprint && text.startswith_insensitive("DPUCZDX8G_"))
    if (llvm::StringRef digits = text.rsplit('_').second;
        digits.size() == 16) // a synthesised name ends in its fingerprint
      c.fingerprint = readFingerprint("0x" + digits.str()).value_or(0);
  if (!c.fingerprint)
    return std::nullopt;
  c.from = text.str();
  return c;
}

static DiagBuilder unknownTarget(llvm::StringRef text, DiagEngine &diags) {
  llvm::StringRef family = text.take_until([](char c) { return c == '_'; });
  bool dpu = family.startswith_insensitive("DPUC") || family.startswith_insensitive("IPU");
  if (dpu && !family.equals_insensitive("DPUCZDX8G"))
    return std::move(
        diags
            .error(fmt::format(
                "target '{}' is of another family: only DPUCZDX8G (Zynq UltraScale+) is supported, found {}", text,
                family))
            .rule("target.family"));
  llvm::StringRef nearest;
  unsigned best = ~0u;
  std::string boards, all;
  auto consider = [&](llvm::StringRef name) {
    unsigned d =
        text.lower() == name.lower() ? 0 : llvm::StringRef(text.lower()).edit_distance(name.lower(), true, best);
    if (d < best)
      best = d, nearest = name;
  };
  for (const Board &b : Boards) {
    if (b.until < DefaultVitisAi)
      continue;
    consider(b.alias);
    boards += (boards.empty() ? "" : ", ") + std::string(b.alias);
  }
  for (const KnownTarget &k : knownTargets()) {
    consider(k.name);
    if (k.since == 0 && k.until < 30)
      continue;
    all += (all.empty() ? "" : ", ") + std::string(k.name);
  }
  DiagBuilder d = std::move(diags.error(fmt::format("unknown target '{}'", text)).rule("target.unknown"));
  if (best <= 2 + text.size() / 4)
    d.note(fmt::format("did you mean '{}'?", nearest));
  d.note("boards: " + boards)
      .note("names: " + all)
      .note("or a fingerprint (0x101000056010407), or the path of an arch.json");
  return d;
}

static Result<Choice> fromText(llvm::StringRef text, VitisAi version, DiagEngine &diags) {
  if (text.trim().startswith_insensitive("0x")) {
    std::optional<uint64_t> fp = readFingerprint(text);
    if (!fp)
      return diags.error(fmt::format("a fingerprint is 0x and 1 to 16 hexadecimal digits, found '{}'", text))
          .rule("target.fingerprint");
    Choice c;
    c.fingerprint = *fp;
    c.from = "fingerprint";
    return c;
  }
  if (std::optional<Choice> c = fromBoard(text.trim(), version))
    return *c;
  if (std::optional<Choice> c = fromName(text.trim(), version))
    return *c;
  return unknownTarget(text.trim(), diags);
}

static Result<Choice> fromArchJson(llvm::StringRef path, VitisAi version, DiagEngine &diags) {
  Result<std::string> text = readFile(path, diags);
  if (!text)
    return failure();
  const char *form = R"(an arch.json is {"fingerprint": "0x..."} or {"target": "NAME"})";
  auto json = nlohmann::json::parse(*text, nullptr, false);
  if (json.is_discarded() || !json.is_object())
    return diags.error(fmt::format("{}, found {}", form, json.is_discarded() ? "malformed JSON" : "something else"))
        .file(path.str());
  for (const char *key : {"fingerprint", "target"}) {
    auto it = json.find(key);
    if (it == json.end())
      continue;
    if (!it->is_string())
      return diags.error(fmt::format("{}, found a '{}' that is not a string", form, key)).file(path.str());
    std::string before = diags.file();
    diags.setFile(path.str());
    Result<Choice> c = fromText(it->get_ref<const std::string &>(), version, diags);
    diags.setFile(before);
    if (c)
      c->from = path.str();
    return c;
  }
  return diags.error(fmt::format("{}, found neither key", form)).file(path.str());
}

/// Limits of a fingerprint no release registers: the vendor's library knows best, if it is installed.
static void askLibrary(Config &config, DiagEngine &diags) {
  for (const KnownTarget &k : knownTargets())
    if (k.fingerprint == config.fingerprint)
      return;
  std::string helper = findHelper("dpuopt-target-dump");
  if (helper.empty())
    return;
  ProcessResult r = runProcess(helper, {fmt::format("0x{:x}", config.fingerprint)}, {20});
  if (r.exitCode != 0)
    return;
  DiagEngine quiet;
  Result<Config> theirs = parseTargetText(r.out, quiet);
  if (!theirs)
    return;
  if (config.limits.has("save.argmax")) // 2.5 does not know bit 30
    theirs->limits.set("save.argmax", {1});
  if (theirs->limits.all() != config.limits.all())
    diags.remark(fmt::format("limits of 0x{:x} are those of the installed target library", config.fingerprint));
  config.limits = theirs->limits;
}

Result<std::shared_ptr<const Target>> dpuopt::makeDpuczdx8gTarget(const TargetRequest &request, DiagEngine &diags) {
  VitisAi version = DefaultVitisAi;
  if (!request.vitisAi.empty()) {
    std::optional<VitisAi> v = parseVitisAi(request.vitisAi);
    if (!v)
      return diags.error(
          fmt::format("a Vitis AI release is a number such as 2.5, 3.0 or 3.5, found '{}'", request.vitisAi));
    version = *v;
  }
  llvm::StringRef text = request.target;
  bool isPath = text.endswith_insensitive(".json") || text.contains('/') || llvm::sys::fs::is_regular_file(text);
  Result<Choice> choice = isPath ? fromArchJson(text, version, diags) : fromText(text, version, diags);
  if (!choice)
    return failure();
  Result<Config> config = decodeFingerprint(choice->fingerprint, diags);
  if (!config)
    return failure();
  askLibrary(*config, diags);
  std::string description = describe(config->fingerprint, config->name);
  if (choice->from != config->name)
    description = choice->from + " = " + description;
  if (!choice->others.empty())
    description += "; also " + choice->others;
  return std::shared_ptr<const Target>(
      std::make_shared<Dpuczdx8g>(std::move(*config), version, std::move(description)));
}

std::optional<VitisAi> dpuopt::lastReleaseOf(uint64_t fingerprint) {
  DiagEngine quiet;
  auto config = decodeFingerprint(fingerprint, quiet);
  if (!config)
    return std::nullopt;
  return config->isa == 0 ? 14 : config->limits.has("save.argmax") ? DefaultVitisAi : 25;
}

//===- BoardQuery.cpp - what a board says of itself ------------------------------------===//
#include "BoardPackage.h"
#include "dpuopt/Support/CommandWords.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::json;

std::vector<uint64_t> Board::fingerprints() const {
  std::vector<uint64_t> list;
  for (const BoardCore &c : cores)
    if (c.fingerprint && !llvm::is_contained(list, c.fingerprint))
      list.push_back(c.fingerprint);
  return list;
}

std::optional<VitisAi> Board::release() const {
  auto [major, rest] = llvm::StringRef(runtime).split('.');
  return parseVitisAi((major + "." + rest.split('.').first).str());
}

//===----------------------------------------------------------------------===//
// Reading

/// Member whose name, in any case, begins with `key`; null: none.
static const Json *member(const Json &object, llvm::StringRef key) {
  if (object.is_object())
    for (const auto &[name, value] : object.items())
      if (llvm::StringRef(name).startswith_insensitive(key))
        return &value;
  return nullptr;
}

/// Printable, and of a sensible length: it is shown.
static std::string shown(llvm::StringRef text) {
  std::string out = text.trim().take_front(200).str();
  for (char &c : out)
    c = static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c;
  return out;
}

static std::string stringOf(const Json *value) {
  return value && value->is_string() ? shown(value->get_ref<const std::string &>()) : "";
}

static int64_t numberOf(const Json *value) {
  constexpr double Most = 1e9;
  const double n = value && value->is_number() ? value->get<double>() : 0;
  return n > 0 && n < Most ? static_cast<int64_t>(n) : 0;
}

static uint64_t fingerprintOf(llvm::StringRef text) {
  uint64_t value = 0;
  text = text.trim();
  if (!text.consume_front_insensitive("0x") || text.size() > 16 || text.getAsInteger(16, value))
    return 0;
  return value;
}

static uint64_t fingerprintOf(const Json *value) {
  if (value && value->is_number_unsigned())
    return value->get<uint64_t>();
  return fingerprintOf(stringOf(value));
}

/// "3.0.0" in "Xilinx vart-runner Version: 3.0.0-c5d2..." and in "target-factory.2.5.0 9e04...".
static std::string versionIn(llvm::StringRef text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (!llvm::isDigit(text[i]))
      continue;
    const llvm::StringRef number =
        text.drop_front(i).take_while([](char c) { return llvm::isDigit(c) || c == '.'; }).rtrim('.');
    const bool starts = i == 0 || text[i - 1] == ' ' || text[i - 1] == '.';
    if (starts && number.contains('.') && number.size() < 12)
      return number.str();
    i += number.size();
  }
  return "";
}

/// Programs print other lines before and after their JSON.
static Json findObject(llvm::StringRef text) {
  constexpr unsigned MostTries = 20;
  const size_t end = text.rfind('}');
  size_t at = text.find('{');
  for (unsigned i = 0; i < MostTries && at != llvm::StringRef::npos && end != llvm::StringRef::npos && at < end; ++i) {
    Json found = Json::parse(text.begin() + at, text.begin() + end + 1, nullptr, false);
    if (found.is_object())
      return found;
    at = text.find('{', at + 1);
  }
  return Json();
}

/// A softmax unit is listed as a kernel, too.
static std::optional<BoardCore> coreOf(const Json &kernel) {
  const std::string type = stringOf(member(kernel, "IP Type"));
  BoardCore c{stringOf(member(kernel, "name")), stringOf(member(kernel, "DPU Arch")),
              fingerprintOf(member(kernel, "fingerprint")), numberOf(member(kernel, "DPU Freq"))};
  const bool other = !type.empty() && !llvm::StringRef(type).startswith_insensitive("DPU");
  if (other || (!c.fingerprint && !llvm::StringRef(c.arch).startswith("DPU")))
    return std::nullopt;
  return c;
}

static void readXdputil(const Json &answer, Board &board) {
  if (const Json *spec = member(answer, "DPU IP Spec"))
    board.ipVersion = stringOf(member(*spec, "IP version"));
  if (const Json *versions = member(answer, "VAI Version"))
    for (const char *library : {"libvart-runner", "target_factory", "libvitis_ai_library"})
      if (board.runtime.empty())
        board.runtime = versionIn(stringOf(member(*versions, library)));
  const Json *kernels = member(answer, "kernels");
  if (kernels && kernels->is_array())
    for (const Json &k : *kernels)
      if (auto core = coreOf(k))
        board.cores.push_back(std::move(*core));
}

/// "device_core_id=0 device= 0 core = 0 fingerprint = 0x101000056010407 batch = 1 full_cu_name=unknown:dpu0"
static void readShowDpu(llvm::StringRef text, Board &board) {
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    const llvm::StringRef value = line.split("fingerprint").second.ltrim(" =");
    if (uint64_t f = fingerprintOf(value.take_until([](char c) { return c == ' '; })); f && line.contains("core"))
      board.cores.push_back({fmt::format("DPU Core {}", board.cores.size()), "", f, 0});
  }
}

bool dpuopt::readBoardQuery(llvm::StringRef text, Board &board) {
  if (Json answer = findObject(text); answer.is_object())
    readXdputil(answer, board);
  else
    readShowDpu(text, board);
  return !board.cores.empty();
}

//===----------------------------------------------------------------------===//
// Asking

/// Lines "dpuc:KEY=VALUE".
static void readFacts(llvm::StringRef text, Board &board) {
  const std::pair<llvm::StringRef, std::string *> keys[] = {
      {"machine", &board.machine}, {"name", &board.name},        {"model", &board.model}, {"os", &board.os},
      {"xdputil", &board.xdputil}, {"show_dpu", &board.showDpu}, {"dpuc", &board.dpuc},   {"runner", &board.runner}};
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    if (!line.consume_front("dpuc:"))
      continue;
    auto [key, value] = line.split('=');
    for (auto &[wanted, field] : keys)
      if (key == wanted)
        *field = shown(value);
  }
}

std::string dpuopt::boardScript(const BoardTools &tools) {
  return fmt::format(R"sh(p() {{ printf "dpuc:%s=%s\n" "$1" "$2"; }}
p machine "$(uname -m)"
p name "$(uname -n)"
p model "$(cat /proc/device-tree/model 2>/dev/null | tr -d "\000")"
p os "$(. /etc/os-release 2>/dev/null; echo "$PRETTY_NAME")"
for t in xdputil show_dpu; do p "$t" "$(command -v "$t")"; done
d={}
[ -n "$d" ] || d=$(command -v dpuc) || d={}/bin/dpuc
if [ -x "$d" ]; then
  p dpuc "$d"
  r=$(dirname "$(readlink -f "$d")")/../libexec/dpuopt/dpuopt-vart-runner
  [ ! -x "$r" ] || p runner "$(readlink -f "$r")"
fi)sh",
                     shellWord(tools.dpuc), InstalledAt);
}

std::string dpuopt::onBoard(llvm::StringRef program, const BoardTools &tools) {
  return (tools.sudo ? "sudo -n " : "") + shellWord(program);
}

Result<Board> dpuopt::queryBoard(Ssh &ssh, const BoardTools &tools, DiagEngine &diags) {
  Board board;
  board.address = ssh.board();
  readFacts(ssh.greeting(), board);
  if (board.xdputil.empty() && board.showDpu.empty())
    return diags
        .error(
            fmt::format("'{}' has neither xdputil nor show_dpu, which say what DPU it has: Vitis AI's runtime is not "
                        "installed there, or not on its PATH",
                        board.address))
        .rule("remote.tools");
  const bool full = !board.xdputil.empty();
  const std::string program = full ? "xdputil query" : "show_dpu";
  RemoteRun how{"'" + program + "'", tools.seconds};
  how.login = true;
  auto answer = ssh.run((tools.sudo ? "sudo -n " : "") + program, how, diags);
  if (!answer)
    return failure();
  if (answer->status == 0 && readBoardQuery(answer->out, board))
    return board;
  return diags
      .error(answer->status != 0
                 ? fmt::format("'{}' failed on '{}': {}", program, board.address, answer->lastWords())
                 : fmt::format("'{}' on '{}' says nothing of a DPU: {}", program, board.address, answer->lastWords()))
      .rule("remote.query")
      .note("a DPU must be loaded (Kria: xmutil listapps, xmutil loadapp NAME); other users than root may need --sudo");
}

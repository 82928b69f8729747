//===- BindingReport.cpp - bindings as a table, as JSON, as a file with other keys ------===//
#include "dpuopt/Quant/QuantBinding.h"
#include "llvm/ADT/MapVector.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dpuopt {
namespace {

const char *sectionName(QuantBinding::Section section) {
  return section == QuantBinding::Param ? "param" : section == QuantBinding::Output ? "output" : "input";
}

std::string positionText(const std::optional<FixPos> &pos) {
  return pos ? fmt::format("{}.{}", pos->bits, pos->fixPoint) : "null";
}

/// All positions of a key: "8.5" or "8.5 8.4".
std::string positionsText(const QuantEntry &entry) {
  std::string text;
  for (const QuantSlot &slot : entry)
    text += (text.empty() ? "" : " ") + positionText(slot.position());
  return text.empty() ? "null" : text;
}

/// "42 by state_dict, 31 by scope" in the order the rules first appear.
std::string rulesText(const QuantBindings &bindings) {
  llvm::MapVector<llvm::StringRef, unsigned> count;
  for (const QuantBinding &b : bindings.rows)
    if (b.value)
      ++count[b.rule];
  std::string text;
  for (const auto &[rule, n] : count)
    text += fmt::format("{}{} by {}", text.empty() ? "" : ", ", n, rule.str());
  return text;
}

unsigned inModelCount(const QuantBindings &bindings) {
  return llvm::count_if(bindings.rows, [](const QuantBinding &b) { return b.inModel().has_value(); });
}

void printRow(const QuantBinding &b, llvm::raw_ostream &os) {
  std::string found = positionsText(*b.entry);
  if (b.differs())
    found += fmt::format(" (model: {})", positionText(b.inModel()));
  std::string target = b.value             ? fmt::format("{}  [{}]", b.value->name(), b.rule)
                       : b.problem.empty() ? "ignored  [" + b.rule + "]"
                                           : "unbound: " + b.problem;
  os << fmt::format("  {:<6} {:<6} {}\n         -> {}\n", sectionName(b.section), found, b.key, target);
  if (!b.value && !b.candidates.empty()) {
    std::string near;
    for (const std::string &name : b.candidates)
      near += (near.empty() ? "" : ", ") + name;
    os << "            nearest without a key: " << near << "\n";
  }
}

} // namespace

std::optional<FixPos> QuantBinding::inModel() const {
  if (!value || !value->type().isFix())
    return std::nullopt;
  ElemType e = value->type().elemType();
  return FixPos{static_cast<int>(e.bits), e.fixPoint};
}

bool QuantBinding::differs() const {
  auto found = inModel();
  return found && (entry->empty() || !entry->front() || *entry->front() != *found);
}

unsigned QuantBindings::bound() const {
  return llvm::count_if(rows, [](const QuantBinding &b) { return b.value != nullptr; });
}

unsigned QuantBindings::unbound() const {
  return llvm::count_if(rows, [](const QuantBinding &b) { return !b.value && !b.problem.empty(); });
}

unsigned QuantBindings::differing() const {
  return llvm::count_if(rows, [](const QuantBinding &b) { return b.differs(); });
}

void printBindings(const QuantBindings &bindings, llvm::raw_ostream &os) {
  std::string rules = rulesText(bindings);
  os << fmt::format("keys     {} of {} bound{}\n", bindings.bound(), bindings.rows.size(),
                    rules.empty() ? "" : ": " + rules);
  os << fmt::format("tensors  {} without a key\n", bindings.withoutKey.size());
  if (unsigned n = inModelCount(bindings))
    os << fmt::format("model    {} positions of its own: {} as in the file, {} differ\n", n, n - bindings.differing(),
                      bindings.differing());
  os << "\n";
  for (const QuantBinding &b : bindings.rows)
    printRow(b, os);
  for (const Value *v : bindings.withoutKey)
    os << "  no key        " << v->name() << "\n";
}

std::string bindingsJson(const QuantBindings &bindings) {
  using Json = nlohmann::ordered_json;
  auto position = [](const std::optional<FixPos> &pos) {
    return pos ? Json::array({pos->bits, pos->fixPoint}) : Json(nullptr);
  };
  Json root;
  root["keys"] = bindings.rows.size();
  root["bound"] = bindings.bound();
  root["unbound"] = bindings.unbound();
  root["differing"] = bindings.differing();
  root["bindings"] = Json::array();
  for (const QuantBinding &b : bindings.rows) {
    Json row = {{"section", sectionName(b.section)}, {"key", b.key}, {"positions", Json::array()}};
    for (const QuantSlot &slot : *b.entry)
      row["positions"].push_back(position(slot.position()));
    row["tensor"] = b.value ? Json(b.value->name()) : Json(nullptr);
    if (!b.rule.empty())
      row["rule"] = b.rule;
    if (b.inModel())
      row["model"] = position(b.inModel());
    if (!b.problem.empty())
      row["problem"] = b.problem, row["candidates"] = b.candidates;
    root["bindings"].push_back(std::move(row));
  }
  root["without_key"] = Json::array();
  for (const Value *v : bindings.withoutKey)
    root["without_key"].push_back(v->name());
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

static std::string renamed(const QuantBinding &b, QuantNames names) {
  if (names == QuantNames::Tensors)
    return b.value->name();
  if (names == QuantNames::Nodes && !b.nodeName.empty()) {
    size_t colons = b.key.find("::");
    return (colons == std::string::npos ? "" : b.key.substr(0, colons + 2)) + b.nodeName;
  }
  return b.key;
}

QuantInfo renameKeys(const QuantInfo &info, const QuantBindings &bindings, QuantNames names) {
  if (names == QuantNames::Own)
    return info;
  QuantInfo out = info;
  out.params = out.outputs = out.inputs = {};
  for (const QuantBinding &b : bindings.rows)
    if (b.value)
      (b.section == QuantBinding::Param ? out.params : out.outputs).add(renamed(b, names), *b.entry);
  return out;
}

} // namespace dpuopt

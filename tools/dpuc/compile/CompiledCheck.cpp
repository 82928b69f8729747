//===- CompiledCheck.cpp - is the compiler's file what it was to make? ----------------===//
#include "CompiledCheck.h"
#include "ContractOf.h"
#include "OutputFolder.h"
#include "dpuopt/Quant/FixPoint.h"
#include "dpuopt/Report/Report.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Target/Partition.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::json;
namespace path = llvm::sys::path;

//===-- What the graphs say ----------------------------------------------------------===//

static CheckedItem checkPartition(const Graph &quantized, const Graph &compiled, const Target &target,
                                  std::optional<unsigned> expectDpu, Conformance &found) {
  found = compareWithCompiled(partitionGraph(quantized, partitionFor(target)), compiled, /*fromSource=*/true);
  const unsigned made = found.expected.dpu, predicted = found.got.dpu, wanted = expectDpu.value_or(predicted);
  CheckedItem item{"partition", made == wanted && made == predicted, ""};
  item.text = fmt::format("{} DPU subgraph{}, {} predicted", made, made == 1 ? "" : "s", predicted);
  if (wanted != predicted)
    item.text += fmt::format(", {} expected", wanted);
  for (const Disagreement &d : found.differences) {
    if (!d.known.empty())
      continue;
    item.details.push_back(fmt::format("{} '{}': compiled {}, predicted {}", d.kind, d.subject,
                                       d.expected.empty() ? "nothing" : d.expected, d.got.empty() ? "nothing" : d.got));
    item.good &= d.kind != "device";
  }
  return item;
}

static CheckedItem checkFingerprint(const Graph &compiled, const Target &target) {
  const CompiledFacts facts = compiledFacts(compiled);
  if (!facts.fingerprint)
    return {"fingerprint", false, "the file has no DPU subgraph that says one"};
  const bool same = facts.fingerprint == target.fingerprint();
  return {"fingerprint", same,
          fmt::format("{:#x} {}{}", facts.fingerprint, facts.dpuName,
                      same ? "" : fmt::format(", not {:#x}: it will not load there", target.fingerprint()))};
}

namespace {

/// Values with a fix point, by the name they have before the compiler appends to it.
llvm::StringMap<const Value *> fixedValues(const Graph &g) {
  llvm::StringMap<const Value *> byName;
  for (const Op &op : g.ops())
    for (const Value *v : op.results())
      if (v->type().isFix())
        byName.insert({v->name(), v});
  return byName;
}

/// The integers of a parameter: of the constant itself, or behind the `fix` that rounds it.
std::optional<Tensor> integersOf(const Value &v) {
  if (const Tensor *t = constantOf(&v))
    return *t;
  const Op *fix = v.def();
  const Tensor *floats = fix && fix->is("xir.fix") ? constantOf(fix->operand(0)) : nullptr;
  if (!floats)
    return std::nullopt;
  const ElemType e = v.type().elemType();
  return quantizeTensor(*floats, {static_cast<int>(e.bits), e.fixPoint}, Rounding::HalfAway);
}

/// The numbers of a tensor, in any order: a compiler may lay weights out anew.
std::vector<double> sortedNumbers(const Tensor &t) {
  std::vector<double> x;
  for (int64_t i = 0; i < t.numElements(); ++i)
    x.push_back(t.at(i));
  std::sort(x.begin(), x.end());
  return x;
}

bool sameNumbers(const Tensor &a, const Tensor &b) {
  return a.numElements() == b.numElements() && (a == b || sortedNumbers(a) == sortedNumbers(b));
}

/// What the compiler left of a graph's fix points and weights.
class ContentCheck {
public:
  ContentCheck(const Graph &quantized, const Graph &compiled) : quantized(quantized), made(fixedValues(compiled)) {}
  void run(CheckedItem &positions, CheckedItem &weights);

private:
  const Value *find(llvm::StringRef name) const;
  void compare(const Value &before, const Value &after, CheckedItem &positions, CheckedItem &weights);

  const Graph &quantized;
  llvm::StringMap<const Value *> made;
  unsigned positionsSeen = 0, weightsSeen = 0, absent = 0;
};

/// Under its own name, or those the compiler makes of it.
const Value *ContentCheck::find(llvm::StringRef name) const {
  for (const char *ending : {"", "_new", "_inserted_fix_0"})
    if (auto it = made.find((name + ending).str()); it != made.end())
      return it->second;
  return nullptr;
}

void ContentCheck::compare(const Value &before, const Value &after, CheckedItem &positions, CheckedItem &weights) {
  const int was = before.type().elemType().fixPoint, is = after.type().elemType().fixPoint;
  auto a = integersOf(before), b = integersOf(after);
  ++positionsSeen;
  auto other = [&](CheckedItem &item, std::string text) {
    item.details.push_back(std::move(text));
    item.values.push_back(before.name());
  };
  if (was != is)
    other(positions, fmt::format("'{}' has fix point {}, it was {}", before.name(), is, was));
  if (!a || !b)
    return;
  ++weightsSeen;
  if (was == is && !sameNumbers(*a, *b))
    other(weights, fmt::format("the {} numbers of '{}' are others", a->numElements(), before.name()));
}

void ContentCheck::run(CheckedItem &positions, CheckedItem &weights) {
  for (const Op &op : quantized.ops())
    for (const Value *v : op.results())
      if (v->type().isFix()) {
        const Value *after = find(v->name());
        after ? compare(*v, *after, positions, weights) : void(++absent);
      }
  positions.good = positions.details.empty() && positionsSeen > 0;
  weights.good = weights.details.empty();
  positions.text = fmt::format("{} of {} as they were", positionsSeen - positions.details.size(), positionsSeen);
  if (absent)
    positions.text += fmt::format("; {} tensors went into others", absent);
  weights.text = fmt::format("{} of {} parameters as they were", weightsSeen - weights.details.size(), weightsSeen);
}

} // namespace

//===-- What the files say -----------------------------------------------------------===//

static CheckedItem checkSource(const Graph &compiled, const std::string &md5) {
  const CompiledFacts facts = compiledFacts(compiled);
  if (facts.sourceMd5.empty())
    return {"source", true, "the file does not say what it was compiled from"};
  if (llvm::is_contained(facts.sourceMd5, md5))
    return {"source", true, "compiled from this very file (md5 " + md5 + ")"};
  return {"source", false, fmt::format("compiled from another file: md5 {}, this one has {}", facts.sourceMd5[0], md5)};
}

/// `text` is null if there is no such file.
static CheckedItem checkMeta(const std::string *text, const Graph &compiled, llvm::StringRef file) {
  CheckedItem item{"meta.json", true, "agrees"};
  if (!text)
    return {"meta.json", true, "not there"};
  Json j = Json::parse(*text, nullptr, false);
  if (!j.is_object())
    return {"meta.json", false, "is no JSON object"};
  auto expect = [&](const char *key, llvm::StringRef wanted) {
    if (j.contains(key) && (!j[key].is_string() || j[key].get<std::string>() != wanted))
      item.details.push_back(fmt::format("{} is {}, should be \"{}\"", key, j[key].dump(), wanted.str()));
  };
  expect("filename", path::filename(file));
  expect("target", compiledFacts(compiled).dpuName);
  std::vector<std::string> kernels, subgraphs;
  if (j.contains("kernel") && j["kernel"].is_array())
    for (const Json &kernel : j["kernel"])
      kernels.push_back(kernel.is_string() ? kernel.get<std::string>() : "");
  for (const ReportedSubgraph &s : collectReport(compiled).subgraphs)
    if (s.device == "DPU")
      subgraphs.push_back(s.name);
  llvm::sort(kernels), llvm::sort(subgraphs);
  if (kernels != subgraphs)
    item.details.push_back(fmt::format("its kernels are not the {} DPU subgraphs of the file", subgraphs.size()));
  item.good = item.details.empty();
  item.text = item.good ? fmt::format("agrees ({} kernel{})", kernels.size(), kernels.size() == 1 ? "" : "s")
                        : "does not agree with the file";
  return item;
}

static CheckedItem checkMd5sum(const std::string *text, const std::string &md5) {
  if (!text)
    return {"md5sum.txt", true, "not there"};
  const std::string said = llvm::StringRef(*text).trim().split(' ').first.str();
  if (said == md5)
    return {"md5sum.txt", true, "is that of the file"};
  return {"md5sum.txt", false, fmt::format("says {}, the file has {}", said.substr(0, 40), md5)};
}

Result<CompiledCheck> dpuopt::checkCompiled(const ModelFile &quantized, const ModelFile &compiled, const Target &target,
                                            std::optional<unsigned> expectDpu, DiagEngine &diags) {
  auto before = contractFile(quantized.path, diags), after = contractFile(compiled.path, diags);
  if (!before || !after)
    return failure();
  auto beside = [&](llvm::StringRef leaf) -> std::optional<std::string> {
    const std::string file = pathIn(path::parent_path(compiled.path), leaf);
    auto text = llvm::sys::fs::exists(file) ? readFile(file, diags) : failure();
    return text ? std::optional(std::move(*text)) : std::nullopt;
  };
  const auto meta = beside("meta.json"), md5sum = beside("md5sum.txt");
  CompiledCheck check;
  check.items.push_back(checkPartition(quantized.graph, compiled.graph, target, expectDpu, check.partition));
  check.items.push_back(checkFingerprint(compiled.graph, target));
  CheckedItem positions{"fix points"}, weights{"weights"};
  ContentCheck(quantized.graph, compiled.graph).run(positions, weights);
  check.items.push_back(std::move(positions));
  check.items.push_back(std::move(weights));
  check.items.push_back(checkSource(compiled.graph, before->md5));
  check.items.push_back(checkMeta(meta ? &*meta : nullptr, compiled.graph, compiled.path));
  check.items.push_back(checkMd5sum(md5sum ? &*md5sum : nullptr, after->md5));
  return check;
}

void dpuopt::printCompiledCheck(const CompiledCheck &check, size_t mostDetails, llvm::raw_ostream &os) {
  for (const CheckedItem &item : check.items) {
    os << fmt::format("  {:<4} {:<12} {}\n", item.good ? "ok" : "NOT", item.what, item.text);
    for (size_t i = 0; i < std::min(mostDetails, item.details.size()); ++i)
      os << "         " << item.details[i] << "\n";
    if (item.details.size() > mostDetails)
      os << fmt::format("         and {} more\n", item.details.size() - mostDetails);
  }
}

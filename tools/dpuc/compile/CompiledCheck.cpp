//===- CompiledCheck.cpp - is the compiler's file what it was to make? ----------------===//
#include "CompiledCheck.h"
#include "CompiledContent.h"
#include "CompiledResults.h"
#include "ContractOf.h"
#include "OutputFolder.h"
#include "dpuopt/Report/Report.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/FileSubgraphs.h"
#include "dpuopt/Target/Partition.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::json;
namespace path = llvm::sys::path;

//===-- What the graphs say ----------------------------------------------------------===//

/// The DPU as the compiler that made the file treats it: what it does depends on its release.
static std::shared_ptr<const Target> asInFile(const Target &target, const CompiledFacts &facts) {
  const auto release = parseVitisAi(facts.compiler);
  if (!release || *release == target.vitisAi())
    return nullptr;
  DiagEngine silent; // a release that has no such DPU
  auto made = makeDpuczdx8gTarget({fmt::format("{:#x}", target.fingerprint()), vitisAiStr(*release)}, silent);
  return made ? *made : nullptr;
}

static CheckedItem checkPartition(const Graph &quantized, const Graph &compiled, const Target &target,
                                  std::optional<unsigned> expectDpu, Conformance &found) {
  const auto other = asInFile(target, compiledFacts(compiled));
  found = compareWithCompiled(partitionGraph(quantized, partitionFor(other ? *other : target)), compiled,
                              /*fromSource=*/true);
  const unsigned made = found.expected.dpu, predicted = found.got.dpu, wanted = expectDpu.value_or(predicted);
  CheckedItem item{"partition", made == wanted && made == predicted, ""};
  item.text = fmt::format("{} DPU subgraph{}, {} predicted", made, made == 1 ? "" : "s", predicted);
  if (other)
    item.text += fmt::format(" for xcompiler {}", compiledFacts(compiled).compiler);
  if (wanted != predicted)
    item.text += fmt::format(", {} expected", wanted);
  unsigned names = 0;
  for (const Disagreement &d : found.differences) {
    if (!d.known.empty())
      continue;
    item.details.push_back(fmt::format("{} '{}': compiled {}, predicted {}", d.kind, d.subject,
                                       d.expected.empty() ? "nothing" : d.expected, d.got.empty() ? "nothing" : d.got));
    // Names are the compiler's to choose; what is where is not, and without an op the results are others.
    const bool name = d.kind == "op" || (d.kind == "subgraph" && (d.expected.empty() || d.got.empty()));
    names += name;
    item.good &= name;
  }
  if (names)
    item.text += fmt::format("; {} name{} or type{} of ops otherwise than predicted", names, names == 1 ? "" : "s",
                             names == 1 ? "" : "s");
  return item;
}

/// Of each DPU subgraph: VART looks at the one it is given.
static CheckedItem checkFingerprint(const Graph &compiled, const Target &target, bool targetOfFile) {
  CheckedItem item{"fingerprint", true, ""};
  const CompiledFacts facts = compiledFacts(compiled);
  if (!facts.fingerprint)
    return {"fingerprint", false, "the file has no DPU subgraph that says one"};
  const bool same = facts.fingerprint == target.fingerprint();
  item.good = same;
  item.text = fmt::format("{:#x} {}{}", facts.fingerprint, facts.dpuName,
                          targetOfFile ? ", as the file says (no --target to compare with)"
                          : same       ? ""
                                       : fmt::format(", not {:#x}: it will not load there", target.fingerprint()));
  FileSubgraphs all(compiled);
  for (const FileSubgraph *s : all.sorted()) {
    const Attr *own = s->attr("dpu_fingerprint");
    const uint64_t bits = own && own->isInt() ? static_cast<uint64_t>(own->asInt()) : 0;
    if (s->device == "DPU" && bits != facts.fingerprint)
      item.details.push_back(fmt::format("subgraph '{}' has {:#x}", s->name, bits));
  }
  item.good &= item.details.empty();
  return item;
}

/// Nobody but a DPU can run them: that there are some is all that is known.
static CheckedItem checkInstructions(const Graph &compiled) {
  CheckedItem item{"instructions", true, ""};
  FileSubgraphs all(compiled);
  size_t bytes = 0;
  for (const FileSubgraph *s : all.sorted()) {
    const Attr *code = s->attr("mc_code");
    const size_t own = code && code->is(AttrKind::Bytes) ? code->asBytes().size() : 0;
    if (s->device == "DPU" && !own)
      item.details.push_back(fmt::format("subgraph '{}' has none", s->name));
    bytes += own;
  }
  item.good = item.details.empty();
  item.looked = !item.good;
  item.text = fmt::format("{} bytes, not looked into: only a DPU can run them", bytes);
  return item;
}

//===-- What the files say -----------------------------------------------------------===//

static CheckedItem checkSource(const Graph &compiled, const std::string &md5) {
  const CompiledFacts facts = compiledFacts(compiled);
  if (facts.sourceMd5.empty())
    return CheckedItem::unchecked("source", "the file does not say what it was compiled from");
  if (llvm::is_contained(facts.sourceMd5, md5))
    return {"source", true, "compiled from this very file (md5 " + md5 + ")"};
  return {"source", false, fmt::format("compiled from another file: md5 {}, this one has {}", facts.sourceMd5[0], md5)};
}

/// An empty string, not a list, where there is none.
static std::vector<std::string> kernelsOf(const Json &meta) {
  std::vector<std::string> names;
  if (meta.contains("kernel") && meta["kernel"].is_array())
    for (const Json &kernel : meta["kernel"])
      names.push_back(kernel.is_string() ? kernel.get<std::string>() : kernel.dump());
  return names;
}

static std::vector<std::string> dpuSubgraphs(const Graph &compiled) {
  std::vector<std::string> names;
  FileSubgraphs all(compiled);
  for (const FileSubgraph *s : all.sorted())
    if (s->device == "DPU")
      names.push_back(s->name);
  return names;
}

/// `text` is null if there is no such file.
static CheckedItem checkMeta(const std::string *text, const Graph &compiled, llvm::StringRef file) {
  CheckedItem item{"meta.json", true, "agrees"};
  if (!text)
    return CheckedItem::unchecked("meta.json", "not there");
  Json j = Json::parse(*text, nullptr, false);
  if (!j.is_object())
    return {"meta.json", false, "is no JSON object"};
  auto expect = [&](const char *key, llvm::StringRef wanted) {
    if (j.contains(key) && (!j[key].is_string() || j[key].get<std::string>() != wanted))
      item.details.push_back(fmt::format("{} is {}, should be \"{}\"", key, j[key].dump(), wanted.str()));
  };
  if (!j.contains("filename") || !j["filename"].is_string() ||
      path::filename(j["filename"].get<std::string>()) != path::filename(file)) // old ones: "./net.xmodel"
    expect("filename", path::filename(file));
  expect("target", compiledFacts(compiled).dpuName);
  const std::vector<std::string> kernels = kernelsOf(j), subgraphs = dpuSubgraphs(compiled);
  for (const std::string &k : kernels)
    if (!llvm::is_contained(subgraphs, k))
      item.details.push_back(fmt::format("its kernel '{}' is no DPU subgraph of the file", k));
  for (const std::string &s : subgraphs)
    if (!llvm::is_contained(kernels, s))
      item.details.push_back(fmt::format("'{}' is not among its kernels", s));
  item.good = item.details.empty();
  item.text = item.good ? fmt::format("agrees ({} kernel{})", kernels.size(), kernels.size() == 1 ? "" : "s")
                        : "does not agree with the file";
  return item;
}

static CheckedItem checkMd5sum(const std::string *text, const std::string &md5) {
  if (!text)
    return CheckedItem::unchecked("md5sum.txt", "not there");
  const std::string said = llvm::StringRef(*text).trim().split(' ').first.str();
  if (said == md5)
    return {"md5sum.txt", true, "is that of the file"};
  return {"md5sum.txt", false, fmt::format("says {}, the file has {}", said.substr(0, 40), md5)};
}

Result<CompiledCheck> dpuopt::checkCompiled(const ModelFile &quantized, const ModelFile &compiled, const Target &target,
                                            const CheckRequest &request, DiagEngine &diags) {
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
  check.items.push_back(checkPartition(quantized.graph, compiled.graph, target, request.expectDpu, check.partition));
  check.items.push_back(checkFingerprint(compiled.graph, target, request.targetOfFile));
  CheckedItem positions{"fix points"}, weights{"weights"};
  checkContent(quantized.graph, compiled.graph, positions, weights);
  check.items.push_back(std::move(positions));
  check.items.push_back(std::move(weights));
  if (request.execute)
    check.items.push_back(checkResults(quantized.path, compiled.path));
  check.items.push_back(checkInstructions(compiled.graph));
  check.items.push_back(checkSource(compiled.graph, before->md5));
  check.items.push_back(checkMeta(meta ? &*meta : nullptr, compiled.graph, compiled.path));
  check.items.push_back(checkMd5sum(md5sum ? &*md5sum : nullptr, after->md5));
  return check;
}

void dpuopt::printCompiledCheck(const CompiledCheck &check, size_t mostDetails, llvm::raw_ostream &os) {
  for (const CheckedItem &item : check.items) {
    os << fmt::format("  {:<4} {:<12} {}\n", !item.good ? "NOT" : item.looked ? "ok" : "-", item.what, item.text);
    for (size_t i = 0; i < std::min(mostDetails, item.details.size()); ++i)
      os << "         " << item.details[i] << "\n";
    if (item.details.size() > mostDetails)
      os << fmt::format("         and {} more\n", item.details.size() - mostDetails);
  }
}

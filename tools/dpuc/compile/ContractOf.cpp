//===- ContractOf.cpp - the contract of a placed graph ---------------------------------===//
#include "ContractOf.h"
#include "dpuopt/Target/Conformance.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MD5.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include <map>

using namespace dpuopt;

namespace {

const Attr *member(const Attr &dict, llvm::StringRef key) {
  if (!dict.is(AttrKind::Dict))
    return nullptr;
  auto it = dict.asMap().find(std::string_view(key.data(), key.size()));
  return it == dict.asMap().end() ? nullptr : &it->second;
}

std::string nameOf(const Op &op) { return op.getString("op_name", op.numResults() ? op.result()->name() : ""); }

/// Ops that move and convert numbers, for which an application needs nobody.
bool isTransfer(const Op &op) {
  return op.isConst() || op.isOneOf("xir.data", "xir.data-fix", "xir.fix", "xir.fix2float", "xir.float2fix",
                                    "xir.stack", "xir.const-fix", "xir.upload", "xir.download");
}

class Collector {
public:
  explicit Collector(const Graph &g) : g(g) { readSubgraphs(); }

  Contract run() {
    contract.graph = g.name();
    for (const Op &op : g.ops())
      if (!isTransfer(op) && deviceOf(op) != "DPU" && !llvm::is_contained(contract.cpuOps, typeOf(op)))
        contract.cpuOps.push_back(typeOf(op));
    contract.interface = contract.dpuSubgraphs.size() == 1 ? "dpu" : "graph";
    if (contract.interface == "dpu")
      collectDpu();
    else
      collectGraph();
    return std::move(contract);
  }

private:
  static std::string typeOf(const Op &op) { return (op.isXir() ? op.name().drop_front(4) : op.name()).str(); }

  void readSubgraphs() {
    const Attr *list = g.attr("subgraphs");
    if (!list || !list->is(AttrKind::List))
      return;
    for (const Attr &s : list->asList()) {
      const Attr *attrs = member(s, "attrs"), *ops = member(s, "ops"), *name = member(s, "name");
      const Attr *device = attrs ? member(*attrs, "device") : nullptr;
      if (!device || !device->is(AttrKind::String) || !ops || !ops->isStringList())
        continue;
      if (device->asString() == "DPU")
        contract.dpuSubgraphs.push_back(name && name->is(AttrKind::String) ? name->asString() : "");
      for (const std::string &op : ops->asStrings())
        devices[op] = device->asString();
    }
  }

  std::string deviceOf(const Op &op) const {
    auto it = devices.find(nameOf(op));
    return it == devices.end() ? op.getString("device") : it->second;
  }
  bool onDpu(const Op *op) const { return op && deviceOf(*op) == "DPU"; }

  /// Values that cross the edge of the one DPU subgraph.
  void collectDpu() {
    llvm::SetVector<const Value *> in, out;
    for (const Value *v : g.outputs())
      if (const Value *behind = beforeConversion(v); onDpu(behind->def()))
        out.insert(behind); // those of the model come first, in its order
    for (const Op &op : g.ops()) {
      if (op.isConst())
        continue;
      for (const Value *v : op.operands()) {
        if (!v || (v->def() && v->def()->isConst()))
          continue;
        if (onDpu(&op) && !onDpu(v->def()))
          in.insert(v);
        if (!onDpu(&op) && onDpu(v->def()))
          out.insert(v);
      }
    }
    for (const Value *v : in)
      contract.inputs.push_back({tensorOf(*v), std::nullopt});
    for (const Value *v : out)
      contract.outputs.push_back({tensorOf(*v), roleOf(*v), std::nullopt});
  }

  static const Value *beforeConversion(const Value *v) {
    return v->def() && v->def()->is("xir.fix2float") && v->def()->operand(0) ? v->def()->operand(0) : v;
  }

  void collectGraph() {
    for (const Op &op : g.ops())
      if (op.isOneOf("xir.data", "xir.data-fix"))
        contract.inputs.push_back({tensorOf(*behindFix(op.result())), std::nullopt});
    for (const Value *v : g.outputs())
      contract.outputs.push_back({tensorOf(*v), roleOf(*v), std::nullopt});
  }

  /// What softmax over a vector gives, is one number per class.
  static std::string roleOf(const Value &v) {
    const Op *op = v.def();
    while (op &&
           op->isOneOf("xir.fix", "xir.fix2float", "xir.float2fix", "xir.reshape", "xir.squeeze", "xir.flatten") &&
           op->operand(0))
      op = op->operand(0)->def();
    const std::vector<int64_t> shape(v.type().shape().begin(), v.type().shape().end());
    const int64_t images = shape.empty() ? 1 : shape[0], all = v.type().numElements();
    const bool vector = shape.size() >= 2 && shape.back() > 1 && all == images * shape.back();
    return vector && op && op->isOneOf("xir.softmax", "xir.softmax-fix") ? "probabilities" : "";
  }

  /// What the input is rounded to, if that is all that happens to it.
  static const Value *behindFix(const Value *v) {
    const Op *user = v->soleUser();
    return user && user->is("xir.fix") ? user->result() : v;
  }

  /// Stored integers that are only moved keep their fix point.
  static Type storedType(const Value *v) {
    while (!v->type().isFix() && v->def() && v->def()->isOneOf("xir.reshape", "xir.flatten", "xir.squeeze") &&
           v->def()->operand(0))
      v = v->def()->operand(0);
    return v->type();
  }

  ContractTensor tensorOf(const Value &v) const {
    ContractTensor t;
    t.tensor = v.name();
    const Op *op = v.def();
    const Value *named = op && op->is("xir.fix") && op->operand(0) ? op->operand(0) : &v;
    t.name = named->name();
    if (op && op->is("xir.data-fix"))
      t.name = nameOf(*op);
    else if (named == &v)
      t.name = llvm::StringRef(t.name).endswith("_fix") ? t.name.substr(0, t.name.size() - 4) : t.name;
    t.shape.assign(v.type().shape().begin(), v.type().shape().end());
    if (Type type = storedType(&v); type.isFix()) {
      ElemType e = type.elemType();
      t.bits = e.bits, t.isSigned = e.isSigned, t.fixPoint = e.fixPoint;
    }
    return t;
  }

  const Graph &g;
  Contract contract;
  std::map<std::string, std::string> devices;
};

} // namespace

Contract dpuopt::contractOf(const Graph &placed) {
  Contract contract = Collector(placed).run();
  CompiledFacts facts = compiledFacts(placed);
  contract.compiled = isCompiledGraph(placed) && facts.fingerprint != 0;
  contract.dpu = facts.dpuName;
  contract.fingerprint = facts.fingerprint;
  return contract;
}

Result<ContractFile> dpuopt::contractFile(llvm::StringRef path, DiagEngine &diags) {
  auto blob = Blob::mapFile(path, diags);
  if (!blob)
    return failure();
  llvm::MD5 md5;
  llvm::SHA256 sha256;
  md5.update(blob->bytes());
  sha256.update(blob->bytes());
  llvm::MD5::MD5Result digest;
  md5.final(digest);
  llvm::StringRef sha = sha256.final();
  return ContractFile{llvm::sys::path::filename(path).str(), blob->size(), digest.digest().str().str(),
                      llvm::toHex(sha, /*LowerCase=*/true)};
}

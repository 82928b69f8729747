//===- Parameters.cpp - the constants of a compiled file's DPU subgraphs -----------===//
#include "Parameters.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::xmodel;

static constexpr const char *BlobsAttr = "reg_id_to_parameter_value";

static const Attr *entry(const AttrMap &attrs, llvm::StringRef name) {
  auto it = attrs.find(name);
  return it == attrs.end() ? nullptr : &it->second;
}

/// The fingerprint has the family in its first byte; a name may be wrong (there are
/// DPUCZDX8G called DPUCVDX8G).
Parameters::Source Parameters::sourceOf(const AttrMap &attrs, const Attr &blobs) {
  const Attr *fingerprint = entry(attrs, "dpu_fingerprint"), *name = entry(attrs, "dpu_name");
  std::string dpu = name && name->is(AttrKind::String) ? name->asString() : "unknown DPU";
  bool known = fingerprint && fingerprint->isInt() ? static_cast<uint64_t>(fingerprint->asInt()) >> 56 == 1
                                                   : llvm::StringRef(dpu).startswith("DPUCZDX8G");
  return {blobs, known ? "" : dpu};
}

void Parameters::addTree(const RawSubgraph &s, const Source *inherited) {
  std::optional<Source> own;
  if (const Attr *blobs = entry(s.attrs, BlobsAttr))
    inherited = &own.emplace(sourceOf(s.attrs, *blobs));
  if (inherited)
    for (llvm::StringRef op : s.ops)
      sources[op] = *inherited;
  for (const RawSubgraph &child : s.children)
    addTree(child, inherited);
}

void Parameters::addTree(const Attr &s, const Source *inherited) {
  const Attr *attrs = entry(s.asMap(), "attrs"), *children = entry(s.asMap(), "children");
  std::optional<Source> own;
  if (const Attr *blobs = attrs ? entry(attrs->asMap(), BlobsAttr) : nullptr)
    inherited = &own.emplace(sourceOf(attrs->asMap(), *blobs));
  bool isLeaf = !children || children->asList().empty();
  if (isLeaf && inherited)
    for (const Attr &op : entry(s.asMap(), "ops")->asList())
      sources[op.asString()] = *inherited;
  if (!isLeaf)
    for (const Attr &child : children->asList())
      addTree(child, inherited);
}

Parameters::Parameters(const Attr *subgraphs) {
  if (subgraphs)
    for (const Attr &s : subgraphs->asList())
      addTree(s, nullptr);
}

/// Are the elements next to each other? (`stride`: of each dimension, in elements)
static bool isContiguous(const Attr &stride, const Type &type) {
  if (!stride.isIntList() || stride.asList().size() != type.rank())
    return false;
  int64_t step = 1;
  for (size_t i = type.rank(); i-- > 0;) {
    if (type.dim(i) != 1 && stride.asList()[i].asInt() != step)
      return false;
    step *= type.dim(i);
  }
  return true;
}

std::optional<Blob> Parameters::find(llvm::StringRef op, const Type &type, const AttrMap &tensorAttrs,
                                     std::string &why) const {
  const Attr *reg = entry(tensorAttrs, "reg_id"), *address = entry(tensorAttrs, "ddr_addr");
  if (!reg || !address)
    return std::nullopt;
  auto because = [&](std::string reason) -> std::nullopt_t {
    why = std::move(reason);
    return std::nullopt;
  };
  if (!reg->isInt() || !address->isInt())
    return because("its reg_id and ddr_addr are no integers");
  auto found = sources.find(op);
  if (found == sources.end())
    return because("its subgraph has no parameters");
  if (const std::string &dpu = found->second.otherDpu; !dpu.empty())
    return because(fmt::format("how the parameters of '{}' are arranged is not known", dpu));
  const Attr &all = found->second.blobs;
  if (!all.is(AttrKind::Map) || all.elementKind() != AttrKind::Bytes)
    return because(fmt::format("{} is no map of bytes", BlobsAttr));
  std::string name = fmt::format("REG_{}", reg->asInt());
  const Attr *blob = entry(all.asMap(), name);
  if (!blob)
    return because(fmt::format("its subgraph has no parameters for {}", name));
  if (const Attr *stride = entry(tensorAttrs, "stride"); stride && !isContiguous(*stride, type))
    return because("its numbers are not next to each other");
  int64_t at = address->asInt(), size = type.numBytes(), have = static_cast<int64_t>(blob->asBytes().size());
  if (at < 0 || size < 0 || at > have || size > have - at)
    return because(fmt::format("it needs {} bytes at {}, the parameters have {}", size, at, have));
  return blob->asBytes().slice(static_cast<size_t>(at), static_cast<size_t>(size));
}

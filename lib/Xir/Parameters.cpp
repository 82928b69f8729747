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

void Parameters::addTree(const RawSubgraph &s, const Attr *inherited) {
  if (const Attr *own = entry(s.attrs, BlobsAttr))
    inherited = own;
  if (inherited)
    for (llvm::StringRef op : s.ops)
      blobs[op] = *inherited;
  for (const RawSubgraph &child : s.children)
    addTree(child, inherited);
}

void Parameters::addTree(const Attr &s, const Attr *inherited) {
  const Attr *attrs = entry(s.asMap(), "attrs"), *children = entry(s.asMap(), "children");
  if (const Attr *own = attrs ? entry(attrs->asMap(), BlobsAttr) : nullptr)
    inherited = own;
  bool isLeaf = !children || children->asList().empty();
  if (isLeaf && inherited)
    for (const Attr &op : entry(s.asMap(), "ops")->asList())
      blobs[op.asString()] = *inherited;
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
  auto found = blobs.find(op);
  if (found == blobs.end())
    return because("its subgraph has no parameters");
  const Attr &all = found->second;
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

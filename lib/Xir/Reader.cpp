//===- Reader.cpp - an .xmodel's messages, decoded but not yet believed -----------===//
#include "Reader.h"
#include "AttrCodec.h"
#include "Schema.h"
#include "dpuopt/Support/Wire.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::xmodel;

static constexpr unsigned MaxSubgraphDepth = 64;
static constexpr size_t MaxRank = 32;

//===-- What else it may be ------------------------------------------------------===//

/// What a file that is no xmodel seems to be; empty if we cannot tell.
static std::string guessKind(llvm::StringRef bytes) {
  static const std::pair<llvm::StringRef, const char *> magic[] = {{"\x89PNG", "this is a PNG image"},
                                                                   {"\xff\xd8\xff", "this is a JPEG image"},
                                                                   {"PK\x03\x04", "this is a zip archive"},
                                                                   {"\x7f"
                                                                    "ELF",
                                                                    "this is an ELF file"},
                                                                   {"\x1f\x8b", "this is a gzip archive"},
                                                                   {"\x93NUMPY", "this is a NumPy array"}};
  for (auto &[start, what] : magic)
    if (bytes.startswith(start))
      return what;
  // Field 1 of an ONNX model is a number (its IR version), of an xmodel a name.
  if (bytes.startswith("\x08"))
    return "this looks like an ONNX model";
  if (bytes.startswith("version https://git-lfs"))
    return "this is a Git LFS pointer, the file itself was not downloaded (git lfs pull)";
  auto isText = [](char c) { return llvm::isPrint(c) || llvm::isSpace(c); };
  if (llvm::all_of(bytes.take_front(256), isText))
    return "this is text";
  return "";
}

namespace {

class Reader {
public:
  Reader(const Blob &file, llvm::StringRef path, DiagEngine &diags) : file(file), path(path), diags(diags) {}

  std::optional<RawGraph> run() {
    if (file.empty())
      return error("not an xmodel: the file is empty");
    if (!readGraph())
      return std::nullopt;
    if (graph.ops.empty())
      return error("the xmodel is an empty graph: it has no ops (the vendor's compiler writes that for a file it "
                   "cannot read, as when it is "
                   "given an ONNX model instead of the quantizer's xmodel)");
    if (!graph.root)
      return error(
          fmt::format("the xmodel is truncated: it ends after {} ops, without the subgraph tree", graph.ops.size()));
    if (unknownFields)
      diags
          .warning(
              fmt::format("the xmodel has {} fields that our schema does not know; they are left out", unknownFields))
          .file(path.str());
    return std::move(graph);
  }

private:
  std::nullopt_t error(std::string message, llvm::StringRef node = "") {
    diags.error(Location{node.str(), 0}, std::move(message)).file(path.str());
    return std::nullopt;
  }
  bool fail(std::string message, llvm::StringRef node = "") {
    error(std::move(message), node);
    return false;
  }

  /// A name or type: text that protobuf accepts.
  static bool text(WireReader &r, llvm::StringRef &out) { return isUtf8(out = r.bytes()); }

  //===-- Graph --------------------------------------------------------------------===//
  bool readGraph() {
    WireReader r(file.bytes());
    while (r.next())
      if (!readGraphField(r))
        return false;
    if (r.ok() && !(graph.ops.empty() && unknownFields))
      return true;
    if (!graph.ops.empty())
      return fail(fmt::format("the xmodel is truncated or damaged after {} ops", graph.ops.size()));
    return notAnXmodel();
  }

  /// False after an error; a field that cannot be an xmodel's only counts.
  bool readGraphField(WireReader &r) {
    bool isBytes = r.type() == WireReader::Bytes;
    switch (r.field()) {
    case GraphField::Name:
      return isBytes && text(r, graph.name) ? true : notAnXmodel();
    case GraphField::Op:
      return isBytes ? readOp(r.bytes()) : notAnXmodel();
    case GraphField::Root:
      return isBytes ? readRoot(r.bytes()) : notAnXmodel();
    case GraphField::Attr:
      return (isBytes && decodeAttrEntry(r.bytes(), file, graph.attrs)) ||
             fail("the xmodel is damaged: a graph attribute cannot be decoded");
    case GraphField::OpDef:
      return isBytes ? readOpDef(r.bytes()) : notAnXmodel();
    default:
      ++unknownFields;
      return true;
    }
  }

  bool notAnXmodel() {
    std::string kind = guessKind(file.str());
    return fail(kind.empty() ? "not an xmodel, or a truncated one" : "not an xmodel: " + kind);
  }

  bool readOpDef(llvm::StringRef message) {
    WireReader r(message);
    llvm::StringRef type;
    while (r.next())
      if (r.field() == 1)
        type = r.bytes();
    if (!r.ok())
      return fail("the xmodel is damaged: an operator definition cannot be decoded");
    graph.opDefs.push_back({type, sliceOf(file, message)});
    return true;
  }

  bool readRoot(llvm::StringRef message) {
    return readSubgraph(message, graph.root.emplace(), 0) ||
           fail(tooDeep ? fmt::format("the xmodel's subgraphs are nested deeper than {} levels", MaxSubgraphDepth)
                        : "the xmodel is damaged: the subgraphs cannot be decoded");
  }

  bool readSubgraph(llvm::StringRef message, RawSubgraph &out, unsigned depth) {
    if (depth > MaxSubgraphDepth)
      return tooDeep = true, false;
    bool good = true;
    WireReader r(message);
    while (good && r.next()) {
      switch (r.field()) {
      case SubgraphField::Name:
        good = text(r, out.name);
        break;
      case SubgraphField::Op:
        good = text(r, out.ops.emplace_back());
        break;
      case SubgraphField::Attr:
        good = decodeAttrEntry(r.bytes(), file, out.attrs);
        break;
      case SubgraphField::Child:
        good = readSubgraph(r.bytes(), out.children.emplace_back(), depth + 1);
        break;
      default:
        ++unknownFields;
      }
    }
    return good && r.ok();
  }

  //===-- Ops ------------------------------------------------------------------------===//
  bool readOp(llvm::StringRef message) {
    if (isVersion1(message))
      return fail("the xmodel is in the older v1 schema, which is not read: convert it with the tools that wrote it");
    RawOp &op = graph.ops.emplace_back();
    WireReader r(message);
    const char *bad = nullptr;
    while (!bad && r.next())
      bad = readOpField(r, op);
    if (!bad && !r.ok())
      bad = "it is cut off";
    if (!bad && (op.name.empty() || op.type.empty()))
      bad = op.name.empty() ? "it has no name" : "it has no type";
    if (bad) {
      std::string kind = graph.ops.size() == 1 ? guessKind(file.str()) : "";
      return fail(kind.empty() ? fmt::format("the xmodel is damaged: op number {}: {}", graph.ops.size(), bad)
                               : "not an xmodel: " + kind,
                  isUtf8(op.name) ? op.name : "");
    }
    return true;
  }

  /// What is wrong with the field, or null.
  const char *readOpField(WireReader &r, RawOp &op) {
    switch (r.field()) {
    case OpField::Name:
      return text(r, op.name) ? nullptr : "its name is not UTF-8";
    case OpField::Type:
      return text(r, op.type) ? nullptr : "its type is not UTF-8";
    case OpField::Attr:
      return decodeAttrEntry(r.bytes(), file, op.attrs) ? nullptr : "an attribute cannot be decoded";
    case OpField::Arg:
      return readArg(r.bytes(), op.args.emplace_back()) ? nullptr : "an argument cannot be decoded";
    case OpField::Tensor:
      return readTensor(r.bytes(), op.tensor) ? nullptr : "its output tensor cannot be decoded";
    default:
      ++unknownFields;
      return nullptr;
    }
  }

  /// v1 keeps attribute values beside the name (fields 4 and up, or a bool at 2), and a
  /// second kind of attributes at field 8 of an op.
  static bool isVersion1(llvm::StringRef op) {
    for (WireReader r(op); r.next();) {
      if (r.field() == 8)
        return true;
      if (r.field() != OpField::Attr || r.type() != WireReader::Bytes)
        continue;
      for (WireReader entry(r.bytes()); entry.next();)
        if (entry.field() > 2 || (entry.field() == 2 && entry.type() == WireReader::Varint))
          return true;
    }
    return false;
  }

  bool readArg(llvm::StringRef message, RawArg &out) {
    bool good = true;
    WireReader r(message);
    while (good && r.next()) {
      if (r.field() == ArgField::Name)
        good = text(r, out.name);
      else if (r.field() == ArgField::Producer)
        good = text(r, out.producers.emplace_back());
      else
        ++unknownFields;
    }
    return good && r.ok();
  }

  bool readTensor(llvm::StringRef message, RawTensor &t) {
    bool good = true;
    WireReader r(message);
    while (good && r.next()) {
      switch (r.field()) {
      case TensorField::Name:
        good = text(r, t.name);
        break;
      case TensorField::Dim:
        // A packed list takes a byte per dimension at least.
        good = r.type() != WireReader::Bytes || r.bytes().size() <= MaxRank * 10;
        if (good)
          r.appendVarints(t.dims);
        good = good && t.dims.size() <= MaxRank;
        break;
      case TensorField::DataType:
        t.dataType = r.i32();
        break;
      case TensorField::BitWidth:
        t.bitWidth = r.i32();
        break;
      case TensorField::Attr:
        good = decodeAttrEntry(r.bytes(), file, t.attrs);
        break;
      default:
        ++unknownFields;
      }
    }
    return good && r.ok();
  }

  const Blob &file;
  llvm::StringRef path;
  DiagEngine &diags;
  RawGraph graph;
  unsigned unknownFields = 0;
  bool tooDeep = false;
};

} // namespace

std::optional<RawGraph> xmodel::readXmodel(const Blob &file, llvm::StringRef path, DiagEngine &diags) {
  return Reader(file, path, diags).run();
}

//===- AttrDecoder.cpp - AttributeProto to Attr -------------------------------===//
#include "AttrDecoder.h"
#include "OnnxProto.h"
#include "dpuopt/Support/Wire.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

namespace {
/// An AttributeProto taken apart.
struct Fields {
  std::string name;
  AttrTypeCode type = AttrTypeCode::Undefined;
  AttrTypeCode seen = AttrTypeCode::Undefined; ///< kind of the last value field
  int64_t i = 0;
  float f = 0;
  std::string s;
  llvm::StringRef tensor;
  std::vector<int64_t> ints;
  std::vector<float> floats;
  std::vector<std::string> strings;
  std::vector<llvm::StringRef> tensors, graphs;
  bool isReference = false;

  bool parse(llvm::StringRef message);
  /// The declared type; files of IR version 1 have none: what was found.
  AttrTypeCode kind() const { return type == AttrTypeCode::Undefined ? seen : type; }
};
} // namespace

bool Fields::parse(llvm::StringRef message) {
  WireReader r(message);
  auto saw = [&](AttrTypeCode code) { seen = code; };
  while (r.next()) {
    switch (r.field()) {
    case field::AttrName:
      name = r.bytes().str();
      break;
    case field::AttrType: {
      uint64_t code = r.u64();
      type = static_cast<AttrTypeCode>(std::min<uint64_t>(code, 255));
      break;
    }
    case field::AttrRefName:
      isReference = !r.bytes().empty();
      break;
    case field::AttrF:
      f = r.f32(), saw(AttrTypeCode::Float);
      break;
    case field::AttrI:
      i = r.i64(), saw(AttrTypeCode::Int);
      break;
    case field::AttrS:
      s = r.bytes().str(), saw(AttrTypeCode::String);
      break;
    case field::AttrT:
      tensor = r.bytes(), saw(AttrTypeCode::Tensor);
      break;
    case field::AttrG:
      graphs.push_back(r.bytes()), saw(AttrTypeCode::Graph);
      break;
    case field::AttrFloats:
      r.appendFloats(floats), saw(AttrTypeCode::Floats);
      break;
    case field::AttrInts:
      r.appendVarints(ints), saw(AttrTypeCode::Ints);
      break;
    case field::AttrStrings:
      strings.push_back(r.bytes().str()), saw(AttrTypeCode::Strings);
      break;
    case field::AttrTensors:
      tensors.push_back(r.bytes()), saw(AttrTypeCode::Tensors);
      break;
    case field::AttrGraphs:
      graphs.push_back(r.bytes()), saw(AttrTypeCode::Graphs);
      break;
    case field::AttrTypeProto:
    case field::AttrTypeProtos:
    case field::AttrSparse:
    case field::AttrSparses:
      saw(AttrTypeCode::TypeProto); // any code that is kept as bytes
      break;
    default:
      break;
    }
  }
  return r.ok();
}

/// A list of tensors, or the whole message as bytes if one cannot be decoded.
static Result<Attr> decodeTensors(const Fields &f, llvm::StringRef message, TensorDecoder &decoder,
                                  const std::string &what) {
  std::vector<Attr> list;
  for (llvm::StringRef t : f.tensors) {
    if (!TensorDecoder::isDecodable(t))
      return Attr::bytes(decoder.view(message));
    auto tensor = decoder.decode(t, what);
    if (!tensor)
      return failure();
    list.push_back(Attr::tensor(std::move(*tensor)));
  }
  return Attr::list(AttrKind::Tensor, std::move(list));
}

static Result<Attr> valueOf(const Fields &f, llvm::StringRef message, TensorDecoder &decoder, const std::string &what) {
  switch (f.kind()) {
  case AttrTypeCode::Float:
    return Attr::f32(f.f);
  case AttrTypeCode::Int:
    return Attr::i64(f.i);
  case AttrTypeCode::String:
    return Attr::string(f.s);
  case AttrTypeCode::Floats:
    return Attr::f32s(f.floats);
  case AttrTypeCode::Ints:
    return Attr::i64s(f.ints);
  case AttrTypeCode::Strings:
    return Attr::strings(f.strings);
  case AttrTypeCode::Tensors:
    return decodeTensors(f, message, decoder, what);
  case AttrTypeCode::Tensor: {
    if (!TensorDecoder::isDecodable(f.tensor))
      return Attr::bytes(decoder.view(message));
    auto tensor = decoder.decode(f.tensor, what);
    if (!tensor)
      return failure();
    return Attr::tensor(std::move(*tensor));
  }
  default:
    return Attr::bytes(decoder.view(message));
  }
}

Result<DecodedAttr> onnx::decodeAttr(llvm::StringRef message, TensorDecoder &tensors, const std::string &owner,
                                     DiagEngine &diags) {
  Fields f;
  if (!f.parse(message))
    return diags.error(fmt::format("{}: attribute '{}' is truncated or damaged", owner, f.name));
  if (f.name.empty())
    return diags.error(owner + ": an attribute has no name");
  auto value = valueOf(f, message, tensors, fmt::format("{}, attribute '{}'", owner, f.name));
  if (!value)
    return failure();
  return DecodedAttr{std::move(f.name), std::move(*value), std::move(f.graphs), f.isReference};
}

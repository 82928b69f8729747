//===- OnnxProto.h - the parts of onnx.proto we read, as plain structs --------===//
//
// Decoded from the wire format over bytes that stay where they are: strings and
// sub-messages are views. Tensors and attributes stay undecoded messages until
// somebody needs them. Field numbers: onnx.proto of the ONNX project.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_ONNXPROTO_H
#define DPUOPT_LIB_ONNX_ONNXPROTO_H

#include "dpuopt/IR/Type.h"
#include "dpuopt/Support/Status.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <utility>
#include <vector>

namespace dpuopt::onnx {

/// Field numbers, named as in onnx.proto.
namespace field {
enum Model : uint32_t {
  IrVersion = 1,
  ProducerName,
  ProducerVersion,
  Domain,
  ModelVersion,
  DocString,
  ModelGraph,
  OpsetImport,
  Metadata = 14,
  TrainingInfo = 20,
  Functions = 25
};
enum Opset : uint32_t { OpsetDomain = 1, OpsetVersion };
enum Entry : uint32_t { Key = 1, EntryValue };
enum Graph : uint32_t {
  GraphNode = 1,
  GraphName,
  Initializer = 5,
  GraphInput = 11,
  GraphOutput,
  ValueInfo,
  SparseInitializer = 15
};
enum Node : uint32_t { NodeInput = 1, NodeOutput, NodeName, OpType, NodeAttribute, NodeDomain = 7 };
enum Attribute : uint32_t {
  AttrName = 1,
  AttrF,
  AttrI,
  AttrS,
  AttrT,
  AttrG,
  AttrFloats,
  AttrInts,
  AttrStrings,
  AttrTensors,
  AttrGraphs,
  AttrTypeProto = 14,
  AttrTypeProtos,
  AttrType = 20,
  AttrRefName,
  AttrSparse,
  AttrSparses
};
enum Tensor : uint32_t {
  Dims = 1,
  DataType,
  Segment,
  FloatData,
  Int32Data,
  StringData,
  Int64Data,
  TensorName,
  RawData,
  DoubleData,
  Uint64Data,
  ExternalData = 13,
  DataLocation
};
enum SparseTensor : uint32_t { SparseValues = 1 };
enum Value : uint32_t { ValueName = 1, ValueType };
enum TypeProto : uint32_t { TensorType = 1 };
enum TensorTypeProto : uint32_t { ElemTypeField = 1, ShapeField };
enum ShapeProto : uint32_t { Dim = 1 };
enum Dimension : uint32_t { DimValue = 1, DimParam };
} // namespace field

/// AttributeProto.AttributeType.
enum class AttrTypeCode : uint8_t {
  Undefined,
  Float,
  Int,
  String,
  Tensor,
  Graph,
  Floats,
  Ints,
  Strings,
  Tensors,
  Graphs,
  SparseTensor,
  SparseTensors,
  TypeProto,
  TypeProtos
};

struct NodeProto {
  llvm::StringRef name, opType, domain;
  std::vector<llvm::StringRef> inputs, outputs;
  std::vector<llvm::StringRef> attributes; ///< AttributeProto messages
};

/// A value and its declared type; a type that is no tensor is none<*>.
struct ValueInfoProto {
  llvm::StringRef name;
  Type type;
  llvm::StringRef typeMessage; ///< the TypeProto
  bool isTensor = false;
};

/// A TensorProto or SparseTensorProto that nobody has looked into but for its name.
struct InitializerProto {
  llvm::StringRef name, message;
  bool sparse = false;
};

struct GraphProto {
  llvm::StringRef name;
  std::vector<NodeProto> nodes;
  std::vector<InitializerProto> initializers;
  std::vector<ValueInfoProto> inputs, outputs, valueInfo;
};

struct ModelProto {
  int64_t irVersion = 0;
  llvm::StringRef producer, producerVersion;
  std::vector<std::pair<std::string, int64_t>> opsets; ///< the default domain is ""
  std::vector<std::pair<llvm::StringRef, llvm::StringRef>> metadata;
  std::vector<llvm::StringRef> functions; ///< FunctionProto messages
  bool hasGraph = false, hasTraining = false;
  GraphProto graph;
};

/// Decodes a message. On malformed bytes returns false and puts the innermost
/// message that is damaged into `where` ("node 3 of the graph").
bool parseModel(llvm::StringRef bytes, ModelProto &out, std::string &where);
bool parseGraph(llvm::StringRef bytes, GraphProto &out, std::string &where);

/// "ai.onnx" is another way to write the default domain.
llvm::StringRef canonicalDomain(llvm::StringRef domain);

} // namespace dpuopt::onnx
#endif

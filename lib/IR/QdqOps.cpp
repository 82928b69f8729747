//===- QdqOps.cpp - which operators carry fix points in ONNX files ------------------===//
#include "dpuopt/IR/QdqOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace dpuopt;

/// "com.microsoft.QuantizeLinear" -> {"com.microsoft", "QuantizeLinear"}.
static std::pair<llvm::StringRef, llvm::StringRef> splitName(const Op &op) { return op.name().rsplit('.'); }

static bool isQuantizerDomain(llvm::StringRef domain) {
  static const llvm::StringSet<> set = {"onnx", "com.microsoft", "vai",           "com.vai.quantize", "ai.onnx.contrib",
                                        "ai",   "com.xilinx",    "com.amd.quark", "ai.onnx.ml",       "com.amd"};
  return set.count(domain);
}

QdqKind dpuopt::qdqKind(const Op &op) {
  static const llvm::StringMap<QdqKind> kinds = {{"QuantizeLinear", QdqKind::Quantize},
                                                 {"VaiQuantize", QdqKind::Quantize},
                                                 {"VaiQuantizeLinear", QdqKind::Quantize},
                                                 {"VitisQuantizeLinear", QdqKind::Quantize},
                                                 {"ExtendedQuantizeLinear", QdqKind::Quantize},
                                                 {"DequantizeLinear", QdqKind::Dequantize},
                                                 {"VaiDeQuantize", QdqKind::Dequantize},
                                                 {"VaiDequantize", QdqKind::Dequantize},
                                                 {"VaiDequantizeLinear", QdqKind::Dequantize},
                                                 {"VitisDequantizeLinear", QdqKind::Dequantize},
                                                 {"ExtendedDequantizeLinear", QdqKind::Dequantize},
                                                 {"FixNeuron", QdqKind::Round},
                                                 {"fix_neuron", QdqKind::Round}};
  auto [domain, type] = splitName(op);
  return op.numResults() == 1 && isQuantizerDomain(domain) ? kinds.lookup(type) : QdqKind::None;
}

bool dpuopt::isOtherQuantized(const Op &op) {
  static const llvm::StringSet<> names = {"QLinearConv",
                                          "QLinearMatMul",
                                          "ConvInteger",
                                          "MatMulInteger",
                                          "DynamicQuantizeLinear",
                                          "QLinearAdd",
                                          "QLinearMul",
                                          "QLinearAveragePool",
                                          "QLinearGlobalAveragePool",
                                          "QLinearConcat",
                                          "QLinearLeakyRelu",
                                          "QLinearSigmoid",
                                          "QLinearSoftmax",
                                          "QLinearReduceMean",
                                          "QLinearWhere",
                                          "QGemm",
                                          "QAttention",
                                          "ConvTransposeInteger",
                                          "DynamicQuantizeMatMul",
                                          "MatMulIntegerToFloat",
                                          "MatMulNBits",
                                          "QLinearConvTranspose",
                                          "BFPFixNeuron",
                                          "MXFixNeuron",
                                          "BFPQuantizeDequantize",
                                          "MXQuantizeDequantize"};
  auto [domain, type] = splitName(op);
  return isQuantizerDomain(domain) && names.count(type);
}

bool dpuopt::carriesQdq(const Graph &g) {
  return llvm::any_of(g.ops(), [](const Op &op) { return qdqKind(op) != QdqKind::None || isOtherQuantized(op); });
}

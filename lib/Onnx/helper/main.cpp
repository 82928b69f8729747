//===- main.cpp - dpuopt-onnx-text: ONNX text syntax to a binary model ---------===//
//
// dpuopt-onnx-text FILE: parses FILE with libonnx's parser and writes the
// serialized ModelProto to standard output. A process of its own, because libonnx
// takes long to load and its parser throws.
//
//===----------------------------------------------------------------------===//
#include <exception>
#include <fstream>
#include <iostream>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>
#include <sstream>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: dpuopt-onnx-text FILE\n";
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    std::cerr << "cannot read the file\n";
    return 1;
  }
  try {
    onnx::ModelProto model;
    std::string content = text.str();
    onnx::OnnxParser parser(content.c_str());
    auto status = parser.Parse(model);
    if (!status.IsOK()) {
      std::string message = status.ErrorMessage();
      std::cerr << message.substr(0, message.find('\n')) << '\n';
      return 1;
    }
    if (!model.SerializeToOstream(&std::cout))
      return 1;
  } catch (const std::exception &e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
  std::cout.flush();
  return std::cout ? 0 : 1;
}

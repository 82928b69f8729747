//===- main.cpp - dpuopt-onnx-text: ONNX text syntax to a binary model ---------===//
//
// dpuopt-onnx-text FILE: parses FILE with libonnx's parser and writes the
// serialized ModelProto to standard output. A process of its own, because libonnx
// takes long to load and its parser throws. Lines that begin with `//` are comments
// (newer versions of the parser know them, 1.12 does not).
//
//===----------------------------------------------------------------------===//
#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>
#include <sstream>
#include <string>

/// Blanks comment lines, so that positions in messages stay right.
static std::string withoutComments(std::string text) {
  for (size_t line = 0; line < text.size();) {
    size_t end = std::min(text.find('\n', line), text.size());
    size_t first = text.find_first_not_of(" \t", line);
    if (first < end && text.compare(first, 2, "//") == 0)
      std::fill(text.begin() + line, text.begin() + end, ' ');
    line = end + 1;
  }
  return text;
}

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
    std::string content = withoutComments(text.str());
    onnx::OnnxParser parser(content.c_str());
    auto status = parser.Parse(model);
    if (!status.IsOK()) {
      std::string message = status.ErrorMessage();
      std::replace(message.begin(), message.end(), '\n', ' ');
      std::cerr << message << '\n';
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

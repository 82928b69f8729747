//===- Package.cpp - what the vendor's runtimes and people read beside an xmodel -----===//
#include "dpuopt/Deploy/Package.h"
#include "Template.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using namespace dpuopt::deploy;

namespace {

/// Confidence and overlap that the generated code has as defaults too.
constexpr const char *MinScore = "0.25", *MaxOverlap = "0.45";

/// One line per channel, blue first, whatever the model's order is.
std::string perChannel(const char *key, const std::vector<double> &values, bool bgr) {
  std::vector<double> v = values;
  if (v.size() == 3 && !bgr)
    std::reverse(v.begin(), v.end());
  std::string out;
  for (double x : v)
    out += fmt::format("    {}: {}\n", key, x);
  return out;
}

std::string classificationParam() {
  return "  model_type: CLASSIFICATION\n"
         "  classification_param {\n"
         "    top_k: 5\n"
         "    test_accuracy: false\n"
         "    preprocess_type: VGG_PREPROCESS\n"
         "  }\n";
}

/// Layers from the coarsest map to the finest, anchors from the finest to the coarsest: as in the vendor's files.
std::string yoloParam(const Contract &c) {
  const ContractHead &head = *c.head;
  std::vector<const HeadMap *> maps;
  for (const HeadMap &m : head.maps)
    maps.push_back(&m);
  llvm::stable_sort(maps, [](const HeadMap *a, const HeadMap *b) { return a->strideX < b->strideX; });
  std::string out = "  model_type: YOLOv3\n  yolo_v3_param {\n";
  out += fmt::format("    num_classes: {}\n    anchorCnt: {}\n", head.classes, maps[0]->anchors.size());
  for (const HeadMap *m : llvm::reverse(maps))
    out += fmt::format("    layer_name: {}\n", cppLiteral(c.outputs[m->anchors[0].box.output].tensor));
  out += fmt::format("    conf_threshold: {}\n    nms_threshold: {}\n", MinScore, MaxOverlap);
  for (const HeadMap *m : maps)
    for (const HeadAnchorBox &a : m->anchors)
      out += fmt::format("    biases: {}\n    biases: {}\n", a.width, a.height);
  out += "    test_mAP: false\n";
  out += head.kind == "yolov5" ? "    type: YOLOV5\n" : "";
  return out + "  }\n  is_tf: false\n";
}

std::string modelParam(const Contract &c) {
  const bool isYolo = c.head && (c.head->kind == "yolov5" || c.head->kind == "yolov3") && !c.head->maps.empty();
  if (isYolo && llvm::all_of(c.head->maps, [](const HeadMap &m) { return !m.anchors.empty(); }))
    return yoloParam(c);
  if (c.scores())
    return classificationParam();
  return "  # no model_type: decode the outputs with the code beside this file\n";
}

bool isPlain(char ch) { return llvm::isAlnum(ch) || ch == '.' || ch == '_' || ch == '-' || ch == '+' || ch == '/'; }

/// One word of a POSIX shell, whatever is in it.
std::string shellWord(llvm::StringRef text) {
  if (!text.empty() && llvm::all_of(text, isPlain) && text[0] != '-')
    return text.str();
  std::string out = "'";
  for (char ch : text)
    out += ch == '\'' ? "'\\''" : std::string(1, ch);
  return out + "'";
}

/// The flags that give the same contract again.
std::string contractFlags(const Contract &c, llvm::ArrayRef<std::string> leaves) {
  std::string out;
  if (auto image = c.image()) {
    const PixelFormat &f = c.inputs[*image].pixels->format;
    out += fmt::format(" --divide 1 --mean {} --scale {}{}", fmt::join(f.mean, "/"), fmt::join(f.scale, "/"),
                       f.bgr ? " --bgr" : "");
  }
  if (c.head && c.head->kind == "decoupled" && c.head->decode != "none")
    out += " --box-decode " + c.head->decode;
  for (const std::string &leaf : leaves)
    if (leaf == "labels.txt")
      out += " --labels " + leaf;
    else if (llvm::StringRef(leaf).endswith(".head.json"))
      out += " --head " + shellWord(leaf);
  return out;
}

} // namespace

std::string dpuopt::prototxt(const Contract &c) {
  auto image = c.image();
  if (!image)
    return "";
  const PixelFormat &f = c.inputs[*image].pixels->format;
  std::string out = "model {\n  name: " + cppLiteral(c.name) + "\n  kernel {\n    name: " + cppLiteral(c.name + "_0");
  out += "\n" + perChannel("mean", f.mean, f.bgr) + perChannel("scale", f.scale, f.bgr) + "  }\n";
  return out + modelParam(c) + "}\n";
}

std::string dpuopt::metaJson(const Contract &c) {
  nlohmann::ordered_json j{{"lib", "libvart-dpu-runner.so"}, {"filename", c.xmodel.name}};
  if (c.dpuSubgraphs.empty())
    j["kernel"] = "";
  else
    j["kernel"] = c.dpuSubgraphs;
  j["target"] = c.dpu;
  return j.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string dpuopt::installNote(const Contract &c, llvm::ArrayRef<std::string> leaves) {
  const std::string compiled = c.compiled ? c.xmodel.name : c.name + ".xmodel";
  // The shell of the board reads it too: only a plain name is used.
  const bool plain = llvm::all_of(c.name, isPlain) && !llvm::StringRef(c.name).contains('/');
  const std::string folder = "/usr/share/vitis_ai_library/models/" + (plain ? c.name : codeName(c.name)) + "/";
  std::string out = "How to get this model onto a board and run it there. BOARD is its address.\n\n";
  if (!c.compiled)
    out += fmt::format("Compile it where vai_c_xir is, then write this folder again for the compiled file:\n\n"
                       "    vai_c_xir -x {} -a arch.json -o . -n {}\n    dpuc contract {}{} -o .\n\n",
                       shellWord(c.xmodel.name), shellWord(c.name), shellWord(compiled), contractFlags(c, leaves));
  out += fmt::format("The model is for a DPU with the fingerprint 0x{:x} ({}). Does the board have it?\n\n"
                     "    ssh root@BOARD xdputil query\n\n",
                     c.fingerprint, c.dpu);
  out += fmt::format("Copy it:\n\n    ssh root@BOARD mkdir -p {}\n    scp {}", folder, shellWord(compiled));
  for (const std::string &leaf : leaves)
    if (leaf != compiled)
      out += " " + shellWord(leaf);
  out += fmt::format(" root@BOARD:{}\n\nOn the board:\n\n    cd {}\n", folder, folder);
  if (c.compiled)
    out += fmt::format("    md5sum {}      # {}\n", shellWord(compiled), c.xmodel.md5);
  out += fmt::format("    xdputil xmodel -l {0}      # its inputs and outputs\n"
                     "    xdputil benchmark {0} 1      # images per second, one thread\n",
                     shellWord(compiled));
  return out;
}

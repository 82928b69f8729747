//===- Prototxt.cpp - what the vendor's library reads beside an xmodel ---------------===//
//
// Each model type of the library has its own decoder, which takes one layout of the outputs and ignores what the file
// does not say. A type is written only if that decoder computes what the model's head did; else a comment says why not.
// Layouts, formulas and the releases that know a type: the library's sources, dpu_model_param.proto and xnnpp.
//
//===----------------------------------------------------------------------===//
#include "Template.h"
#include "dpuopt/Deploy/Package.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::deploy;

namespace {

/// Confidence and overlap that the generated code has as defaults too, and limits on boxes before and after.
constexpr const char *MinScore = "0.25", *MaxOverlap = "0.45";
constexpr const char *MostBoxes = "30000", *MostKept = "300";

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

std::string comment(const std::string &why) {
  return "  # no model_type: " + why + "\n  # the code beside this file decodes the outputs\n";
}

/// Writes the part behind the kernel for one detector.
class DetectorParam {
public:
  explicit DetectorParam(const Contract &c) : c(c), head(*c.head) {
    for (const HeadMap &m : head.maps)
      maps.push_back(&m);
    llvm::stable_sort(maps, [](const HeadMap *a, const HeadMap *b) { return a->strideX < b->strideX; });
  }

  std::string run() {
    if (!decodesHead(c) || maps.empty() || llvm::any_of(maps, [](const HeadMap *m) { return m->anchors.empty(); }))
      return comment("the library has no decoder for this head");
    if (std::string why = whyNamesAreUnclear(); !why.empty())
      return comment(why);
    const std::string text = head.decode == "sigmoid-square" || head.decode == "sigmoid-exp" ? anchored()
                             : head.decode == "offset-exp"                                   ? yolox()
                             : head.decode == "distances"                                    ? distances()
                             : head.decode == "prior"                                        ? ssd()
                                                                                             : "";
    return text.empty() ? comment(why.empty() ? "the library has no decoder for this head" : why) : text;
  }

private:
  const std::string &tensorOf(const HeadRole &r) const { return c.outputs[static_cast<size_t>(r.output)].tensor; }
  const std::string &layer(const HeadMap &m) const { return tensorOf(m.anchors[0].box); }
  std::string refuse(std::string text) { return why = std::move(text), ""; }
  bool isRgb() const { return !c.inputs[*c.image()].pixels->format.bgr; }

  /// The library takes the first output whose name contains the layer's.
  std::string whyNamesAreUnclear() const {
    for (const ContractOutput &a : c.outputs)
      for (const ContractOutput &b : c.outputs)
        if (&a != &b && llvm::StringRef(b.tensor).contains(a.tensor))
          return fmt::format("the library finds outputs by a part of their name, and {} is one of another's",
                             cppLiteral(a.tensor));
    return "";
  }

  /// Every anchor's 5 + classes channels follow one another in one tensor: box, objectness, classes.
  bool isPacked() const {
    return llvm::all_of(maps, [&](const HeadMap *m) {
      for (size_t a = 0; a < m->anchors.size(); ++a) {
        const HeadAnchorBox &anchor = m->anchors[a];
        const int64_t first = static_cast<int64_t>(a) * (5 + head.classes);
        if (!follows(anchor.box, layer(*m), first) || !follows(anchor.objectness, layer(*m), first + 4) ||
            !follows(anchor.classes, layer(*m), first + 5))
          return false;
      }
      const size_t output = static_cast<size_t>(m->anchors[0].box.output);
      return c.outputs[output].channels() == static_cast<int64_t>(m->anchors.size()) * (5 + head.classes) &&
             m->anchors.size() == maps[0]->anchors.size();
    });
  }
  bool follows(const HeadRole &r, const std::string &tensor, int64_t first) const {
    return r.output >= 0 && tensorOf(r) == tensor && r.first == first && r.step == 1;
  }
  bool isOffset(double offset) const {
    return llvm::all_of(maps, [&](const HeadMap *m) { return m->offsetX == offset && m->offsetY == offset; });
  }

  /// What yolo_v3_param and yolo_v5_param's yolo_param have; layers from the coarsest map to the finest and anchors
  /// from the finest to the coarsest, as the decoder goes through them.
  std::string yoloParam(const std::string &indent, bool coarsestFirst, bool biases) const {
    std::string out =
        fmt::format("{0}num_classes: {1}\n{0}anchorCnt: {2}\n", indent, head.classes, maps[0]->anchors.size());
    std::vector<const HeadMap *> layers = maps;
    if (coarsestFirst)
      std::reverse(layers.begin(), layers.end());
    for (const HeadMap *m : layers)
      out += fmt::format("{}layer_name: {}\n", indent, cppLiteral(layer(*m)));
    out += fmt::format("{0}conf_threshold: {1}\n{0}nms_threshold: {2}\n", indent, MinScore, MaxOverlap);
    if (biases)
      for (const HeadMap *m : maps)
        for (const HeadAnchorBox &a : m->anchors)
          out += fmt::format("{0}biases: {1}\n{0}biases: {2}\n", indent, a.width, a.height);
    // With it, and is_tf, the library keeps the aspect of pictures; else it stretches them.
    const bool pads = c.inputs[*c.image()].pixels->format.fit == "pad";
    return out + fmt::format("{}test_mAP: {}\n", indent, pads);
  }

  std::string strides(const std::string &indent) const {
    std::string out;
    for (const HeadMap *m : maps)
      out += fmt::format("{}stride: {}\n", indent, m->strideX);
    return out;
  }

  /// YOLOv3 to v7 with anchors.
  std::string anchored() {
    const bool square = head.decode == "sigmoid-square";
    if (!isPacked() || !isOffset(0.5) || head.scores != "sigmoid" || head.objectness != "sigmoid")
      return refuse("the library's YOLOv3 takes box, objectness and classes of an anchor from one tensor, all behind a "
                    "sigmoid");
    if (std::abs(head.xyScale - (square ? 2 : 1)) > 1e-6)
      return refuse(fmt::format("the library has no scale of x and y, the model's is {}", head.xyScale));
    if (!isRgb())
      return refuse("the library's YOLOv3 feeds red first, the model takes blue first");
    if (!square)
      return "  model_type: YOLOv3\n  yolo_v3_param {\n" + yoloParam("    ", true, true) + "  }\n  is_tf: true\n";
    if (c.vitisAi >= 30)
      return "  model_type: YOLOv3\n  yolo_v3_param {\n" + yoloParam("    ", true, true) +
             "    type: YOLOV5\n  }\n  is_tf: true\n";
    if (c.vitisAi >= 25) // the class OFAYOLO; there is no field `type` yet, and one that is unknown is fatal
      return yoloV5(true);
    return refuse("the library has YOLOv5 from Vitis AI 2.5 on");
  }

  std::string yoloV5(bool biases) const {
    return fmt::format("  model_type: YOLOv5\n  yolo_v5_param {{\n{}    max_boxes_num: {}\n    max_nms_num: {}\n"
                       "    yolo_param {{\n",
                       strides("    "), MostBoxes, MostKept) +
           yoloParam("      ", biases, biases) + "    }\n  }\n";
  }

  /// The class YOLOvX: strides in the order of layers.
  std::string yolox() {
    if (!isPacked() || !isOffset(0) || head.scores != "sigmoid" || head.objectness != "sigmoid")
      return refuse("the library's YOLOvX takes box, objectness and classes from one tensor per scale, all behind a "
                    "sigmoid");
    if (isRgb())
      return refuse("the library's YOLOvX feeds blue first, the model takes red first");
    return c.vitisAi >= 25 ? yoloV5(false) : refuse("the library has YOLOvX from Vitis AI 2.5 on");
  }

  /// v8 (one tensor of 16 bins a side and 80 classes per scale) and v6 without bins (a tensor of each).
  std::string distances() {
    if (!isOffset(0.5) || !head.objectness.empty() || head.scores != "sigmoid" || maps[0]->anchors.size() != 1)
      return "";
    if (c.vitisAi < 35)
      return refuse("the library has YOLOv6 and YOLOv8 from Vitis AI 3.5 on");
    if (!isRgb())
      return refuse("the library feeds red first, the model takes blue first");
    return head.bins > 1 ? yolov8() : yolov6();
  }

  std::string yolov8() {
    for (const HeadMap *m : maps)
      if (head.bins != 16 || head.classes != 80 || !follows(m->anchors[0].box, layer(*m), 0) ||
          !follows(m->anchors[0].classes, layer(*m), 64))
        return refuse("the library's YOLOv8 takes one tensor per scale, of 64 channels for the box and 80 for classes");
    std::string out =
        fmt::format("  model_type: YOLOv8\n  yolo_v8_param {{\n{}    num_classes: {}\n", strides("    "), head.classes);
    for (const HeadMap *m : maps)
      out += fmt::format("    detect_layer_name: {}\n", cppLiteral(layer(*m)));
    return out + fmt::format("    conf_thresh: {}\n    nms_threshold: {}\n    max_boxes_num: {}\n    max_nms_num: {}\n"
                             "  }}\n",
                             MinScore, MaxOverlap, MostBoxes, MostKept);
  }

  std::string yolov6() {
    const ContractInput &in = c.inputs[*c.image()];
    for (const HeadMap *m : maps)
      if (!alone(m->anchors[0].box, 4) || !alone(m->anchors[0].classes, head.classes))
        return refuse("the library's YOLOv6 takes a tensor for boxes and one for classes per scale");
    if (in.shape[1] != 640 || in.shape[2] != 640)
      return refuse("the library's YOLOv6 scales pictures for an input of 640 x 640 only");
    std::string out =
        fmt::format("  model_type: YOLOv6\n  yolo_v6_param {{\n    num_classes: {}\n    anchorCnt: 1\n", head.classes);
    for (const HeadMap *m : maps)
      out += fmt::format("    bbox_layer_name: {}\n", cppLiteral(layer(*m)));
    for (const HeadMap *m : maps)
      out += fmt::format("    cls_layer_name: {}\n", cppLiteral(tensorOf(m->anchors[0].classes)));
    return out + strides("    ") +
           fmt::format("    conf_threshold: {}\n    nms_threshold: {}\n    max_boxes_num: {}\n    max_nms_num: {}\n"
                       "    without_dfl: true\n  }}\n",
                       MinScore, MaxOverlap, MostBoxes, MostKept);
  }
  bool alone(const HeadRole &r, int64_t count) const {
    return follows(r, tensorOf(r), 0) && c.outputs[static_cast<size_t>(r.output)].channels() == count;
  }

  std::string ssd() {
    if (head.scores != "softmax" || head.background != 0 || !head.objectness.empty())
      return refuse("the library's SSD has a softmax with the background first");
    std::string priors, conf, bbox;
    for (size_t i = 0; i < head.maps.size(); ++i) {
      const HeadMap &m = head.maps[i];
      const std::string prior = priorBox(m);
      for (size_t a = 0; a < m.anchors.size(); ++a)
        if (!follows(m.anchors[a].box, layer(m), static_cast<int64_t>(a) * 4) ||
            !follows(m.anchors[a].classes, tensorOf(m.anchors[0].classes), static_cast<int64_t>(a) * head.classes))
          return refuse("the library's SSD takes boxes from one tensor per scale and classes from another");
      if (prior.empty())
        return refuse("the model's boxes are no series of sizes and aspect ratios as the library makes them");
      priors += prior;
      conf += outputInfo("CONF", i, tensorOf(m.anchors[0].classes));
      bbox += outputInfo("BBOX", i, layer(m));
    }
    std::string out = fmt::format("  model_type: SSD\n  ssd_param {{\n    num_classes: {}\n    nms_threshold: {}\n",
                                  head.classes, MaxOverlap);
    for (int64_t k = 0; k < head.classes; ++k)
      out += fmt::format("    conf_threshold: {}\n", k == 0 ? "0.0" : MinScore);
    return out + "    keep_top_k: 200\n    top_k: 400\n" + conf + bbox + priors + "  }\n";
  }

  static std::string outputInfo(const char *type, size_t order, const std::string &name) {
    return fmt::format("    output_info {{\n      type: {}\n      order: {}\n      name: {}\n    }}\n", type, order,
                       cppLiteral(name));
  }

  /// Boxes of one cell as a smallest size, perhaps a largest one, and aspect ratios that come with their inverse; "" if
  /// they are not such.
  std::string priorBox(const HeadMap &m) const {
    const std::vector<HeadAnchorBox> &a = m.anchors;
    auto near = [](double x, double y) { return std::abs(x - y) <= 1e-3 * std::abs(y); };
    const double least = a[0].width;
    if (!near(a[0].height, least) || !(least > 0) || m.offsetX != 0.5 || m.offsetY != 0.5)
      return "";
    std::string sizes = fmt::format("      min_sizes: {}\n", least);
    size_t next = 1;
    if (a.size() > 1 && near(a[1].width, a[1].height)) {
      sizes += fmt::format("      max_sizes: {}\n", a[1].width * a[1].width / least);
      ++next;
    }
    for (; next + 1 < a.size(); next += 2) {
      const double ratio = a[next].width / a[next].height;
      if (!near(a[next].width, least * std::sqrt(ratio)) || !near(a[next].height, least / std::sqrt(ratio)) ||
          !near(a[next + 1].width, a[next].height) || !near(a[next + 1].height, a[next].width))
        return "";
      sizes += fmt::format("      aspect_ratios: {:.6g}\n", ratio);
    }
    if (next != a.size())
      return "";
    std::string out =
        fmt::format("    prior_box_param {{\n      layer_width: {}\n      layer_height: {}\n", m.width, m.height);
    for (double v : {head.variances[0], head.variances[0], head.variances[1], head.variances[1]})
      out += fmt::format("      variances: {:.6g}\n", v);
    return out + sizes +
           fmt::format("      offset: 0.5\n      step_width: {}\n      step_height: {}\n      flip: true\n"
                       "      clip: false\n    }}\n",
                       m.strideX, m.strideY);
  }

  const Contract &c;
  const ContractHead &head;
  std::vector<const HeadMap *> maps; ///< finest first
  std::string why;                   ///< of the model type that came nearest
};

/// The type of preprocessing says how pictures are resized, and whether red comes first.
std::string classification(const Contract &c) {
  const ContractInput &in = c.inputs[*c.image()];
  const PixelFormat &f = in.pixels->format;
  const bool covers = f.fit == "crop" || (f.fit.empty() && !f.bgr);
  std::string type;
  if (f.fit == "pad")
    return comment("the library's classifier keeps no border");
  if (covers && f.fit == "crop" && f.shortSide != 256 && !(f.shortSide == 299 && !f.bgr))
    return comment("the library's classifier scales the shorter side to 256 before it crops");
  if (covers)
    type = f.shortSide == 299 ? "INCEPTION_PT" : f.bgr ? "RESNET50_TF2" : "VGG_PREPROCESS";
  else if (f.bgr)
    type = "CAFFE";
  else if (c.vitisAi >= 25)
    type = "RGB_PREPROCESS";
  else
    return comment("the library's classifier feeds blue first where it stretches pictures");
  return "  model_type: CLASSIFICATION\n  classification_param {\n    top_k: 5\n    test_accuracy: false\n"
         "    preprocess_type: " +
         type + "\n  }\n";
}

std::string modelParam(const Contract &c) {
  if (c.inputs[*c.image()].channels() != 3)
    return comment("the library takes pictures of three channels");
  if (c.head)
    return DetectorParam(c).run();
  return c.scores() ? classification(c) : comment("what the outputs mean is not known");
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

//===- TensorRules.cpp - eltwise, concat, resize, pad, reshape, ... ---------===//
#include "Rules.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

static bool isMul(const FusedOp &op) {
  return op.anchor && (op.anchor->is("xir.mul") || op.anchor->getString("type") == "MUL");
}

static std::string channelsFound(const FusedOp &op) { return fmt::format("there are {}", windowOf(op).ic); }
static bool channelsFit(const FusedOp &op, const Limits &l) { return windowOf(op).ic <= maxChannels(l); }
static std::string channelsText(const Limits &l) {
  return fmt::format("there are at most {} channels", maxChannels(l));
}

//===----------------------------------------------------------------------===//
// eltwise.*

static bool sameShapes(const FusedOp &op, const Limits &) {
  const Value *first = nullptr;
  for (const Value *v : op.anchor ? op.anchor->operands() : llvm::ArrayRef<Value *>()) {
    if (!v)
      continue;
    first = first ? first : v;
    if (v->type().shape() != first->type().shape())
      return false;
  }
  return true;
}

static std::string shapesFound(const FusedOp &op) {
  std::string text;
  for (const Value *v : op.anchor->operands())
    if (v)
      text += (text.empty() ? "shapes are " : " and ") + shapeStr(v->type().shape());
  return text;
}

static void addEltwise(Rules &out) {
  out.push_back(rule(
      "eltwise.engine", {"eltwise-fix"},
      [](const Limits &l) {
        bool add = l.has("eltwise.add"), mult = l.has("eltwise.mult");
        return std::string("the elementwise engine can do it: ") + (add && mult ? "add and multiply"
                                                                    : add       ? "only add"
                                                                    : mult      ? "only multiply"
                                                                                : "nothing");
      },
      [](const FusedOp &op, const Limits &l) { return l.has(isMul(op) ? "eltwise.mult" : "eltwise.add"); },
      [](const FusedOp &op) { return std::string(isMul(op) ? "it multiplies" : "it adds"); },
      "fold the factor into the weights in front, or use a DPU configuration whose engine can multiply"));
  out.push_back(rule("eltwise.shape", {"eltwise-fix"},
                     "operands have equal shapes (or a product has one value per channel)", sameShapes, shapesFound,
                     "broadcast the smaller operand beforehand (a constant can simply be stored expanded)",
                     "no file shows another form on the DPU"));
}

//===----------------------------------------------------------------------===//
// concat.*

static unsigned onDpu(const FusedOp &op, llvm::ArrayRef<unsigned> neighbours) {
  return llvm::count_if(neighbours, [&](unsigned n) { return op.graph->ops[n].device == Device::Dpu; });
}

static std::string producerFound(const FusedOp &op) {
  const FusedOp &from = op.graph->ops[op.inputs.front()];
  return fmt::format("'{}' is on {}", from.name, deviceName(from.device));
}

static int64_t concatAxis(const FusedOp &op) {
  int64_t axis = op.anchor->getInt("axis");
  return axis < 0 ? axis + static_cast<int64_t>(op.anchor->result()->type().rank()) : axis;
}

static void addConcat(Rules &out) {
  out.push_back(rule(
      "concat.inputs", {"concat-fix"}, "at least one input comes from the DPU",
      [](const FusedOp &op, const Limits &) { return op.inputs.empty() || onDpu(op, op.inputs) > 0; },
      [](const FusedOp &op) { return fmt::format("none of its {} inputs does", op.inputs.size()); },
      "see what keeps its inputs off the DPU", "inspector: 13 of 13 on the CPU (3.x), 6 of 6 on the DPU (2.5)"));
  out.back().follows = true;
  out.back().since = 30;
  out.push_back(rule(
      "concat.axis", {"concat-fix"},
      "with an input that is not from the DPU, the result is 4-D and the axis is the channels (3)",
      [](const FusedOp &op, const Limits &) {
        return onDpu(op, op.inputs) == op.inputs.size() || !op.anchor ||
               (op.anchor->result()->type().rank() == 4 && concatAxis(op) == 3);
      },
      [](const FusedOp &op) {
        return fmt::format("{} of {} inputs come from the DPU, rank is {}, axis is {}", onDpu(op, op.inputs),
                           op.inputs.size(), op.anchor->result()->type().rank(), concatAxis(op));
      },
      "see what keeps its inputs off the DPU, or concatenate along the channels",
      "documented, and inspector: 17 of 17 (3.x)"));
  out.back().follows = true;
}

//===----------------------------------------------------------------------===//
// resize.*

namespace {
struct Resize {
  bool nearest, bilinear, corners, halfPixel, down;
  int64_t ih, iw, oh, ow;
};
} // namespace

static Resize resizeOf(const FusedOp &f) {
  const Op &op = *f.anchor;
  Resize r;
  std::string mode = op.getString("mode");
  r.nearest = mode == "NEAREST";
  r.bilinear = mode == "BILINEAR";
  r.corners = op.getBool("align_corners");
  r.halfPixel = op.getBool("half_pixel_centers");
  llvm::ArrayRef<int64_t> in = op.operand(0)->type().shape(), out = op.result()->type().shape();
  bool known = in.size() == 4 && out.size() == 4;
  r.ih = known ? in[1] : 0, r.iw = known ? in[2] : 0, r.oh = known ? out[1] : 0, r.ow = known ? out[2] : 0;
  r.down = known && (r.oh < r.ih || r.ow < r.iw);
  return r;
}

/// Every s-th pixel is kept: the last one of an odd number too.
static bool picks(int64_t out, int64_t in) { return out > 0 && in > 0 && ceilDiv(in, ceilDiv(in, out)) == out; }

static bool divides(int64_t small, int64_t big) { return small > 0 && big % small == 0; }

/// Whole-numbered in both directions; for bilinear one of the factors a kernel exists for.
static bool scaleFits(const FusedOp &op, const Limits &) {
  Resize r = resizeOf(op);
  if (r.down)
    return picks(r.oh, r.ih) && picks(r.ow, r.iw);
  if (!divides(r.ih, r.oh) || !divides(r.iw, r.ow))
    return false;
  int64_t s = r.oh / r.ih;
  return !r.bilinear || (s == r.ow / r.iw && (s == 2 || s == 4 || (s == 8 && !r.halfPixel)));
}

static void addResize(Rules &out) {
  std::vector<const char *> kinds = {"upsample-fix", "downsample-fix"};
  out.push_back(rule(
      "resize.mode", kinds, "mode is NEAREST or BILINEAR",
      [](const FusedOp &op, const Limits &) { return resizeOf(op).nearest || resizeOf(op).bilinear; },
      [](const FusedOp &op) { return "mode is " + op.anchor->getString("mode"); },
      "use nearest or bilinear interpolation"));
  out.push_back(rule(
      "resize.align-corners", kinds, "align_corners is false",
      [](const FusedOp &op, const Limits &) { return !resizeOf(op).corners; },
      [](const FusedOp &) { return std::string("align_corners is true"); },
      "export with align_corners=False (train with it, the results differ)",
      "documented, and seen: bilinear x8 with align_corners on the CPU (3.0)"));
  out.push_back(rule(
      "resize.scale", kinds,
      "the factor is a whole number (rounded up when shrinking); for bilinear equal in both directions and 2 or 4 "
      "with half pixel centers, "
      "2, 4 or 8 without",
      scaleFits,
      [](const FusedOp &op) {
        Resize r = resizeOf(op);
        return fmt::format("{} from {} to {}{}", op.anchor->getString("mode"), pair(r.iw, r.ih), pair(r.ow, r.oh),
                           r.halfPixel ? " with half pixel centers" : "");
      },
      "resize by 2 several times, or use a transposed convolution",
      "documented for bilinear; for nearest only whole factors are seen; shrinking seen from 5 to 3, 11 to 6"));
  out.push_back(rule("resize.channels", kinds, channelsText, channelsFit, channelsFound,
                     "split the channels into several ops and concatenate"));
}

//===----------------------------------------------------------------------===//
// pad.*, hard-sigmoid.*, argmax.*

static void addSmall(Rules &out) {
  out.push_back(rule(
      "pad.mode", {"pad-fix"}, "mode is CONSTANT or SYMMETRIC",
      [](const FusedOp &op, const Limits &) {
        std::string mode = op.anchor->getString("mode");
        return mode == "CONSTANT" || mode == "SYMMETRIC";
      },
      [](const FusedOp &op) { return "mode is " + op.anchor->getString("mode"); }, "pad with zeros"));
  out.push_back(rule("pad.channels", {"pad-fix"}, channelsText, channelsFit, channelsFound,
                     "split the channels into several ops and concatenate"));
  out.push_back(rule(
      "hard-sigmoid.engine", {"hard-sigmoid-fix"}, "the DPU has an ALU with hard-sigmoid (ISA1)",
      [](const FusedOp &, const Limits &l) { return l.has("alu.hsigmoid"); },
      [](const FusedOp &) { return std::string("this configuration has none"); }, "use an ISA1 configuration, or relu6",
      "seen: ISA1 on the DPU, ISA0 on the CPU"));
  out.push_back(rule(
      "argmax.engine", {"argmax-fix"}, "the save engine has argmax (fingerprint bit 30, Vitis AI 3.0 on)",
      [](const FusedOp &, const Limits &l) { return l.has("save.argmax"); },
      [](const FusedOp &) { return std::string("this configuration has none"); },
      "take the argmax in the application"));
}

//===----------------------------------------------------------------------===//
// slice.*

/// 4-D, whole but for the channels, every one of them in its range.
static bool slicesChannels(const FusedOp &op, const Limits &) {
  if (!op.anchor || !op.anchor->operand(0))
    return false;
  const Type &in = op.anchor->operand(0)->type(), &out = op.anchor->result()->type();
  return in.isStatic() && out.isStatic() && in.rank() == 4 && out.rank() == 4 &&
         in.shape().drop_back() == out.shape().drop_back() &&
         llvm::all_of(op.anchor->getInts("strides"), [](int64_t s) { return s == 1; });
}

static std::string sliceFound(const FusedOp &op) {
  std::string strides = shapeStr(op.anchor->getInts("strides"));
  return fmt::format("from {} to {}{}", shapeStr(op.anchor->operand(0)->type().shape()),
                     shapeStr(op.anchor->result()->type().shape()), strides.empty() ? "" : " with strides " + strides);
}

static void addSlice(Rules &out) {
  out.push_back(rule("slice.channels", {"strided_slice-fix"},
                     "a slice is of a 4-D tensor, along the channels, with strides of one", slicesChannels, sliceFound,
                     "split the layer in front instead of its result, or slice in the application",
                     "seen: 16 of 16 (3.5, offsets that are multiples of 16); no file shows another slice on the DPU"));
  out.push_back(rule(
      "slice.inputs", {"strided_slice-fix"}, "what it slices comes from the DPU",
      [](const FusedOp &op, const Limits &) { return onDpu(op, op.inputs) == op.inputs.size(); }, producerFound,
      "see what keeps its input off the DPU", "no file shows another"));
  out.back().follows = true;
}

//===----------------------------------------------------------------------===//
// reshape.*

static bool producerOnDpu(const FusedOp &op) { return onDpu(op, op.inputs) == op.inputs.size(); }

static bool keepsFirst(const FusedOp &op, const Limits &) {
  if (!op.anchor || (!op.users.empty() && onDpu(op, op.users) == op.users.size()))
    return true;
  llvm::ArrayRef<int64_t> in = op.anchor->operand(0)->type().shape(), out = op.anchor->result()->type().shape();
  return in.empty() || out.empty() || in.front() == out.front();
}

static void addReshape(Rules &out) {
  Rule producer = rule(
      "reshape.producer", {"reshape-fix"}, "its input comes from the DPU",
      [](const FusedOp &op, const Limits &) { return producerOnDpu(op); }, producerFound,
      "reshape the input in the application, or put a convolution in front", "seen: 16 of 16 (1.4 to 2.5)");
  producer.until = 34;
  producer.follows = true;
  out.push_back(producer);
  Rule neighbour = rule(
      "reshape.neighbour", {"reshape-fix"}, "its input comes from the DPU or one of its readers is on the DPU",
      [](const FusedOp &op, const Limits &) { return producerOnDpu(op) || onDpu(op, op.users) > 0; }, producerFound,
      "see what keeps its neighbours off the DPU", "seen: 4 of 4 (3.5)");
  neighbour.since = 35;
  neighbour.follows = true;
  out.push_back(neighbour);
  out.push_back(rule(
      "reshape.first-dimension", {"reshape-fix"},
      "the first dimension stays the same unless all readers are on the DPU", keepsFirst,
      [](const FusedOp &op) {
        return fmt::format("from {} to {}", shapeStr(op.anchor->operand(0)->type().shape()),
                           shapeStr(op.anchor->result()->type().shape()));
      },
      "keep the batch dimension in front", "documented; no file shows it"));
}

void dpuczdx8g::addTensorRules(Rules &out) {
  addEltwise(out);
  addConcat(out);
  addResize(out);
  addSmall(out);
  addSlice(out);
  addReshape(out);
}

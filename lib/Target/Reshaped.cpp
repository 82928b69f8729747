//===- Reshaped.cpp - ops that run in another shape -------------------------===//
//
// The DPU knows images only. A matrix product becomes a convolution over the image that
// was flattened; a 1-D convolution or pool, and a scale of rows, one of an image of height
// one. Reshapes stand around them, except between two of them.
//
//===----------------------------------------------------------------------===//
#include "FusionBuilder.h"

using namespace dpuopt;

/// [permute to NCHW +] flatten in front of a matmul: the weights are permuted and both vanish.
void FusionBuilder::absorbReshapes() {
  for (const Chain &c : chains.all) {
    if (!c.fused || !c.runsAsImage() || !c.head->is("xir.matmul"))
      continue;
    const Value *v = c.head->operand(0);
    const Op *fix = v->def() && v->def()->is("xir.fix") ? v->def() : nullptr;
    const Op *reshape = fix ? (fix->operand(0) ? fix->operand(0)->def() : nullptr) : v->def();
    if (!reshape || !isReshapeLike(*reshape) || !v->hasOneUse() || (fix && !reshape->result()->hasOneUse()))
      continue;
    const Chain *rc = chains.byHead(reshape);
    if (!rc || !rc->fused)
      continue;
    absorbed[reshape] = c.head;
    const Op *permute = reshape->operand(0)->def();
    if (permute && permute->is("xir.transpose") && chains.byHead(permute) && permute->result()->hasOneUse() &&
        permute->getInts("order") == std::vector<int64_t>{0, 3, 1, 2})
      absorbed[permute] = c.head;
  }
}

/// The value a matmul really reads.
const Value *FusionBuilder::throughAbsorbed(const Value *v) const {
  for (const Op *d = v->def(); d && !chains.isConst(d); d = v->def()) {
    if (d->is("xir.fix") && d->operand(0) && d->operand(0)->def() && absorbed.count(d->operand(0)->def()))
      d = d->operand(0)->def();
    if (!absorbed.count(d))
      break;
    v = d->operand(0);
  }
  return v;
}

/// Does anything read `v` that cannot take the image it is before its reshape, or nothing at all?
bool FusionBuilder::isReadByOthers(const Value *v) const {
  return v->unused() || llvm::any_of(v->uses(), [&](const Use &u) {
           auto it = absorbed.find(u.user);
           const Op *reader = it != absorbed.end() ? it->second : u.user;
           const Chain *c = chains.byHead(reader);
           if (!c || !c->fused || !c->runsAsImage())
             return true;
           return reader->is("xir.matmul") && throughAbsorbed(reader->operand(0)) != v;
         });
}

/// A matmul over [1, h, w, c] is a convolution of that kernel; anything else is reshaped first.
bool FusionBuilder::needsReshape(const Chain &c, const Value *source) const {
  const Value *in = c.head->operand(0);
  const Type &t = source->type();
  bool permuted = false;
  for (const Value *v = in; v != source && v->def();) {
    const Op *d = v->def();
    permuted |= d->is("xir.transpose");
    v = d->operand(0);
  }
  if (permuted && behaves(Behaves::PermutedMatmulReshapes, options.vitisAi))
    return true;
  return !t.isStatic() || t.rank() != 4 || t.dim(1) > options.maxMatmulSide || t.dim(2) > options.maxMatmulSide;
}

void FusionBuilder::emitMatmul(const Chain &c, Node conv) {
  const Value *in = c.head->operand(0), *source = throughAbsorbed(in);
  auto direct = unreshaped.find(source);
  bool fromMatmul = direct != unreshaped.end(), reshape = !fromMatmul && needsReshape(c, source);
  llvm::SmallVector<const Op *, 4> gone; // the reshape in front, and what it stands for
  for (const Value *v = in; v != source; v = v->def()->operand(0))
    gone.insert(gone.begin(), v->def());
  for (const Op *m : gone)
    for (const Value *v : m->operands())
      if (v && v->def())
        claim(v->def(), conv, false, true, "");
  ++insertedFixes; // the reshaped weights' own
  if (reshape) {
    Node r;
    r.kind = r.candidate = "reshape-fix";
    std::string base = gone.empty() ? tensorOf(source) : xirName(*gone.back());
    if (!gone.empty() && !gone.back()->is("xir.fix"))
      base += "_fix";
    r.name = base + "_reshaped";
    r.tensor = inserted(r.name);
    r.members.append(gone.begin(), gone.end());
    r.anchor = gone.empty() ? nullptr : gone.back()->is("xir.fix") ? gone[gone.size() - 2] : gone.back();
    r.result = gone.empty() ? nullptr : in;
    r.fixed = true;
    connect(r, source);
    conv.from.insert(conv.from.begin(), add(std::move(r)));
  } else {
    conv.members.insert(conv.members.begin(), gone.begin(), gone.end());
    fromMatmul ? conv.from.push_back(direct->second) : connect(conv, source);
  }
  const std::string suffix = "(TransferMatMulToConv2d)";
  const Op *last = c.fix && c.members.size() > 1 ? c.members[c.members.size() - 2] : c.members.back();
  std::string finalTensor = c.fix ? xirName(*c.fix) : xirName(*last) + "_fix";
  conv.name = xirName(*c.head) + suffix;
  conv.tensor = inserted(xirName(*last) + suffix);
  std::string reshaped = conv.tensor + "_reshaped";
  unsigned id = add(std::move(conv));
  unreshaped[c.end] = id;
  if (!isReadByOthers(c.end))
    return;
  Node back;
  back.kind = back.candidate = "reshape-fix";
  back.name = reshaped;
  back.tensor = finalTensor;
  back.fixed = true;
  back.result = c.end;
  back.from.push_back(id);
  producer[c.end] = add(std::move(back));
}

/// The compiled tensor a value is, before any reshape of it vanished.
std::string FusionBuilder::tensorOf(const Value *v) const {
  if (v->def() && v->def()->is("xir.fix"))
    return xirName(*v->def());
  auto it = producer.find(v);
  return it == producer.end() ? v->name() : nodes[it->second].tensor;
}

/// conv1d and maxpool1d are marked as what they become; a scale of rows is reshaped like a matrix product.
void FusionBuilder::emitAsImage(const Chain &c, Node node) {
  const Value *in = c.head->operand(0);
  std::string head = xirName(*c.head), last = xirName(*c.members.back());
  bool scale = node.kind == "depthwise-conv2d-fix";
  auto direct = unreshaped.find(in);
  Node to;
  to.kind = to.candidate = "reshape-fix";
  to.name = scale ? tensorOf(in) + "_reshaped" : head + "_input_inserted_reshape";
  to.tensor = scale ? inserted(to.name) : to.name + "_fix";
  to.fixed = true;
  if (direct != unreshaped.end())
    to.from.push_back(direct->second);
  else
    connect(to, in);
  std::string finalTensor = c.fix ? last : last + "_fix";
  if (scale) {
    node.name = head + "_transfer_to_depthwise_conv2d";
    node.tensor = inserted(xirName(*(c.fix && c.members.size() > 1 ? c.members[c.members.size() - 2] : c.head)));
  } else {
    node.name = head + (node.kind == "pool-fix" ? "_transfered_MaxPool2d" : "_transfered_Conv2d");
    node.tensor = node.name + "_inserted_fix";
    if (node.kind == "pool-fix" && behaves(Behaves::PoolNamedAfterFix, options.vitisAi))
      node.name = node.tensor;
  }
  node.from.push_back(add(std::move(to)));
  Node back;
  back.name = scale ? node.tensor + "_reshaped" : head + "_output_inserted_reshape";
  unsigned id = add(std::move(node));
  unreshaped[c.end] = id;
  producer[c.end] = id; // for fix2float and the like, where nothing else is there
  if (!isReadByOthers(c.end))
    return;
  back.kind = back.candidate = "reshape-fix";
  back.tensor = finalTensor;
  back.fixed = true;
  back.result = c.end;
  back.from.push_back(id);
  producer[c.end] = add(std::move(back));
}

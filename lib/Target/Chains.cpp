//===- Chains.cpp - which ops fuse into one ---------------------------------===//
#include "Chains.h"

using namespace dpuopt;

static bool isCompiled(const Op &op) {
  llvm::StringRef t = xirType(op);
  return t.endswith("-fix") || t == "fix2float" || t == "float2fix" || t == "upload" || t == "download";
}

Chains::Chains(const Graph &g, const FusionOptions &options) : options(options) {
  findConstants(g);
  assumed = !hasFixPoints(g);
  compiledGraph = llvm::any_of(g.ops(), isCompiled);
  for (const Op &op : g.ops())
    if (!isConst(&op) && !taken.contains(&op))
      build(op);
  for (Chain &c : llvm::reverse(all))
    decide(c);
}

void Chains::findConstants(const Graph &g) {
  for (const Op &op : g.ops()) {
    bool any = false, all = true;
    for (const Value *v : op.operands())
      if (v) {
        any = true;
        all &= v->def() && isConst(v->def());
      }
    if (op.isConst() || op.isOneOf("xir.const", "xir.const-fix") || (any && all))
      constants.insert(&op);
  }
}

bool Chains::hasFixPoints(const Graph &g) const {
  for (const Op &op : g.ops()) {
    if (op.is("xir.fix"))
      return true;
    for (const Value *v : op.results())
      if (v->type().isFix())
        return true;
  }
  return false;
}

const Chain *Chains::byHead(const Op *op) const {
  auto it = heads.find(op);
  return it == heads.end() ? nullptr : &all[it->second];
}

bool Chains::quantized(const Value *v) const {
  if (v->def() && isConst(v->def()))
    return assumed || v->def()->is("xir.fix") || v->type().isFix();
  return quantizedValues.contains(v);
}

void Chains::build(const Op &op) {
  Chain c;
  c.head = &op;
  c.members = {&op};
  c.end = op.numResults() ? op.result() : nullptr;
  c.compiled = isCompiled(op);
  if (!c.end) { // an op without results computes nothing we could place elsewhere
    c.compiled = false;
    c.why = Unfused::NoFixedForm;
  } else if (c.compiled) {
    c.candidate = xirType(op).endswith("-fix") ? xirType(op).str() : "";
    c.activationName = op.getString("nonlinear");
  } else if (!op.is("xir.fix") && !compiledGraph) { // the compiler has fused what it could
    extend(c);
  }
  judgeInputs(c);
  noteResult(c);
  for (const Op *m : c.members)
    taken.insert(m);
  heads[&op] = all.size();
  all.push_back(std::move(c));
}

void Chains::extend(Chain &c) {
  const Op &op = *c.head;
  if (op.is("xir.data")) {
    takeFix(c);
    return;
  }
  c.candidate = op.numResults() == 1 && op.operand(0) ? fixedForm(op, options.vitisAi) : "";
  c.excused = options.isWaived(&op, Waived::Supported);
  if (c.excused && c.candidate.empty())
    c.candidate = xirType(op).str() + "-fix";
  if (c.candidate.empty()) {
    c.why = Unfused::NoFixedForm;
    return;
  }
  if (!c.excused && op.is("xir.reduction_mean") && op.operand(0)->uses().size() > 1) {
    c.why = Unfused::SharedInput;
    c.because = op.operand(0)->name();
    return;
  }
  takeScale(c);
  takeActivation(c);
  if (c.why == Unfused::No)
    takeFix(c);
}

/// The constant that makes up for the DPU's own averaging factor is part of the op.
void Chains::takeScale(Chain &c) {
  const Op *user = c.end->soleUser();
  if (!user || !user->is("xir.mul") || user->numOperands() != 2)
    return;
  if (!c.head->isOneOf("xir.avgpool2d", "xir.reduction_mean", "xir.hard-sigmoid"))
    return;
  const Value *other = user->operand(user->operand(0) == c.end ? 1 : 0);
  if (!other || !other->def() || !isConst(other->def()) || other->type().numElements() != 1)
    return;
  c.scaleMul = user;
  c.members.push_back(user);
  c.end = user->result();
}

static bool hasNonlinear(llvm::StringRef kind) {
  return kind == "conv2d-fix" || kind == "depthwise-conv2d-fix" || kind == "transposed-conv2d-fix" ||
         kind == "transposed-depthwise-conv2d-fix" || kind == "eltwise-fix" || kind == "conv3d-fix" ||
         kind == "depthwise-conv3d-fix" || kind == "transposed-conv3d-fix" || kind == "transposed-depthwise-conv3d-fix";
}

void Chains::takeActivation(Chain &c) {
  const Op *user = c.end->soleUser();
  if (!user || activationOf(*user).empty() || user->operand(0) != c.end || !hasNonlinear(c.candidate))
    return;
  c.activation = user;
  c.activationName = activationOf(*user).str();
  if (options.fusesActivation && !c.excused && !options.fusesActivation(c.candidate, c.activationName)) {
    c.why = Unfused::Activation;
    c.because = xirName(*user);
    return;
  }
  c.members.push_back(user);
  c.end = user->result();
}

bool Chains::takeFix(Chain &c) {
  const Op *user = c.end->soleUser();
  if (!user || !user->is("xir.fix"))
    return false;
  c.fix = user;
  c.members.push_back(user);
  c.end = user->result();
  return true;
}

void Chains::judgeInputs(Chain &c) {
  c.inputsQuantized = true;
  bool concat = c.head->is("xir.concat");
  bool shapeLike = isReshapeLike(*c.head) || c.head->is("xir.resize");
  for (const Value *v : c.head->operands()) {
    if (!v || quantized(v) || ((shapeLike || c.excused) && v->def() && isConst(v->def())))
      continue;
    // An unfixed input of a concat gets the concat's position, if its producer can be fixed at all.
    if (concat && fixableValues.contains(v) && v->hasOneUse())
      continue;
    c.inputsQuantized = false;
    c.because = c.because.empty() ? v->name() : c.because;
  }
}

/// Its result has values of its input only: the compiler gives it a fix of its own where it has none.
static bool movesData(const Op &op) {
  return isReshapeLike(op) || op.isOneOf("xir.transpose", "xir.maxpool2d", "xir.strided_slice") ||
         (op.is("xir.resize") && op.getString("mode") == "NEAREST");
}

/// The fix point a value has, through ops that keep it; null: none is given.
static const Type *fixedType(const Value *v) {
  while (v && !v->type().isFix() && v->def() && movesData(*v->def()))
    v = v->def()->operand(0);
  return v && v->type().isFix() ? &v->type() : nullptr;
}

bool Chain::runsAsImage() const {
  if (compiled || excused || !head->numOperands() || !head->operand(0))
    return false;
  return head->isOneOf("xir.matmul", "xir.conv1d", "xir.maxpool1d") ||
         (head->isOneOf("xir.scale", "xir.batchnorm") && head->operand(0)->type().rank() == 3);
}

bool Chain::isUnchanged() const {
  const Value *in = head->operand(0);
  if (!in || !end || in->type().shape() != end->type().shape() || !head->isOneOf("xir.maxpool2d", "xir.avgpool2d"))
    return false;
  for (const char *one : {"kernel", "stride"})
    if (head->getInts(one) != std::vector<int64_t>{1, 1})
      return false;
  const Type *from = fixedType(in), *to = fixedType(end);
  return !from || !to || from->elemType() == to->elemType();
}

/// An op the application or the DPU is taken to run reads fixed tensors.
bool Chains::readByWaived(const Chain &c) const {
  return options.waived && llvm::any_of(c.end->uses(), [&](const auto &use) { return options.isWaived(use.user); });
}

/// Says what the chain's result is to its consumers.
void Chains::noteResult(Chain &c) {
  const Op &op = *c.head;
  if (!c.end)
    return;
  for (const Value *v : op.results())
    if (v->type().isFix())
      quantizedValues.insert(v);
  if (c.fix || op.is("xir.fix") || c.end->type().isFix()) {
    quantizedValues.insert(c.end);
    return;
  }
  bool moves = (movesData(op) || (!c.candidate.empty() && (c.excused || readByWaived(c)))) && c.inputsQuantized;
  const Op *user = c.end->soleUser();
  bool joinsActivation = user && !activationOf(*user).empty() && !op.isOneOf("xir.concat", "xir.data");
  if (op.is("xir.fix2float") || compiledGraph)
    return;
  if (moves || (assumed && !joinsActivation)) {
    c.ownFix = !op.is("xir.data");
    for (const Value *v : op.results())
      quantizedValues.insert(v);
    quantizedValues.insert(c.end);
  } else if (!c.candidate.empty() && c.inputsQuantized && c.why == Unfused::No) {
    fixableValues.insert(c.end);
  }
}

bool Chains::resultFixed(const Chain &c, std::string &because) const {
  if (c.fix || c.ownFix)
    return true;
  const Op *user = c.end->soleUser();
  const Chain *next = user ? byHead(user) : nullptr;
  if (next && user->is("xir.concat") && next->fused)
    return true;
  because = user ? xirName(*user) : "";
  return false;
}

void Chains::decide(Chain &c) {
  if (c.compiled) {
    c.fused = !c.candidate.empty();
    return;
  }
  if (c.head->is("xir.data")) {
    c.fused = c.fix || assumed;
    return;
  }
  std::string because;
  if (c.why == Unfused::No && !c.inputsQuantized)
    c.why = Unfused::FloatInput;
  if (c.why == Unfused::No && !c.head->is("xir.fix") && !resultFixed(c, because)) {
    c.why = Unfused::FloatResult;
    c.because = because;
  }
  c.fused = c.why == Unfused::No && !c.candidate.empty();
}

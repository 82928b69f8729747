//===- Fusion.cpp - the compiled ops: emission, names, boundary ops ---------===//
#include "FusionBuilder.h"

using namespace dpuopt;

void FusionBuilder::connect(Node &node, const Value *v) {
  auto it = producer.find(v);
  if (it != producer.end())
    node.from.push_back(it->second); // repeated ones go in insertFix2Float
}

unsigned FusionBuilder::add(Node node) {
  nodes.push_back(std::move(node));
  return nodes.size() - 1;
}

void FusionBuilder::claim(const Op *root, Node &node, bool rootNamed, bool fused, llvm::StringRef rootSuffix) {
  struct Item {
    const Op *op;
    bool named;
    llvm::StringRef suffix;
  };
  llvm::SmallVector<Item, 4> work = {{root, rootNamed, rootSuffix}};
  while (!work.empty()) {
    auto [op, named, suffix] = work.pop_back_val();
    if (!chains.isConst(op) || !claimed.insert(op).second)
      continue;
    node.consts.push_back(op);
    // A fix that stays a fix pushes its constant's name away; a fused one takes it over.
    bool fixOfConst = op->is("xir.fix");
    if (named && !(fixOfConst && fused))
      node.constNames.push_back(xirName(*op) + (fixOfConst ? "" : suffix.str()));
    for (const Value *v : op->operands())
      if (v && v->def())
        work.push_back(
            {v->def(), named && fixOfConst, fixOfConst && !fused && !chains.compiledGraph ? "_const" : suffix});
  }
}

void FusionBuilder::claimConstants(const Chain &c, Node &node) {
  bool matmul = c.fused && c.head->is("xir.matmul");
  for (const Op *m : c.members)
    for (unsigned i = 0; i < m->numOperands(); ++i)
      if (const Value *v = m->operand(i); v && v->def())
        claim(v->def(), node, m != c.scaleMul && !isReshapeLike(*c.head), c.fused,
              matmul && i == 1 ? "(reshaped)" : "");
}

void FusionBuilder::nameNode(const Chain &c, Node &node) {
  node.name = xirName(*c.head);
  node.tensor = c.compiled ? c.head->result()->name() : xirName(*c.members.back());
  if (!c.fused || c.compiled)
    return;
  if (!c.fix)
    node.tensor = c.ownFix || c.head->is("xir.data") ? node.tensor + "_fix" : inserted(node.tensor);
  auto does = [&](Behaves what) { return behaves(what, options.vitisAi); };
  if (node.kind == "pool-fix" && does(Behaves::PoolNamedAfterFix))
    node.name = node.tensor;
  else if (node.kind == "hard-sigmoid-fix" && c.scaleMul && does(Behaves::HardSigmoidSaysMerged))
    node.name += "(MergeMultoHsigmoid)";
  else if (c.head->isOneOf("xir.scale", "xir.batchnorm") && does(Behaves::ScaleSaysDepthwise))
    node.name += "_transfer_to_depthwise_conv2d";
}

FusionBuilder::Node FusionBuilder::nodeFor(const Chain &c) {
  Node n;
  n.anchor = c.head;
  n.members.append(c.members.begin(), c.members.end());
  n.candidate = c.candidate;
  n.kind = xirType(*c.head).str();
  if (c.fused && !c.compiled)
    n.kind = c.head->is("xir.data") ? "data-fix" : c.candidate;
  n.activation = c.activationName;
  n.activationOp = c.activation;
  n.result = c.end;
  n.unfused = c.why;
  n.because = c.because;
  n.fixed = isFixedKind(n.kind) || n.kind == "float2fix";
  return n;
}

void FusionBuilder::emitOwnFix(const Chain &c, unsigned from) {
  Node fix;
  fix.kind = "fix";
  fix.name = fix.tensor = nodes[from].tensor + "_fix";
  fix.result = c.end;
  fix.from.push_back(from);
  unsigned id = add(std::move(fix));
  for (const Value *v : c.head->results())
    producer[v] = id;
}

/// Does the pool change nothing? The compiler removes it, and its input gets its tensor's name.
bool FusionBuilder::vanishes(const Chain &c) {
  if (!c.fused || c.compiled || c.candidate != "pool-fix" || !c.isUnchanged())
    return false;
  auto it = producer.find(c.head->operand(0));
  if (it == producer.end() || !isFixedKind(nodes[it->second].kind) || nodes[it->second].kind == "data-fix")
    return false;
  Node &from = nodes[it->second];
  claimConstants(c, from);
  from.members.append(c.members.begin(), c.members.end());
  from.tensor = xirName(*c.members.back()) + (c.fix ? "" : "_fix");
  producer[c.end] = it->second;
  return true;
}

/// A chain that does not fuse: every member is a float op of its own.
void FusionBuilder::emitApart(const Chain &c) {
  const Op *before = nullptr;
  for (const Op *m : c.members) {
    Chain one;
    one.head = m;
    one.members = {m};
    one.end = m->result();
    if (m == c.head) {
      one.candidate = c.candidate;
      one.why = c.why;
      one.because = c.because;
      one.activation = c.activation;
    } else if (m == c.activation) {
      one.why = Unfused::NoFixedForm;
    } else if (m == c.scaleMul) {
      one.why = Unfused::FloatInput;
      one.because = xirName(*before);
    }
    emit(one);
    before = m;
  }
}

void FusionBuilder::emit(const Chain &c) {
  if (absorbed.count(c.head))
    return;
  if (!c.fused && c.members.size() > 1)
    return emitApart(c);
  if (c.head->isOneOf("xir.upload", "xir.download")) { // added after placement: look through
    if (auto it = producer.find(c.head->operand(0)); it != producer.end())
      producer[c.end] = it->second;
    return;
  }
  if (vanishes(c))
    return;
  Node node = nodeFor(c);
  claimConstants(c, node);
  if (c.fused && c.runsAsImage())
    return c.head->is("xir.matmul") ? emitMatmul(c, std::move(node)) : emitAsImage(c, std::move(node));
  for (const Op *m : c.members)
    for (const Value *v : m->operands())
      if (v)
        connect(node, v);
  nameNode(c, node);
  unsigned id = add(std::move(node));
  for (const Value *v : c.head->results())
    producer[v] = id;
  if (c.end)
    producer[c.end] = id;
  if (c.ownFix && !c.fused)
    emitOwnFix(c, id);
}

static bool readsFixed(const FusedOp &op) { return isFixedKind(op.kind) || op.kind == "fix2float"; }

/// A fix behind a float op is a float2fix if a fixed op reads it.
void FusionBuilder::settleFixes() {
  std::vector<bool> hasFixedReader(nodes.size());
  for (const Node &n : nodes)
    if (readsFixed(n))
      for (unsigned p : n.from)
        hasFixedReader[p] = true;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].kind == "fix" && hasFixedReader[i])
      nodes[i].kind = "float2fix", nodes[i].fixed = true;
}

static void addFix2Float(FusedGraph &out, unsigned from, const std::string &consumer) {
  FusedOp f;
  f.kind = "fix2float";
  f.name = f.tensor = out.ops[from].tensor + "_" + consumer;
  f.inputs.push_back(from);
  out.ops.push_back(std::move(f));
}

/// A reshape that was moved to the end takes over the output's tensor name only after its fix2float is named.
static void nameBeforeTheOutputGotItsNameBack(const FusedOp &from, FusedOp &fix2float) {
  if (from.kind == "reshape-fix" && llvm::StringRef(from.name).endswith("(MoveReshape)_reshaped"))
    fix2float.name = from.name + "(MoveReshape)_";
}

/// One fix2float per fixed tensor and float reader, and one per output that is a fixed tensor.
void FusionBuilder::insertFix2Float(FusedGraph &out) {
  std::vector<unsigned> place(nodes.size());
  std::vector<size_t> readBy(nodes.size()); ///< by producer: one more than the last reader
  for (size_t i = 0; i < nodes.size(); ++i) {
    Node &n = nodes[i];
    FusedOp op = static_cast<FusedOp &>(n);
    for (unsigned p : n.from) {
      if (std::exchange(readBy[p], i + 1) == i + 1)
        continue;
      unsigned from = place[p];
      if (out.ops[from].fixed && !readsFixed(op)) {
        addFix2Float(out, from, op.name);
        from = out.ops.size() - 1;
      }
      op.inputs.push_back(from);
    }
    place[i] = out.ops.size();
    out.ops.push_back(std::move(op));
  }
  llvm::DenseSet<const Value *> done;
  for (const Value *v : g.outputs())
    if (v && done.insert(v).second)
      if (auto it = producer.find(v); it != producer.end() && out.ops[place[it->second]].fixed) {
        addFix2Float(out, place[it->second], "");
        nameBeforeTheOutputGotItsNameBack(out.ops[place[it->second]], out.ops.back());
      }
  for (unsigned i = 0; i < out.ops.size(); ++i) {
    out.ops[i].graph = &out;
    for (unsigned p : out.ops[i].inputs)
      out.ops[p].users.push_back(i);
  }
}

std::unique_ptr<FusedGraph> FusionBuilder::run() {
  auto out = std::make_unique<FusedGraph>();
  out->assumedQuantized = chains.assumed;
  absorbReshapes();
  for (const Chain &c : chains.all)
    emit(c);
  settleFixes();
  insertFix2Float(*out);
  for (const Op &op : g.ops())
    if (chains.isConst(&op) && !claimed.contains(&op))
      out->loose.push_back(&op);
  return out;
}

std::unique_ptr<FusedGraph> dpuopt::fuseGraph(const Graph &g, const FusionOptions &options) {
  return FusionBuilder(g, options).run();
}

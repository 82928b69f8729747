//===- Fusion.cpp - the compiled ops: emission, names, boundary ops ---------===//
#include "Chains.h"
#include "dpuopt/Target/Releases.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {
/// Turns chains into FusedOps in topological order, then adds fix2float.
class FusionBuilder {
public:
  FusionBuilder(const Graph &g, const FusionOptions &options) : g(g), options(options), chains(g, options) {}
  std::unique_ptr<FusedGraph> run();

private:
  struct Node : FusedOp {
    llvm::SmallVector<unsigned, 4> from; ///< producers
  };

  void absorbReshapes();
  const Value *throughAbsorbed(const Value *v) const;
  void emit(const Chain &c);
  void emitMatmul(const Chain &c, Node node);
  void emitOwnFix(const Chain &c, unsigned producer);
  void emitApart(const Chain &c);
  Node nodeFor(const Chain &c);
  void nameNode(const Chain &c, Node &node);
  void connect(Node &node, const Value *v);
  void claimConstants(const Chain &c, Node &node);
  void claim(const Op *op, Node &node, bool named, bool fused, llvm::StringRef suffix);
  unsigned add(Node node);
  bool readByFusedMatmul(const Value *v, bool &byOthers) const;
  bool needsReshape(const Chain &c, const Value *source) const;
  void settleFixes();
  void insertFix2Float(FusedGraph &out);
  std::string inserted(const std::string &base) { return fmt::format("{}_inserted_fix_{}", base, insertedFixes++); }

  const Graph &g;
  const FusionOptions &options;
  Chains chains;
  std::vector<Node> nodes;
  llvm::DenseMap<const Value *, unsigned> producer;   ///< node whose tensor stands for the value
  llvm::DenseMap<const Value *, unsigned> unreshaped; ///< the convolution a matmul became, before its reshape
  llvm::DenseMap<const Op *, const Op *> absorbed;    ///< reshape or transpose that vanishes in front of a matmul
  llvm::DenseSet<const Op *> claimed;
  unsigned insertedFixes = 0;
};
} // namespace

static bool isFixedKind(llvm::StringRef kind) { return kind.endswith("-fix"); }

/// [permute to NCHW +] flatten in front of a matmul: the weights are permuted and both vanish.
void FusionBuilder::absorbReshapes() {
  for (const Chain &c : chains.all) {
    if (!c.fused || !c.head->is("xir.matmul"))
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

void FusionBuilder::connect(Node &node, const Value *v) {
  auto it = producer.find(v);
  if (it != producer.end() && !llvm::is_contained(node.from, it->second))
    node.from.push_back(it->second);
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

/// Who reads the result of a fused matmul?
bool FusionBuilder::readByFusedMatmul(const Value *v, bool &byOthers) const {
  bool any = false;
  for (const Use &u : v->uses()) {
    const Op *user = u.user;
    auto it = absorbed.find(user);
    const Op *reader = it != absorbed.end() ? it->second : user;
    const Chain *c = chains.byHead(reader);
    bool matmul = c && c->fused && reader->is("xir.matmul") && throughAbsorbed(reader->operand(0)) == v;
    any |= matmul;
    byOthers |= !matmul;
  }
  return any;
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
  if (insertedFixes == 0)
    ++insertedFixes; // the first weights' own
  if (reshape) {
    Node r;
    r.kind = r.candidate = "reshape-fix";
    std::string base = gone.empty() ? nodes[producer.lookup(source)].tensor : xirName(*gone.back());
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
    if (fromMatmul)
      ++insertedFixes; // the reshape between two matmuls that cancels out
    conv.members.insert(conv.members.begin(), gone.begin(), gone.end());
    fromMatmul ? conv.from.push_back(direct->second) : connect(conv, source);
  }
  const std::string suffix = "(TransferMatMulToConv2d)";
  const Op *last = c.fix && c.members.size() > 1 ? c.members[c.members.size() - 2] : c.members.back();
  std::string finalTensor = c.fix ? xirName(*c.fix) : xirName(*last) + "_fix";
  conv.name = xirName(*c.head) + suffix;
  conv.tensor = inserted(xirName(*last) + suffix);
  bool others = false;
  std::string reshaped = conv.tensor + "_reshaped";
  unsigned id = add(std::move(conv));
  unreshaped[c.end] = id;
  readByFusedMatmul(c.end, others);
  if (!others && !c.end->unused())
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
  Node node = nodeFor(c);
  claimConstants(c, node);
  bool matmul = c.fused && c.head->is("xir.matmul");
  if (matmul)
    return emitMatmul(c, std::move(node));
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
  for (size_t i = 0; i < nodes.size(); ++i) {
    Node &n = nodes[i];
    FusedOp op = static_cast<FusedOp &>(n);
    for (unsigned p : n.from) {
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

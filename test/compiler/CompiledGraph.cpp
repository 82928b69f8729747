//===- CompiledGraph.cpp - what a compiler makes of a quantized graph --------------===//
#include "CompiledGraph.h"
#include "dpuopt/Quant/FixPoint.h"
#include "llvm/ADT/StringSwitch.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {

class Builder {
public:
  Builder(const CompilerInput &input, const Partition &p)
      : input(input), p(p), made(std::make_unique<Graph>(input.graph.name())), subgraphOf(p.fused->ops.size()),
        own(p.fused->ops.size()), across(p.fused->ops.size()), opsOf(p.subgraphs.size()), blobs(p.subgraphs.size()) {
    for (unsigned s = 0; s < p.subgraphs.size(); ++s)
      for (unsigned n : p.subgraphs[s].nodes)
        subgraphOf[n] = s;
  }
  std::unique_ptr<Graph> run();

private:
  void add(unsigned n);
  void shiftBias(llvm::ArrayRef<Value *> operands, unsigned subgraph);
  void addTransfers(unsigned n);
  Value *read(unsigned from, unsigned reader);
  Value *fixedConstant(const Value *v, const FusedOp &op, unsigned subgraph);
  Value *floatConstant(const Value *v, unsigned subgraph);
  std::vector<Value *> operandsOf(unsigned n);
  AttrMap attrsOf(const FusedOp &op, const Type &result, llvm::ArrayRef<Value *> operands) const;
  Type typeOf(const FusedOp &op, llvm::ArrayRef<Value *> operands) const;
  Op *create(llvm::StringRef type, const std::string &name, const std::string &tensor, std::vector<Value *> operands,
             Type result, AttrMap attrs, unsigned subgraph);
  void describe();
  Attr subgraphAttr(unsigned s);

  const CompilerInput &input;
  const Partition &p;
  std::unique_ptr<Graph> made;
  std::vector<unsigned> subgraphOf;                ///< by FusedOp
  std::vector<Value *> own;                        ///< by FusedOp: as its own subgraph reads it
  std::vector<std::map<unsigned, Value *>> across; ///< by FusedOp: as other subgraphs read it
  std::vector<std::vector<std::string>> opsOf;     ///< by subgraph
  std::vector<std::vector<uint8_t>> blobs;         ///< by subgraph: parameters
  llvm::DenseMap<const Value *, Value *> constants;
};

bool isConstant(const Value *v) {
  while (v->def() && v->def()->is("xir.fix"))
    v = v->def()->operand(0);
  return constantOf(v) != nullptr;
}

Attr fixAttr(const char *what, const Type &t) {
  return what == llvm::StringRef("bit_width") ? Attr::i32(t.elemType().bits) : Attr::i32(t.elemType().fixPoint);
}

} // namespace

Op *Builder::create(llvm::StringRef type, const std::string &name, const std::string &tensor,
                    std::vector<Value *> operands, Type result, AttrMap attrs, unsigned subgraph) {
  attrs["device"] = Attr::string(deviceName(p.subgraphs[subgraph].device));
  if (name != tensor)
    attrs["op_name"] = Attr::string(name);
  opsOf[subgraph].push_back(name);
  return made->create({"xir." + type.str(), std::move(operands), {{tensor, std::move(result)}}, std::move(attrs)});
}

//===-- Constants ----------------------------------------------------------------------===//

/// Its integers go into the subgraph's blob, and it says where they are.
Value *Builder::fixedConstant(const Value *v, const FusedOp &op, unsigned subgraph) {
  const Tensor *numbers = constantOf(v);
  const Op *from = v->def();
  if (!numbers)
    from = v->def()->operand(0)->def(), numbers = constantOf(v->def()->operand(0));
  const ElemType e = v->type().elemType();
  Tensor integers =
      numbers->elemType().isFix() ? *numbers : quantizeTensor(*numbers, {e.bits, e.fixPoint}, Rounding::HalfAway);
  std::string name = xirName(*from);
  if (op.anchor->is("xir.matmul") && integers.type().rank() == 2) { // [in, out] or [out, in]: a kernel over the image
    const bool transposed = op.anchor->getBool("transpose_b");
    integers = transposed ? integers : integers.transposed({1, 0});
    integers = integers.reshaped({integers.shape()[0], 1, 1, integers.shape()[1]});
    name += "(reshaped)";
  }
  integers = integers.expanded();
  std::vector<uint8_t> &blob = blobs[subgraph];
  blob.resize((blob.size() + 63) / 64 * 64);
  const auto at = static_cast<int64_t>(blob.size());
  blob.insert(blob.end(), integers.storage().bytes().begin(), integers.storage().bytes().end());
  Value *made_ = made->createConst(v->name(), integers);
  Op *op_ = made_->def();
  op_->setAttr("in_parameters", Attr::boolean(true));
  op_->setAttr("device", Attr::string("DPU"));
  op_->setAttr("op_name", Attr::string(name));
  op_->setAttr("tensor_attrs", Attr::dict({{"ddr_addr", Attr::i32(static_cast<int32_t>(at))},
                                           {"location", Attr::i32(1)},
                                           {"reg_id", Attr::i32(0)},
                                           {"round_mode", Attr::string("DPU_ROUND")}}));
  opsOf[subgraph].push_back(name);
  return made_;
}

Value *Builder::floatConstant(const Value *v, unsigned subgraph) {
  const char *device = deviceName(p.subgraphs[subgraph].device);
  if (const Tensor *t = constantOf(v)) {
    Value *c = made->createConst(v->name(), *t);
    c->def()->setAttr("device", Attr::string(device));
    opsOf[subgraph].push_back(xirName(*v->def()));
    return c;
  }
  Value *from = floatConstant(v->def()->operand(0), subgraph);
  return create("fix", xirName(*v->def()), v->name(), {from}, v->type(), v->def()->attrs(), subgraph)->result();
}

//===-- Ops -----------------------------------------------------------------------------===//

/// The tensor of `from` in the subgraph of `reader`.
Value *Builder::read(unsigned from, unsigned reader) {
  auto it = across[from].find(subgraphOf[reader]);
  return it != across[from].end() ? it->second : own[from];
}

std::vector<Value *> Builder::operandsOf(unsigned n) {
  const FusedOp &op = p.fused->ops[n];
  std::vector<Value *> operands;
  for (unsigned from : op.inputs)
    operands.push_back(read(from, n));
  if (op.kind == "eltwise-fix" && op.anchor->numOperands() == 2 && op.anchor->operand(0) == op.anchor->operand(1))
    operands.push_back(operands[0]);
  for (const Op *m : op.members)
    for (const Value *v : m->operands())
      if (v && m == op.anchor && !m->is("xir.fix") && isConstant(v)) {
        const bool fixed = op.fixed && v->type().isFix() && op.device == Device::Dpu;
        operands.push_back(fixed ? fixedConstant(v, op, subgraphOf[n]) : floatConstant(v, subgraphOf[n]));
      }
  return operands;
}

/// A matrix product is an image of one pixel.
Type Builder::typeOf(const FusedOp &op, llvm::ArrayRef<Value *> operands) const {
  Type t = op.result ? op.result->type() : operands[0]->type();
  if (op.kind == "fix2float")
    return t.withElem(ElemKind::F32);
  const Value *like = operands.empty() ? nullptr : operands[0];
  bool rounds = false; // or only moves
  for (const char *kind : {"conv", "eltwise", "pool", "depthwise", "sigmoid"})
    rounds |= llvm::StringRef(op.kind).contains(kind);
  for (unsigned u : op.users) // what a concatenation rounds is rounded in front of it
    if (const FusedOp &user = p.fused->ops[u]; rounds && user.kind == "concat-fix" && user.result->type().isFix())
      like = user.result;
  if (op.isFix() && !t.isFix()) // of something that moves what had a fix point
    while (like && !like->type().isFix())
      like = like->def() ? like->def()->operand(0) : nullptr;
  if ((op.fixed || op.isFix()) && !t.isFix() && like)
    t = t.withElem(like->type().elemType());
  if (op.anchor && op.anchor->is("xir.matmul") && op.kind == "conv2d-fix")
    t = t.withShape({t.dim(0), 1, 1, t.shape().back()});
  return t;
}

/// A reduction over height, width or both is a pool of that window.
static void addReductionWindow(const FusedOp &op, AttrMap &attrs) {
  llvm::ArrayRef<int64_t> in = op.anchor->operand(0)->type().shape();
  std::vector<int64_t> window = {1, 1}; // width, height
  for (int64_t axis : op.anchor->getInts("axis"))
    if (axis = axis < 0 ? axis + 4 : axis; in.size() == 4 && (axis == 1 || axis == 2))
      window[2 - axis] = in[axis];
  attrs["kernel"] = attrs["stride"] = Attr::i32s(window);
  attrs["pad"] = Attr::i32s({0, 0, 0, 0});
}

AttrMap Builder::attrsOf(const FusedOp &op, const Type &result, llvm::ArrayRef<Value *> operands) const {
  AttrMap attrs = op.anchor ? op.anchor->attrs() : AttrMap();
  attrs.erase("op_name");
  if (op.fixed)
    attrs.erase("transpose_a"), attrs.erase("transpose_b");
  const llvm::StringRef kind = op.kind;
  if (kind == "fix2float" || kind == "float2fix" || kind == "fix") {
    const Type &t = kind == "fix2float" ? operands[0]->type() : result;
    attrs = {{"round_mode", Attr::string("DPU_ROUND")}};
    if (kind == "fix2float")
      attrs.insert({{"bit_width", fixAttr("bit_width", t)},
                    {"fix_point", fixAttr("fix_point", t)},
                    {"if_signed", Attr::boolean(true)}});
  } else if (kind == "data-fix") {
    attrs["data_type"] = Attr::string("XINT8");
  } else if (kind == "reshape-fix") {
    attrs = {{"shape", Attr::i32s(result.shape())}};
  } else if (kind == "pool-fix" || kind == "eltwise-fix" || kind == "depthwise-fix") {
    attrs["type"] = Attr::string(llvm::StringSwitch<const char *>(op.anchor->name())
                                     .Cases("xir.maxpool2d", "xir.reduction_max", "MAX")
                                     .Cases("xir.avgpool2d", "xir.reduction_mean", "AVG")
                                     .Case("xir.mul", "MUL")
                                     .Default("ADD"));
    if (op.anchor->isOneOf("xir.reduction_max", "xir.reduction_mean"))
      addReductionWindow(op, attrs);
  }
  if (op.anchor && op.anchor->is("xir.matmul") && kind == "conv2d-fix") {
    llvm::ArrayRef<int64_t> in = operands[0]->type().shape();
    attrs["kernel"] = in.size() == 4 ? Attr::i32s({in[2], in[1]}) : Attr::i32s({1, 1}); // width, height
    attrs["stride"] = attrs["dilation"] = Attr::i32s({1, 1});
    attrs["pad"] = Attr::i32s({0, 0, 0, 0});
  }
  if (kind == "depthwise-conv2d-fix" && !attrs.count("kernel")) // a scale
    attrs["kernel"] = attrs["stride"] = Attr::i32s({1, 1});
  if (kind.contains("conv") || kind == "eltwise-fix")
    attrs["nonlinear"] = Attr::string(op.activation.empty() ? "NONE" : op.activation);
  return attrs;
}

/// The DPU's shifter takes a bias of at most one bit more than the products: others are shifted before.
void Builder::shiftBias(llvm::ArrayRef<Value *> operands, unsigned subgraph) {
  auto position = [](const Value *v) { return v->type().elemType().fixPoint; };
  const int shift = operands.size() < 3 ? 0 : position(operands[2]) - position(operands[0]) - position(operands[1]) - 1;
  Op *bias = shift > 0 ? operands[2]->def() : nullptr;
  if (!bias || !bias->isConst() || !bias->hasAttr("in_parameters"))
    return;
  Tensor t = *bias->getTensor("value");
  size_t at = bias->attr("tensor_attrs")->asMap().find("ddr_addr")->second.asInt();
  for (int8_t &q : t.mut<int8_t>()) {
    q = static_cast<int8_t>(q >> std::min(shift, 7));
    blobs[subgraph][at++] = static_cast<uint8_t>(q);
  }
  bias->setAttr("value", Attr::tensor(std::move(t)));
}

void Builder::add(unsigned n) {
  const FusedOp &op = p.fused->ops[n];
  std::vector<Value *> operands = operandsOf(n);
  const bool downloaded = llvm::any_of(p.transfers, [&](const TransferOp &t) { return !t.isUpload && t.source == n; });
  const Type type = typeOf(op, operands);
  if (op.anchor && op.anchor->is("xir.matmul") && op.kind == "conv2d-fix" && operands[0]->type().rank() == 4)
    if (Value *w = operands[1]; w->type().rank() == 4 && w->type().dim(1) == 1) { // one number per pixel and channel
      llvm::ArrayRef<int64_t> in = operands[0]->type().shape();
      const Tensor t = w->def()->getTensor("value")->reshaped({w->type().dim(0), in[1], in[2], in[3]});
      w->def()->setAttr("value", Attr::tensor(t));
      w->setType(t.type());
    }
  own[n] = create(op.kind, op.name, op.tensor + (downloaded ? "_download_0" : ""), operands, type,
                  attrsOf(op, type, operands), subgraphOf[n])
               ->result();
  if (llvm::StringRef(op.kind).contains("conv"))
    shiftBias(operands, subgraphOf[n]);
  addTransfers(n);
}

/// The download has the tensor's name; what other DPU subgraphs upload is the download's, or the op's own result.
void Builder::addTransfers(unsigned n) {
  Value *outside = own[n];
  for (const TransferOp &t : p.transfers) {
    if (t.source != n)
      continue;
    Value *moved =
        create(t.isUpload ? "upload" : "download", t.name, t.tensor, {outside}, outside->type(), {}, t.subgraph)
            ->result();
    if (t.isUpload)
      across[n][t.subgraph] = moved;
    else
      outside = moved;
  }
  for (unsigned s = 0; s < p.subgraphs.size(); ++s)
    if (s != subgraphOf[n] && outside != own[n])
      across[n].insert({s, outside});
}

//===-- What the file says of it -----------------------------------------------------------===//

static Attr strings(std::initializer_list<std::pair<const char *, const char *>> entries) {
  AttrMap map;
  for (auto [key, value] : entries)
    map[key] = Attr::string(value);
  return Attr::map(AttrKind::String, std::move(map));
}

static Attr leaf(const std::string &name, llvm::ArrayRef<std::string> ops, AttrMap attrs) {
  attrs["workload"] = attrs["workload_on_arch"] = Attr::u64(0);
  return Attr::dict({{"attrs", Attr::dict(std::move(attrs))},
                     {"children", Attr::list(AttrKind::Dict, {})},
                     {"name", Attr::string("subgraph_" + name)},
                     {"ops", Attr::strings(ops)}});
}

/// A leaf per op, its constants in front.
static std::vector<Attr> leaves(const Graph &g, llvm::ArrayRef<std::string> ops, std::vector<std::string> &order) {
  llvm::StringMap<const Op *> byName;
  for (const Op &op : g.ops())
    byName[xirName(op)] = &op;
  std::vector<Attr> all;
  std::vector<std::string> some;
  for (const std::string &name : ops) {
    some.push_back(name);
    if (byName.lookup(name)->isConst())
      continue;
    order.push_back("subgraph_" + name);
    all.push_back(leaf(name, some, {}));
    some.clear();
  }
  return all;
}

Attr Builder::subgraphAttr(unsigned s) {
  const Subgraph &sub = p.subgraphs[s];
  if (sub.device != Device::Dpu) {
    AttrMap attrs = {{"device", Attr::string(deviceName(sub.device))}};
    if (sub.device == Device::Cpu)
      attrs["runner"] = strings(
          {{"ref", "libvart-cpu-runner.so"}, {"run", "libvart-cpu-runner.so"}, {"sim", "libvart-cpu-runner.so"}});
    return leaf(sub.name.substr(9), opsOf[s], std::move(attrs));
  }
  std::vector<std::string> order;
  std::vector<Attr> children = leaves(*made, opsOf[s], order);
  const auto size = static_cast<int64_t>(blobs[s].size());
  AttrMap attrs = {
      {"children_topological_sort", Attr::strings(order)},
      {"debug_mode", Attr::string("null")},
      {"device", Attr::string("DPU")},
      {"dpu_fingerprint", Attr::u64(input.target.fingerprint())},
      {"dpu_name", Attr::string(input.target.name())},
      {"mc_code", Attr::bytes(Blob::copy(llvm::StringRef("no machine code, for this is a test")))},
      {"reg_id_to_context_type",
       strings({{"REG_0", "CONST"}, {"REG_1", "DATA"}, {"REG_2", "DATA"}, {"REG_3", "DATA"}})},
      {"reg_id_to_context_type_v2",
       strings({{"REG_0", "CONST"}, {"REG_1", "WORKSPACE"}, {"REG_2", "INTERFACE"}, {"REG_3", "INTERFACE"}})},
      {"reg_id_to_parameter_value",
       Attr::map(AttrKind::Bytes, {{"REG_0", Attr::bytes(Blob::adopt(std::move(blobs[s])))}})},
      {"reg_id_to_size", Attr::map(AttrKind::I32, {{"REG_0", Attr::i32(static_cast<int32_t>(size))}})},
      {"runner",
       strings({{"ref", "libvart-cpu-runner.so"}, {"run", "libvart-dpu-runner.so"}, {"sim", "libvart-sim-runner.so"}})},
      {"workload", Attr::u64(0)},
      {"workload_on_arch", Attr::u64(0)}};
  return Attr::dict({{"attrs", Attr::dict(std::move(attrs))},
                     {"children", Attr::list(AttrKind::Dict, std::move(children))},
                     {"name", Attr::string(sub.name)},
                     {"ops", Attr::strings(opsOf[s])}});
}

void Builder::describe() {
  AttrMap &attrs = made->attrs();
  std::vector<Attr> subgraphs;
  for (unsigned s = 0; s < p.subgraphs.size(); ++s)
    subgraphs.push_back(subgraphAttr(s));
  attrs["subgraphs"] = Attr::list(AttrKind::Dict, std::move(subgraphs));
  attrs["files_md5sum"] = Attr::map(AttrKind::String, {{input.path, Attr::string(input.md5)}});
  attrs["libs_info"] = Attr::map(
      AttrKind::String, {{fmt::format("xcompiler.{}.0", vitisAiStr(input.target.vitisAi())), Attr::string("test")}});
}

std::unique_ptr<Graph> Builder::run() {
  for (unsigned n = 0; n < p.fused->ops.size(); ++n)
    add(n);
  std::vector<Value *> outputs;
  for (Op &op : made->ops())
    for (Value *v : op.results())
      if (v->unused())
        outputs.push_back(v);
  made->setOutputs(outputs);
  describe();
  return std::move(made);
}

std::unique_ptr<Graph> dpuopt::compiledGraph(const CompilerInput &input, const Partition &p) {
  return Builder(input, p).run();
}

//===- Graph.cpp - Graph, Op and Value ------------------------------------===//
#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/Twine.h"
#include <queue>

using namespace dpuopt;

//===-- Value --------------------------------------------------------------===//

Op *Value::soleUser() const {
  return useList.size() == 1 && !useList.front().user->isReturn() ? useList.front().user : nullptr;
}

bool Value::isGraphOutput() const {
  return llvm::any_of(useList, [](const Use &u) { return u.user->isReturn(); });
}

void Value::replaceAllUsesWith(Value *other) {
  assert(other != this && "a value cannot replace itself");
  std::vector<Use> old = useList;
  for (const Use &u : old)
    u.user->setOperand(u.index, other);
}

void Value::takeName(Value *other) {
  if (other == this)
    return;
  std::string wanted = other->nm;
  other->setName(graph->uniqueName(wanted + "_replaced"));
  setName(wanted);
}

void Value::setName(llvm::StringRef name) {
  if (name == nm)
    return;
  assert(!graph->lookup(name) && "value names are unique");
  graph->byName.erase(nm);
  nm = name.str();
  graph->byName[nm] = this;
}

//===-- Op -----------------------------------------------------------------===//

void Op::addUse(unsigned i) {
  if (Value *v = operandList[i])
    v->useList.push_back({this, i});
}

void Op::dropUse(unsigned i) {
  Value *v = operandList[i];
  if (!v)
    return;
  auto &uses = v->useList;
  auto it = llvm::find_if(uses, [&](const Use &u) { return u.user == this && u.index == i; });
  assert(it != uses.end());
  uses.erase(it);
}

void Op::setOperand(unsigned i, Value *v) {
  if (i >= operandList.size()) {
    if (!v)
      return;
    operandList.resize(i + 1, nullptr);
  }
  dropUse(i);
  operandList[i] = v;
  addUse(i);
}

void Op::setOperands(llvm::ArrayRef<Value *> values) {
  std::vector<Value *> fresh = values.vec(); // `values` may be our own operandList
  for (unsigned i = 0; i < operandList.size(); ++i)
    dropUse(i);
  operandList = std::move(fresh);
  for (unsigned i = 0; i < operandList.size(); ++i)
    addUse(i);
}

llvm::SmallVector<Value *, 2> Op::results() const {
  llvm::SmallVector<Value *, 2> out;
  for (const auto &r : resultList)
    out.push_back(r.get());
  return out;
}

bool Op::unused() const {
  return llvm::all_of(resultList, [](const auto &r) { return r->unused(); });
}

static const Attr *find(const AttrMap &attrs, llvm::StringRef name) {
  auto it = attrs.find(std::string_view(name.data(), name.size()));
  return it == attrs.end() ? nullptr : &it->second;
}

const Attr *Op::attr(llvm::StringRef name) const { return find(attrMap, name); }
const Attr *Graph::attr(llvm::StringRef name) const { return find(attrMap, name); }

void Op::removeAttr(llvm::StringRef name) {
  auto it = attrMap.find(std::string_view(name.data(), name.size()));
  if (it != attrMap.end())
    attrMap.erase(it);
}

int64_t Op::getInt(llvm::StringRef name, int64_t dflt) const {
  const Attr *a = attr(name);
  return a && (a->isInt() || a->is(AttrKind::Bool)) ? a->asInt() : dflt;
}
double Op::getFloat(llvm::StringRef name, double dflt) const {
  const Attr *a = attr(name);
  return a && (a->isFloat() || a->isInt()) ? a->asFloat() : dflt;
}
bool Op::getBool(llvm::StringRef name, bool dflt) const { return getInt(name, dflt) != 0; }
std::string Op::getString(llvm::StringRef name, llvm::StringRef dflt) const {
  const Attr *a = attr(name);
  return a && a->is(AttrKind::String) ? a->asString() : dflt.str();
}
std::vector<int64_t> Op::getInts(llvm::StringRef name, std::vector<int64_t> dflt) const {
  const Attr *a = attr(name);
  return a && a->isIntList() ? a->asInts() : dflt;
}
std::vector<float> Op::getFloats(llvm::StringRef name, std::vector<float> dflt) const {
  const Attr *a = attr(name);
  return a && a->isFloatList() ? a->asFloats() : dflt;
}
const Tensor *Op::getTensor(llvm::StringRef name) const {
  const Attr *a = attr(name);
  return a && a->is(AttrKind::Tensor) ? &a->asTensor() : nullptr;
}

//===-- Graph --------------------------------------------------------------===//

Graph::Graph(std::string name) : nm(std::move(name)), ret(new Op(*this, "return")) {
  ret->storage = "return";
  ret->nm = ret->storage;
}

Graph::~Graph() {
  list.clearAndDispose([](Op *op) { delete op; });
}

llvm::SmallVector<Value *, 4> Graph::inputs() const {
  llvm::SmallVector<Value *, 4> out;
  for (const auto &v : inputList)
    out.push_back(v.get());
  return out;
}

Value *Graph::addInput(llvm::StringRef name, Type type) {
  std::string unique = uniqueName(name);
  inputList.emplace_back(new Value(*this, unique, std::move(type), nullptr, inputList.size()));
  return byName[unique] = inputList.back().get();
}

void Graph::eraseInput(Value *input) {
  assert(!input->def() && input->unused());
  byName.erase(input->name());
  inputList.erase(inputList.begin() + input->index());
  for (unsigned i = 0; i < inputList.size(); ++i)
    inputList[i]->idx = i;
}

Op *Graph::create(OpSpec spec, Op *before) {
  Op *op = new Op(*this, "");
  op->storage = std::move(spec.name);
  op->nm = op->storage;
  op->attrMap = std::move(spec.attrs);
  op->location = std::move(spec.loc);
  op->setOperands(spec.operands);
  for (auto &[name, type] : spec.results) {
    std::string unique = uniqueName(name.empty() ? op->storage : name);
    op->resultList.emplace_back(new Value(*this, unique, std::move(type), op, op->resultList.size()));
    byName[unique] = op->resultList.back().get();
  }
  list.insert(before ? before->getIterator() : list.end(), *op);
  ++count;
  return op;
}

Value *Graph::createConst(llvm::StringRef name, Tensor value, Op *before, Location loc) {
  OpSpec spec;
  spec.name = "const";
  spec.results.push_back({name.str(), value.type()});
  spec.attrs["value"] = Attr::tensor(std::move(value));
  spec.loc = std::move(loc);
  return create(std::move(spec), before)->result();
}

void Graph::erase(Op *op) {
  assert(op->unused() && "erasing an op whose results are used");
  op->setOperands({});
  for (const auto &r : op->resultList)
    byName.erase(r->name());
  list.eraseAndDispose(op->getIterator(), [](Op *dead) { delete dead; });
  --count;
}

void Graph::moveBefore(Op *op, Op *before) {
  list.remove(*op);
  list.insert(before ? before->getIterator() : list.end(), *op);
}

void Graph::replace(Op *op, llvm::ArrayRef<Value *> values) {
  assert(values.size() == op->numResults());
  for (unsigned i = 0; i < values.size(); ++i)
    if (values[i] != op->result(i))
      op->result(i)->replaceAllUsesWith(values[i]);
  erase(op);
}

Value *Graph::lookup(llvm::StringRef valueName) const { return byName.lookup(valueName); }

std::string Graph::uniqueName(llvm::StringRef hint) const {
  if (!byName.count(hint))
    return hint.str();
  unsigned &suffix = nextSuffix[hint];
  for (;;) {
    std::string candidate = (llvm::Twine(hint) + "_" + llvm::Twine(++suffix)).str();
    if (!byName.count(candidate))
      return candidate;
  }
}

/// How many distinct ops produce operands of `op`.
static unsigned numProducers(const Op &op) {
  llvm::SmallPtrSet<Op *, 8> producers;
  for (Value *v : op.operands())
    if (v && v->def())
      producers.insert(v->def());
  return producers.size();
}

Status Graph::sortTopologically() {
  // Kahn's algorithm that always takes the ready op that came first: an order
  // that is already right stays as it is.
  std::vector<Op *> original, order;
  llvm::DenseMap<const Op *, unsigned> position, waiting;
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
  for (Op &op : list) {
    position[&op] = original.size();
    if ((waiting[&op] = numProducers(op)) == 0)
      ready.push(original.size());
    original.push_back(&op);
  }
  while (!ready.empty()) {
    Op *op = original[ready.top()];
    ready.pop();
    order.push_back(op);
    llvm::SmallPtrSet<Op *, 8> seen;
    for (Value *r : op->results())
      for (const Use &u : r->uses())
        if (!u.user->isReturn() && seen.insert(u.user).second && --waiting[u.user] == 0)
          ready.push(position[u.user]);
  }
  if (order.size() != count)
    return failure();
  list.clear();
  for (Op *op : order)
    list.push_back(*op);
  return success();
}

std::unique_ptr<Graph> Graph::clone() const {
  auto copy = std::make_unique<Graph>(nm);
  copy->attrMap = attrMap;
  llvm::DenseMap<const Value *, Value *> map;
  for (const auto &in : inputList)
    map[in.get()] = copy->addInput(in->name(), in->type());
  auto mapped = [&](llvm::ArrayRef<Value *> values) {
    std::vector<Value *> out;
    for (Value *v : values)
      out.push_back(v ? map.lookup(v) : nullptr);
    return out;
  };
  for (const Op &op : list) {
    OpSpec spec{op.name().str(), mapped(op.operands()), {}, op.attrs(), op.loc()};
    for (Value *r : op.results())
      spec.results.push_back({r->name(), r->type()});
    Op *twin = copy->create(std::move(spec));
    for (unsigned i = 0; i < op.numResults(); ++i)
      map[op.result(i)] = twin->result(i);
  }
  copy->setOutputs(mapped(outputs()));
  return copy;
}

const Tensor *dpuopt::constantOf(const Value *v) {
  return v && v->def() && v->def()->isConst() ? v->def()->getTensor("value") : nullptr;
}

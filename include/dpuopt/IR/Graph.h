//===- Graph.h - Graph, Op and Value --------------------------------------===//
//
// A Graph owns its ops in an intrusive list, in def-before-use order, and its
// values. One class Op for every operator: `onnx.*` ops are open (unknown ones
// stay opaque), `xir.*` ops are the closed list of Ops.def, and `const` holds a
// Tensor in attribute `value`. Use lists are maintained by setOperand alone.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_GRAPH_H
#define DPUOPT_IR_GRAPH_H

#include "dpuopt/IR/Attr.h"
#include "dpuopt/IR/Type.h"
#include "dpuopt/Support/Diagnostic.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/ilist_node.h"
#include "llvm/ADT/simple_ilist.h"
#include <memory>
#include <string>
#include <vector>

namespace dpuopt {

class Graph;
class Op;

/// Operand `index` of `user`.
struct Use {
  Op *user;
  unsigned index;
};

/// A tensor in the graph: a graph input (def() is null) or the result of an op.
/// Its name is unique in the graph; it is the ONNX tensor name as long as the
/// tensor means the same, because quant_info.json and XIR key on it.
class Value {
public:
  const std::string &name() const { return nm; }
  const Type &type() const { return ty; }
  void setType(Type t) { ty = std::move(t); }
  Op *def() const { return op; }
  unsigned index() const { return idx; } ///< result number, or input number

  /// Uses by ops and by the graph's return, in the order they were made.
  llvm::ArrayRef<Use> uses() const { return useList; }
  bool unused() const { return useList.empty(); }
  bool hasOneUse() const { return useList.size() == 1; }
  /// The op that is the only user (with one use), else null. Null too if that is the return.
  Op *soleUser() const;
  bool isGraphOutput() const;
  void replaceAllUsesWith(Value *other);
  /// Takes over `other`'s name; `other` gets a fresh unique one.
  void takeName(Value *other);
  /// Renames; the name must be free (asserted): see Graph::uniqueName.
  void setName(llvm::StringRef name);

private:
  friend class Graph;
  friend class Op;
  Value(Graph &graph, std::string name, Type type, Op *op, unsigned idx)
      : graph(&graph), nm(std::move(name)), ty(std::move(type)), op(op), idx(idx) {}
  Graph *graph;
  std::string nm;
  Type ty;
  Op *op;
  unsigned idx;
  std::vector<Use> useList;
};

class Op : public llvm::ilist_node<Op> {
public:
  /// Full name with prefix: "onnx.Conv", "xir.conv2d-fix", "const", "return".
  llvm::StringRef name() const { return nm; }
  bool is(llvm::StringRef full) const { return nm == full; }
  template <class... Ts> bool isOneOf(Ts... names) const { return (is(names) || ...); }
  bool isOnnx() const { return nm.startswith("onnx."); }
  bool isXir() const { return nm.startswith("xir."); }
  bool isConst() const { return nm == "const"; }
  bool isReturn() const { return nm == "return"; }

  unsigned numOperands() const { return static_cast<unsigned>(operandList.size()); }
  /// Null when the optional operand is absent or `i` is past the end.
  Value *operand(unsigned i) const { return i < operandList.size() ? operandList[i] : nullptr; }
  llvm::ArrayRef<Value *> operands() const { return operandList; }
  void setOperand(unsigned i, Value *v);
  void setOperands(llvm::ArrayRef<Value *> values);

  unsigned numResults() const { return static_cast<unsigned>(resultList.size()); }
  Value *result(unsigned i = 0) const { return resultList[i].get(); }
  /// Results as pointers, for range-for.
  llvm::SmallVector<Value *, 2> results() const;
  bool unused() const; ///< no result has a use

  const AttrMap &attrs() const { return attrMap; }
  const Attr *attr(llvm::StringRef name) const;
  bool hasAttr(llvm::StringRef name) const { return attr(name) != nullptr; }
  void setAttr(llvm::StringRef name, Attr value) { attrMap[name.str()] = std::move(value); }
  void removeAttr(llvm::StringRef name);
  // Typed access; the default is returned when absent or of another kind.
  int64_t getInt(llvm::StringRef name, int64_t dflt = 0) const;
  double getFloat(llvm::StringRef name, double dflt = 0) const;
  bool getBool(llvm::StringRef name, bool dflt = false) const; ///< Bool, or an int != 0
  std::string getString(llvm::StringRef name, llvm::StringRef dflt = "") const;
  std::vector<int64_t> getInts(llvm::StringRef name, std::vector<int64_t> dflt = {}) const;
  std::vector<float> getFloats(llvm::StringRef name, std::vector<float> dflt = {}) const;
  const Tensor *getTensor(llvm::StringRef name) const;

  const Location &loc() const { return location; }
  void setLoc(Location l) { location = std::move(l); }
  Graph &graph() const { return *owner; }

private:
  friend class Graph;
  friend class Value;
  Op(Graph &graph, std::string name) : owner(&graph), nm(std::move(name)) {}
  void addUse(unsigned i);
  void dropUse(unsigned i);
  Graph *owner;
  std::string storage;
  llvm::StringRef nm{};
  std::vector<Value *> operandList;
  std::vector<std::unique_ptr<Value>> resultList;
  AttrMap attrMap;
  Location location;
};

/// Everything needed to make an op. Result names are made unique ("" -> derived
/// from the op name).
struct OpSpec {
  std::string name;
  std::vector<Value *> operands;
  std::vector<std::pair<std::string, Type>> results;
  AttrMap attrs = {};
  Location loc = {};
};

class Graph {
public:
  explicit Graph(std::string name = "main");
  ~Graph();
  Graph(const Graph &) = delete;
  Graph &operator=(const Graph &) = delete;
  std::unique_ptr<Graph> clone() const;

  const std::string &name() const { return nm; }
  void setName(std::string n) { nm = std::move(n); }
  AttrMap &attrs() { return attrMap; }
  const AttrMap &attrs() const { return attrMap; }
  const Attr *attr(llvm::StringRef name) const;

  llvm::SmallVector<Value *, 4> inputs() const;
  Value *addInput(llvm::StringRef name, Type type);
  void eraseInput(Value *input); ///< must be unused

  /// The pseudo-op that uses the outputs; it is not in ops().
  Op &returnOp() const { return *ret; }
  llvm::ArrayRef<Value *> outputs() const { return ret->operands(); }
  void setOutputs(llvm::ArrayRef<Value *> values) { ret->setOperands(values); }

  using OpList = llvm::simple_ilist<Op>;
  OpList &ops() { return list; }
  const OpList &ops() const { return list; }
  size_t size() const { return count; }

  /// Inserts before `before` (null: at the end). Operands must belong to this graph.
  Op *create(OpSpec spec, Op *before = nullptr);
  /// A `const` op; `name` is made unique.
  Value *createConst(llvm::StringRef name, Tensor value, Op *before = nullptr, Location loc = {});
  /// Removes and deletes; its results must be unused (asserted).
  void erase(Op *op);
  void moveBefore(Op *op, Op *before);
  /// Replaces every use of `op`'s results by `values` (same number) and erases it.
  void replace(Op *op, llvm::ArrayRef<Value *> values);

  Value *lookup(llvm::StringRef valueName) const;
  /// `hint`, or `hint` followed by _1, _2...: the first that is free.
  std::string uniqueName(llvm::StringRef hint) const;

  /// Restores def-before-use order, stable. Failure: the graph has a cycle
  /// (the order is then unchanged).
  Status sortTopologically();

private:
  friend class Value;
  friend class Op;
  std::string nm;
  AttrMap attrMap;
  std::vector<std::unique_ptr<Value>> inputList;
  OpList list;
  size_t count = 0;
  std::unique_ptr<Op> ret;
  llvm::StringMap<Value *> byName;
  mutable llvm::StringMap<unsigned> nextSuffix;
};

/// The Tensor of the `const` op that makes `v`, or null if `v` is null or not a constant.
const Tensor *constantOf(const Value *v);

} // namespace dpuopt
#endif

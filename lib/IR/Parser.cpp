//===- Parser.cpp - the .dpuir text form, in --------------------------------===//
//
// Recursive descent over Lexer's tokens. The first mistake ends the parse with a
// diagnostic at its line.
//
//===----------------------------------------------------------------------===//
#include "AttrParser.h"

using namespace dpuopt;

namespace {

class Parser : AttrParser {
public:
  Parser(llvm::StringRef text, llvm::StringRef file, const SideData &side, DiagEngine &diags)
      : AttrParser(text, file, side, diags) {}

  std::unique_ptr<Graph> run() {
    if (!header() || !expect("{"))
      return nullptr;
    while (!token.is("return"))
      if (!op())
        return nullptr;
    advance();
    std::vector<Value *> outputs;
    if (!token.is("}") && !operands(outputs))
      return nullptr;
    graph->setOutputs(outputs);
    if (!expect("}"))
      return nullptr;
    if (token.kind != Token::End)
      return error("one graph per file; found '" + token.text + "' after its end"), nullptr;
    return std::move(graph);
  }

private:
  bool header() {
    std::string name;
    if (!expect("graph") || !take(Token::AtName, name, "the graph's @name") || !expect("("))
      return false;
    graph = std::make_unique<Graph>(name);
    while (!token.is(")")) {
      Type type;
      unsigned line = token.line;
      if (!take(Token::ValueName, name, "an input %name") || !expect(":") || !parseType(type))
        return false;
      if (graph->lookup(name))
        return error("%" + name + " is defined twice", line);
      graph->addInput(name, type);
      if (!skipIf(",") && !token.is(")"))
        return error("expected ',' or ')', found " + shown());
    }
    advance();
    if (skipIf("attributes"))
      return dict(graph->attrs(), AttrKind::I64, 0);
    return true;
  }

  bool operands(std::vector<Value *> &out) {
    do {
      if (skipIf("_")) {
        out.push_back(nullptr);
        continue;
      }
      std::string name;
      unsigned line = token.line;
      if (!take(Token::ValueName, name, "a %value or _"))
        return false;
      Value *v = graph->lookup(name);
      if (!v)
        return error("%" + name + " is used before it is defined", line);
      out.push_back(v);
    } while (skipIf(","));
    return true;
  }

  bool op() {
    OpSpec spec;
    spec.loc.line = token.line;
    std::vector<std::string> names;
    while (token.kind == Token::ValueName) {
      names.push_back(token.text);
      advance();
      if (!skipIf(","))
        break;
    }
    if (!names.empty() && !expect("="))
      return false;
    if (token.kind != Token::Word && token.kind != Token::String)
      return error("expected an op name, found " + shown());
    spec.name = token.text;
    advance();
    TensorLiteral literal;
    bool isConst = spec.name == "const" && !token.is("(");
    if (isConst ? !tensorLiteral(literal) : !operandClause(spec))
      return false;
    if (token.is("{") &&
        !dict(spec.attrs, llvm::StringRef(spec.name).startswith("xir.") ? AttrKind::I32 : AttrKind::I64, 0))
      return false;
    if (!resultTypes(names, spec))
      return false;
    if (token.kind == Token::AtName)
      spec.loc.node = token.text, advance();
    if (isConst) {
      if (spec.results.size() != 1)
        return error("const has exactly one result", spec.loc.line);
      Tensor value;
      if (!build(literal, spec.results[0].second, value))
        return false;
      spec.attrs["value"] = Attr::tensor(std::move(value));
    }
    graph->create(std::move(spec));
    return true;
  }

  bool operandClause(OpSpec &spec) {
    if (!expect("("))
      return false;
    return skipIf(")") || (operands(spec.operands) && expect(")"));
  }

  bool resultTypes(const std::vector<std::string> &names, OpSpec &spec) {
    if (!names.empty() && !expect(":"))
      return false;
    for (size_t i = 0; i < names.size(); ++i) {
      Type type;
      if ((i && !expect(",")) || !parseType(type))
        return false;
      if (graph->lookup(names[i]) || llvm::is_contained(llvm::makeArrayRef(names).drop_front(i + 1), names[i]))
        return error("%" + names[i] + " is defined twice", spec.loc.line);
      spec.results.push_back({names[i], type});
    }
    return true;
  }

  std::unique_ptr<Graph> graph;
};

} // namespace

Result<std::unique_ptr<Graph>> dpuopt::parseGraph(llvm::StringRef text, llvm::StringRef file, const SideData &side,
                                                  DiagEngine &diags) {
  std::unique_ptr<Graph> graph = Parser(text, file, side, diags).run();
  if (!graph)
    return failure();
  return graph;
}

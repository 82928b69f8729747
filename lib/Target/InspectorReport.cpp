//===- InspectorReport.cpp - reads inspect_<target>.txt ---------------------===//
//
// Line oriented: after `graph name:`, a field begins in column one with its name and a
// colon; what follows until the next field belongs to it. Attributes are indented by two.
// Lists are Python's: ['a', 'b'], [1, 2], [(1, 2)].
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Target/Inspector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {
enum class Field { None, Graph, Name, Inputs, Outputs, Type, Shape, Attrs, Device, Constraint, Messages, Source };

class Reader {
public:
  Reader(llvm::StringRef text, DiagEngine &diags) : rest(text), diags(diags) {}
  Result<InspectorReport> read();

private:
  bool nextLine();
  void readHead();
  Status readField(Field field, llvm::StringRef value);
  Status readNames(llvm::StringRef text, std::vector<std::string> &names);
  Status readShapes(llvm::StringRef text, std::vector<Shape> &shapes);
  Status readDevice(llvm::StringRef text);
  void readAttr();
  Status checkLast();
  DiagBuilder at(llvm::StringRef where, std::string message);

  llvm::StringRef rest, line;
  unsigned number = 0;
  DiagEngine &diags;
  InspectorReport report;
  llvm::StringSet<> names;
};
} // namespace

/// Largest tensor a report may name: shapes are multiplied by the rules.
static constexpr int64_t MostElements = int64_t(1) << 40;

DiagBuilder Reader::at(llvm::StringRef where, std::string message) {
  Location loc;
  loc.line = number;
  unsigned column = where.data() >= line.data() && where.data() <= line.end() ? where.data() - line.data() + 1 : 1;
  return std::move(diags.error(loc, fmt::format("column {}: {}", column, message)).rule("inspector.syntax"));
}

bool Reader::nextLine() {
  if (rest.empty())
    return false;
  std::tie(line, rest) = rest.split('\n');
  line.consume_back("\r");
  ++number;
  return true;
}

static Field fieldOf(llvm::StringRef line, llvm::StringRef &value) {
  llvm::StringRef key;
  std::tie(key, value) = line.split(':');
  if (key.size() == line.size())
    return Field::None;
  value = value.ltrim();
  // Some releases misspell some of these.
  return llvm::StringSwitch<Field>(key)
      .Case("graph name", Field::Graph)
      .Case("node name", Field::Name)
      .Case("input nodes", Field::Inputs)
      .Case("output nodes", Field::Outputs)
      .Case("op type", Field::Type)
      .Cases("outputs shape", "output shape", Field::Shape)
      .Case("op attributes", Field::Attrs)
      .Cases("assigned device", "assigend device", "assgined device", Field::Device)
      .Cases("hardware constraints", "hardware constrains", Field::Constraint)
      .Case("node messages", Field::Messages)
      .Case("source range", Field::Source)
      .Default(Field::None);
}

static bool isSeparator(llvm::StringRef line) { return line.size() > 20 && line.ltrim('=').empty(); }

/// The target is the first line of its section, or (2.5) the name in it.
void Reader::readHead() {
  bool inTarget = false;
  while (nextLine()) {
    if (line.startswith("graph name:")) {
      report.graph = line.split(':').second.trim().str();
      return;
    }
    if (line.startswith("inspection summary:"))
      inTarget = false;
    llvm::StringRef text = line.trim();
    if (inTarget && report.target.empty() && !text.empty() && !isSeparator(text)) {
      text.consume_front("name:");
      report.target = text.trim(" \"").str();
    }
    inTarget |= line.startswith("target info:");
  }
}

/// ['a', "b"]; names may hold anything but their own quote.
Status Reader::readNames(llvm::StringRef text, std::vector<std::string> &list) {
  llvm::StringRef s = text.trim();
  if (!s.consume_front("["))
    return at(text, "a list of names begins with '['");
  for (s = s.ltrim(); !s.consume_front("]"); s = s.ltrim(", ")) {
    size_t end = s.size() > 1 && (s[0] == '\'' || s[0] == '"') ? s.find(s[0], 1) : llvm::StringRef::npos;
    if (end == llvm::StringRef::npos)
      return at(s, "a name in quotes or ']' is expected");
    list.push_back(s.slice(1, end).str());
    s = s.drop_front(end + 1);
  }
  return success();
}

/// [1, 2], [(1, 2)], [[1], [2]] or [1, 2],[3, 4]: every innermost list is a shape.
Status Reader::readShapes(llvm::StringRef text, std::vector<Shape> &shapes) {
  llvm::StringRef s = text.trim();
  unsigned depth = 0;
  bool inner = false; // the list that is open holds no list
  Shape shape;
  int64_t elements = 1;
  while (!s.empty()) {
    int64_t dim;
    if (s[0] == '[' || s[0] == '(') {
      ++depth;
      inner = true;
      shape.clear();
      elements = 1;
    } else if (s[0] == ']' || s[0] == ')') {
      if (depth-- == 0)
        return at(s, "a list ends that did not begin");
      if (inner)
        shapes.push_back(shape);
      inner = false;
    } else if (s[0] != ',' && s[0] != ' ') {
      llvm::StringRef digits = s.take_while([](char c) { return (c >= '0' && c <= '9') || c == '-'; });
      if (!inner || digits.empty() || digits.getAsInteger(10, dim) || dim < 0)
        return at(s, "a dimension is expected");
      if (shape.size() == 16 || dim > MostElements || (dim > 1 && elements > MostElements / dim))
        return at(s, "the shape is too large");
      elements *= std::max<int64_t>(dim, 1);
      shape.push_back(dim);
      s = s.drop_front(digits.size());
      continue;
    }
    s = s.drop_front();
  }
  return depth ? Status(at(s, "the list does not end")) : success();
}

Status Reader::readDevice(llvm::StringRef text) {
  std::string device = text.trim().lower();
  if (device != "dpu" && device != "cpu" && device != "user")
    return at(text, fmt::format("a device is dpu, cpu or user, found '{}'", text.trim().take_front(40)));
  report.nodes.back().device = device;
  return success();
}

/// "  kernel: [3, 3]"; lines that go on with a value are of no use here.
void Reader::readAttr() {
  llvm::StringRef s = line;
  if (!s.consume_front("  ") || s.startswith(" "))
    return;
  auto [key, value] = s.split(':');
  bool isName = !key.empty() && llvm::all_of(key, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  if (isName && key.size() != s.size())
    report.nodes.back().attrs[key.str()] = value.trim().str();
}

Status Reader::checkLast() {
  if (report.nodes.empty())
    return success();
  const InspectedNode &n = report.nodes.back();
  const char *missing = n.type.empty() ? "op type" : n.device.empty() ? "assigned device" : nullptr;
  if (!missing)
    return success();
  Location loc;
  loc.line = n.line;
  loc.node = n.name;
  return diags.error(loc, fmt::format("a node has a line '{}:', this one has none", missing)).rule("inspector.syntax");
}

Status Reader::readField(Field field, llvm::StringRef value) {
  if (field == Field::Name) {
    if (failed(checkLast()))
      return failure();
    report.nodes.emplace_back();
    report.nodes.back().name = value.trim().str();
    report.nodes.back().line = number;
    if (!names.insert(value.trim()).second)
      return at(value, fmt::format("there are two nodes '{}'", value.trim()));
    return success();
  }
  if (report.nodes.empty())
    return success();
  InspectedNode &n = report.nodes.back();
  switch (field) {
  case Field::Inputs:
    return readNames(value, n.inputs);
  case Field::Type: {
    llvm::StringRef type = value.trim();
    n.type = (type.consume_front("nndct_"), type.str());
    return success();
  }
  case Field::Shape:
    return readShapes(value, n.shapes);
  case Field::Device:
    return readDevice(value);
  case Field::Constraint:
    n.constraint = value.trim().str();
    return success();
  default:
    return success();
  }
}

Result<InspectorReport> Reader::read() {
  readHead();
  if (rest.empty() && report.graph.empty())
    return diags.error("an inspector report has a line 'graph name:', this file has none").rule("inspector.syntax");
  Field field = Field::None;
  bool prefixed = false;
  while (nextLine()) {
    llvm::StringRef value;
    if (Field next = fieldOf(line, value); next != Field::None) {
      field = next;
      prefixed |= field == Field::Type && value.startswith("nndct_");
      if (failed(readField(field, value)))
        return failure();
    } else if (isSeparator(line)) {
      field = Field::None;
    } else if (field == Field::Attrs && !report.nodes.empty()) {
      readAttr();
    }
  }
  if (failed(checkLast()))
    return failure();
  report.release = prefixed ? 30 : 25;
  return std::move(report);
}

bool dpuopt::looksLikeInspectorReport(llvm::StringRef text) {
  return text.contains("\ntarget info:") && text.contains("\ngraph name:") && text.contains("\nnode name:");
}

Result<InspectorReport> dpuopt::readInspectorReport(llvm::StringRef text, DiagEngine &diags) {
  return Reader(text, diags).read();
}

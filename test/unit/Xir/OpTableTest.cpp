//===- OpTableTest.cpp - our table of operators is libxir's ------------------------===//
//
// The judge dumps the definitions libxir registers; every one must be in
// lib/IR/XirOps.def, with the same arguments and attributes, and nothing else may be
// marked as built in there.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Support/Process.h"
#include "Helpers.h"
#include "dpuopt/IR/XirOps.h"
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::json;

namespace {
std::string kindName(const XirAttr &a) {
  switch (a.kind == AttrKind::List ? a.element : a.kind) {
  case AttrKind::Bool:
    return "bool";
  case AttrKind::I32:
    return "i32";
  case AttrKind::F32:
    return "f32";
  case AttrKind::F64:
    return "f64";
  case AttrKind::String:
    return "string";
  case AttrKind::Bytes:
    return "bytes";
  default:
    return "another";
  }
}

/// One line per argument and attribute, as text that a test can compare.
std::string describe(const XirOpDef &def) {
  std::string out;
  for (const XirArg &a : def.args)
    out += "arg " + std::string(a.name) + " " + std::to_string(static_cast<int>(a.occurrence)) + " " +
           (a.elem == ArgElem::Fix   ? "XINT"
            : a.elem == ArgElem::Int ? "INT"
                                     : "FLOAT") +
           "\n";
  for (const XirAttr &a : def.attrs)
    out += "attr " + std::string(a.name) + " " + (a.required ? "required " : "optional ") +
           (a.kind == AttrKind::List ? "list " : "") + kindName(a) + " " + std::to_string(a.listLength) + "\n";
  return out;
}

std::string describe(const Json &def) {
  static const char *const types[] = {"INT", "UINT", "XINT", "XUINT", "FLOAT"};
  std::string out;
  for (const Json &a : def["args"])
    out += "arg " + a["name"].get<std::string>() + " " + std::to_string(a["occurrence"].get<int>()) + " " +
           types[a["data_type"].get<int>()] + "\n";
  for (const Json &a : def["attrs"]) {
    std::string kind = a["kind"].get<std::string>();
    bool isList = llvm::StringRef(kind).startswith("list ");
    // libxir says 1 for scalars and any length of a vector as 0; so does our table, for lists.
    int length = isList ? a["length"].get<int>() : 0;
    out += "attr " + a["name"].get<std::string>() + (a["required"].get<bool>() ? " required " : " optional ") + kind +
           " " + std::to_string(length) + "\n";
  }
  return out;
}

Json libxirDefinitions() {
  std::string helper = findHelper("dpuopt-xir-judge");
  if (helper.empty())
    return nullptr;
  ProcessResult result = runProcess(helper, {"--opdefs"}, {60});
  return Json::parse(result.out, nullptr, false);
}
} // namespace

TEST(XirOpTable, IsLibxirs) {
  Json defs = libxirDefinitions();
  if (defs.is_null())
    GTEST_SKIP() << "dpuopt-xir-judge is not built";
  ASSERT_TRUE(defs.is_object());
  EXPECT_GE(defs.size(), 80u);
  for (auto &[type, def] : defs.items()) {
    const XirOpDef *ours = findXirOp(type);
    ASSERT_TRUE(ours) << type << " is not in the table";
    EXPECT_TRUE(ours->builtin) << type;
    EXPECT_EQ(describe(*ours), describe(def)) << type;
  }
  for (const XirOpDef &def : xirOps())
    EXPECT_EQ(def.builtin, defs.contains(def.type)) << def.type;
}

namespace {
/// One OpDef message of a file, described like the table's.
std::pair<std::string, std::string> describeMessage(llvm::StringRef message) {
  static const char *const types[] = {"INT", "UINT", "XINT", "XUINT", "FLOAT"};
  static const std::map<uint32_t, std::string> kinds = {{4, "bool"},      {5, "i32"},       {9, "f32"},
                                                        {10, "f64"},      {11, "string"},   {12, "bytes"},
                                                        {14, "list i32"}, {18, "list f32"}, {20, "list string"}};
  std::string name, args, attrs;
  for (WireReader r(message); r.next();) {
    if (r.field() == 1)
      name = r.bytes().str();
    if (r.field() != 2 && r.field() != 3)
      continue;
    std::string member, kind;
    uint64_t second = 0, third = 0, length = 0; // occurrence and type, or - and occurrence
    for (WireReader field(r.bytes()); field.next();) {
      if (field.field() == 1)
        member = field.bytes().str();
      else if (field.field() == 2)
        second = field.u64();
      else if (field.field() == 3)
        third = field.u64();
      else if (field.field() == 6)
        length = field.u64();
      else if (r.field() == 3 && field.field() == 4)
        for (WireReader value(field.bytes()); value.next();)
          kind = kinds.count(value.field()) ? kinds.at(value.field()) : "another";
    }
    bool isList = llvm::StringRef(kind).startswith("list ");
    if (r.field() == 2)
      args += "arg " + member + " " + std::to_string(second) + " " + types[third % 5] + "\n";
    else
      attrs += "attr " + member + (third ? " optional " : " required ") + kind + " " +
               std::to_string(isList ? length : 0) + "\n";
  }
  return {name, args + attrs};
}
} // namespace

TEST(XirOpTable, LaterOpsAreThoseOfRelease35) {
  const char *path = DPUOPT_SHARED_DATA "/vendor/mnist_cnn/CNN_kv260.xmodel";
  if (!llvm::sys::fs::exists(path))
    GTEST_SKIP() << "the shared data folder is not here";
  DiagEngine diags(&llvm::errs());
  auto file = Blob::mapFile(path, diags);
  ASSERT_TRUE(file);
  std::map<std::string, std::string> later;
  for (WireReader r(file->bytes()); r.next();)
    if (r.field() == 101) {
      auto [name, text] = describeMessage(r.bytes());
      const XirOpDef *ours = findXirOp(name);
      EXPECT_TRUE(ours) << name << " is not in the table";
      if (!ours || ours->builtin)
        continue;
      later[name] = text;
      EXPECT_EQ(describe(*ours), text) << name;
    }
  for (const XirOpDef &def : xirOps())
    EXPECT_TRUE(def.builtin || later.count(def.type)) << def.type;
}

TEST(XirOpTable, HoldsEachTypeOnce) {
  for (const XirOpDef &def : xirOps())
    EXPECT_EQ(findXirOp(def.type), &def) << def.type;
  EXPECT_EQ(findXirOp("no-such-op"), nullptr);
}

TEST(XirOpTable, ArgumentsByName) {
  auto parse = [](const char *text) {
    DiagEngine diags(&llvm::errs());
    return std::move(*parseGraph(text, "test", {}, diags));
  };
  auto g = parse("graph @g() {\n"
                 "  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 4]} : f32<1x4>\n"
                 "  %w = const splat(1.0) : f32<3x4>\n"
                 "  %m = xir.matmul(%x, %w, _) {transpose_a = false, transpose_b = true} : f32<1x3>\n"
                 "  %c = xir.my(%x, %m) : f32<1x3>\n"
                 "  return %m, %c\n}\n");
  const Op &matmul = *g->lookup("m")->def();
  EXPECT_EQ(xirArgNames(matmul), (std::vector<std::string>{"input", "input", "bias"}));
  EXPECT_EQ(xirArg(matmul, "input"), g->lookup("x"));
  EXPECT_EQ(xirArg(matmul, "bias"), nullptr);
  EXPECT_EQ(xirArgNames(*g->lookup("c")->def()), (std::vector<std::string>{"input", "input"}));
}

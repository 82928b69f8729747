//===- Misbehaviour.cpp - what a compiler may do that it should not ------------------===//
#include "Misbehaviour.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace dpuopt;

static std::vector<std::string> words() {
  const char *text = std::getenv("VAI_C_XIR_TEST");
  llvm::SmallVector<llvm::StringRef, 4> parts;
  llvm::StringRef(text ? text : "").split(parts, ' ', -1, false);
  return {parts.begin(), parts.end()};
}

bool dpuopt::told(llvm::StringRef word) {
  return llvm::any_of(words(), [&](llvm::StringRef w) { return w.split('=').first == word; });
}

std::string dpuopt::toldAbout(llvm::StringRef word) {
  for (llvm::StringRef w : words())
    if (w.split('=').first == word)
      return w.split('=').second.str();
  return "";
}

//===-- The graph -----------------------------------------------------------------------===//

void dpuopt::spoilPlacement(PartitionOptions &options, const Partition &good) {
  static const Rule whim = {
      "test.whim", {}, [](const Limits &) { return "the compiler likes it"; }, nullptr, nullptr, "", "test"};
  if (!told("split"))
    return;
  std::string chosen = toldAbout("split");
  std::vector<std::string> dpu;
  for (const FusedOp &op : good.fused->ops)
    if (op.device == Device::Dpu && op.anchor)
      dpu.push_back(xirName(*op.anchor));
  if (chosen.empty() && !dpu.empty())
    chosen = dpu[dpu.size() / 2];
  options.check = [chosen, check = options.check](const FusedOp &op) {
    auto broken = check(op);
    if (op.anchor && xirName(*op.anchor) == chosen)
      broken.push_back({&whim, "the compiler likes it", "it does not", ""});
    return broken;
  };
}

/// The last DPU constant.
static Op *someParameter(Graph &g) {
  Op *last = nullptr;
  for (Op &op : g.ops())
    if (op.isConst() && op.hasAttr("in_parameters"))
      last = &op;
  return last;
}

static AttrMap dpuAttrs(const AttrMap &subgraph) { return subgraph.find("attrs")->second.asMap(); }

/// Calls `change` with the attributes of every DPU subgraph.
static void changeDpu(Graph &g, llvm::function_ref<void(AttrMap &)> change) {
  std::vector<Attr> all;
  for (const Attr &s : g.attr("subgraphs")->asList()) {
    AttrMap map = s.asMap(), attrs = dpuAttrs(map);
    if (attrs["device"].asString() == "DPU")
      change(attrs);
    map["attrs"] = Attr::dict(std::move(attrs));
    all.push_back(Attr::dict(std::move(map)));
  }
  g.attrs()["subgraphs"] = Attr::list(AttrKind::Dict, std::move(all));
}

void dpuopt::spoilGraph(Graph &g) {
  if (Op *c = someParameter(g); c && told("weight")) {
    Tensor other = *c->getTensor("value");
    other.mut<int8_t>()[0] ^= 1;
    changeDpu(g, [&](AttrMap &attrs) { // where the file has it
      Blob blob = Blob::copy(attrs["reg_id_to_parameter_value"].asMap().find("REG_0")->second.asBytes().bytes());
      const size_t at = c->attr("tensor_attrs")->asMap().find("ddr_addr")->second.asInt();
      if (at < blob.size())
        blob.mutableBytes()[at] ^= 1;
      attrs["reg_id_to_parameter_value"] = Attr::map(AttrKind::Bytes, {{"REG_0", Attr::bytes(blob)}});
    });
    c->setAttr("value", Attr::tensor(other));
  }
  if (Op *c = someParameter(g); c && told("fix-point")) {
    ElemType e = c->result()->type().elemType();
    --e.fixPoint;
    c->setAttr("value", Attr::tensor(c->getTensor("value")->bitcast(e)));
    c->result()->setType(c->result()->type().withElem(e));
  }
  if (told("fingerprint"))
    changeDpu(g, [](AttrMap &attrs) {
      attrs["dpu_fingerprint"] = Attr::u64(0x101000016010405);
      attrs["dpu_name"] = Attr::string("DPUCZDX8G_ISA1_B2304");
    });
  if (told("source"))
    g.attrs()["files_md5sum"] = Attr::map(AttrKind::String, {{"other.xmodel", Attr::string(std::string(32, '0'))}});
}

//===-- The program ------------------------------------------------------------------------===//

static void write(const std::string &path, const std::string &text) { std::ofstream(path, std::ios::binary) << text; }

[[noreturn]] static void floodLog(const char *text) {
  for (;;)
    if (fputs(text, stdout) < 0)
      _exit(1);
}

/// A child that stays: in our group, or in a session of its own. Its number goes into the file that the word names.
static void leaveBehind(llvm::StringRef word, bool ownSession) {
  pid_t child = fork();
  if (child == 0) {
    if (ownSession)
      setsid();
    for (;;)
      pause();
  }
  write(toldAbout(word), std::to_string(child));
}

void dpuopt::misbehave(const std::string &folder, const std::string &name) {
  if (told("orphan"))
    leaveBehind("orphan", false);
  if (told("daemon"))
    leaveBehind("daemon", true);
  if (told("outside"))
    for (const char *leaf : {"/../escaped", "/../quant_info.json"})
      write(folder + leaf, "written by the compiler\n");
  if (told("extra")) {
    (void)llvm::sys::fs::create_directories(folder + "/debug/deep");
    write(folder + "/debug/deep/dump.txt", "x");
    write(folder + "/extra.txt", "x");
    write(folder + "/" + name + ".prototxt", "not yours");
  }
  if (told("binary")) {
    std::string garbage;
    for (unsigned i = 0; i < 5000; ++i)
      garbage += static_cast<char>(i * i * 7 + i);
    fwrite(garbage.data(), 1, garbage.size(), stdout);
    puts("\n[UNILOG][WARNING] \x1b[31m\xff\xfe xir::Op{name = \xc3\x28, type = \x01}'s input and output is unchanged");
    fflush(stdout);
  }
  if (told("abort")) {
    fputs("[UNILOG][FATAL][XCOM_PM_FAIL][The compiler occurs an error when generating instructions.]\n", stderr);
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
  }
  if (told("hang")) {
    signal(SIGTERM, SIG_IGN);
    for (;;)
      pause();
  }
  if (told("flood"))
    floodLog("[UNILOG][WARNING] xir::Op{name = x, type = pool-fix}'s input and output is unchanged, so it will be "
             "removed.\n");
  if (told("partial-line"))
    floodLog("0123456789abcdef");
  if (told("fail"))
    exit(1);
  if (told("empty"))
    write(folder + "/" + name + ".xmodel", std::string("\x0a\x03net", 5));
  if (told("empty") || told("nothing")) {
    puts("[UNILOG][INFO] Compile done.");
    exit(0);
  }
}

void dpuopt::spoilFiles(const std::string &folder, const std::string &name) {
  const std::string xmodel = folder + "/" + name + ".xmodel";
  if (told("md5"))
    write(folder + "/md5sum.txt", std::string(32, '0') + "\n");
  if (told("meta"))
    write(folder + "/meta.json", "{\"filename\": \"../../x\", \"kernel\": [1, {}], \"target\": null}");
  if (told("truncate"))
    if (uint64_t size; !llvm::sys::fs::file_size(xmodel, size))
      (void)truncate(xmodel.c_str(), static_cast<off_t>(size / 2));
  if (told("link")) {
    rename(xmodel.c_str(), (folder + "/../elsewhere.xmodel").c_str());
    (void)symlink("../elsewhere.xmodel", xmodel.c_str());
  }
}

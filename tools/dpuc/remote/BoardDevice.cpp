//===- BoardDevice.cpp - the DPU of a board at the other end of ssh ------------------------===//
//
// `xdputil run MODEL -i INDEX FILE...` takes one file for each input, in the order of the
// names, which it prints as "fillin NAME", and writes "0.NAME.bin" for each output into the
// current folder: NAME without its parts in parentheses, "/" as "_".
//
// dpuopt-vart-runner takes requests, one a line (tools/vart/Serve.cpp): here from a file.
//
//===----------------------------------------------------------------------===//
#include "BoardDevice.h"
#include "dpuopt/Data/TensorFiles.h"
#include "dpuopt/Support/CommandWords.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Target/Fusion.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {

/// A file that a run has left: where it is now, its bytes and the tensor's name.
struct Dumped {
  std::string leaf, name;
  uint64_t bytes = 0;
};

/// Files get names of ours before anything else is done with them.
constexpr llvm::StringLiteral listOutputs = R"sh(n=0
for f in 0.*.bin; do
  [ -f "$f" ] || continue
  mv -- "$f" "dump$n"
  printf "dpuc:%s:%s:%s\n" "dump$n" "$(wc -c <"dump$n")" "$f"
  n=$((n+1))
done)sh";

constexpr llvm::StringLiteral ModelLeaf = "m.xmodel";

std::string inputLeaf(size_t i) { return fmt::format("in{}.bin", i); }

/// Without what libxir counts as decoration: pairs of parentheses with what is in them.
std::string undecorated(llvm::StringRef name) {
  std::string out;
  std::vector<size_t> open;
  for (char c : name) {
    if (c == '(')
      open.push_back(out.size());
    out += c;
    if (c == ')' && !open.empty()) {
      out.resize(open.back());
      open.pop_back();
    }
  }
  return out;
}

/// What both sides call a tensor: runners name it after either end of its upload or download.
std::string plainName(llvm::StringRef name) {
  std::string out = undecorated(name);
  for (char &c : out)
    c = c == '/' ? '_' : c;
  for (llvm::StringRef end : {"_upload_0", "_download_0"})
    if (llvm::StringRef(out).endswith(end))
      out.resize(out.size() - end.size());
  return out;
}

std::vector<Dumped> readListing(llvm::StringRef text) {
  std::vector<Dumped> list;
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    Dumped d;
    if (!line.consume_front("dpuc:dump"))
      continue;
    auto [number, more] = line.split(':');
    auto [bytes, name] = more.split(':');
    unsigned n = 0;
    if (number.getAsInteger(10, n) || bytes.trim().getAsInteger(10, d.bytes) || !name.consume_front("0.") ||
        !name.consume_back(".bin"))
      continue;
    d.leaf = fmt::format("o/dump{}", n);
    d.name = name.str();
    list.push_back(std::move(d));
  }
  return list;
}

/// The file of an output: by name, else the only one of its size. Null: none.
const Dumped *fileOf(const Value &v, llvm::ArrayRef<Dumped> list) {
  const Dumped *found = nullptr;
  size_t same = 0;
  for (const Dumped &d : list) {
    if (plainName(d.name) == plainName(v.name()))
      return &d;
    if (d.bytes == static_cast<uint64_t>(v.type().numBytes()))
      ++same, found = &d;
  }
  return same == 1 ? found : nullptr;
}

/// The order in which the inputs were taken, by what was printed; as it is if that says nothing.
std::vector<unsigned> orderTaken(llvm::StringRef out, llvm::ArrayRef<const Value *> inputs) {
  std::vector<unsigned> order;
  while (!out.empty()) {
    auto [line, rest] = out.split('\n');
    out = rest;
    if (!line.consume_front("fillin "))
      continue;
    for (unsigned i = 0; i < inputs.size(); ++i)
      if (plainName(line.trim()) == plainName(inputs[i]->name()) && !llvm::is_contained(order, i))
        order.push_back(i);
  }
  return order;
}

} // namespace

int dpuopt::xdputilIndex(const FileSubgraphs &all, llvm::StringRef subgraph, const Board &board) {
  const bool onlyDpu = board.release() && *board.release() < 20;
  int index = 0;
  for (const FileSubgraph *s : all.sorted()) {
    if (s->name == subgraph)
      break;
    index += !onlyDpu || s->device == "DPU";
  }
  return index;
}

bool dpuopt::runsOurs(const Board &board, const BoardTools &tools) {
  constexpr VitisAi Oldest = 25; // of the runtimes that our program knows
  return !board.runner.empty() && !tools.vendors && board.release().value_or(Oldest) >= Oldest;
}

Status dpuopt::checkAroundDpu(const RunModel &model, DiagEngine &diags) {
  const FileSubgraphs all(*model.graph);
  for (const Op &op : model.graph->ops())
    if (const FileSubgraph *s = all.of(&op);
        s && s->device == "CPU" && !op.isOneOf("xir.const", "xir.const-fix") && !op.isConst() && !canExecute(op))
      return diags
          .error({xirName(op)},
                 fmt::format("{} is left to the CPU, and this program does not know it: it cannot compute "
                             "what lies around the DPU",
                             op.name().str()))
          .file(model.path)
          .rule("remote.cpu-op");
  return success();
}

BoardDevice::BoardDevice(const RunModel &model, const Board &board, const BoardTools &tools, BoardFolder &folder,
                         DiagEngine &diags)
    : model(model), board(board), tools(tools), folder(folder), diags(diags), all(*model.graph) {}

DiagBuilder BoardDevice::error(std::string text) {
  DiagBuilder e = diags.error(std::move(text));
  e.file(model.path).rule("remote.run");
  return e;
}

Status BoardDevice::prepare() {
  if (board.xdputil.empty() && !runsOurs(board, tools))
    return diags
        .error(fmt::format("nothing on '{}' can run a model: there is neither xdputil nor dpuopt-vart-runner",
                           board.address))
        .rule("remote.tools")
        .note("scripts/cross.sh builds ours; dpuc remote BOARD install puts it there");
  return folder.send(model.path, ModelLeaf, diags);
}

Status BoardDevice::sendInputs(llvm::ArrayRef<Tensor> integers) {
  TemporaryFolder here("dpuc-remote");
  if (here.failed())
    return error("cannot make a temporary folder");
  for (size_t i = 0; i < integers.size(); ++i) {
    const std::string file = here.file(inputLeaf(i));
    if (failed(writeTensorFile(file, integers[i], TensorFormat::Raw, diags)) ||
        failed(folder.send(file, inputLeaf(i), diags)))
      return failure();
  }
  return success();
}

Result<RemoteResult> BoardDevice::runXdputil(const FileSubgraph &s, llvm::ArrayRef<unsigned> order) {
  std::string command = fmt::format("rm -f -- * && {} run ../{} -i {}", onBoard(board.xdputil, tools), ModelLeaf.str(),
                                    xdputilIndex(all, s.name, board));
  for (unsigned i : order)
    command += " ../" + inputLeaf(i);
  RemoteRun how{"'xdputil run'", tools.seconds};
  auto result = folder.run(command + " && {\n" + listOutputs.str() + "\n}", how, diags);
  if (!result || result->status == 0)
    return result;
  return gaveUp("xdputil run", *result);
}

/// Says why a program has failed there. Always failure.
Status BoardDevice::gaveUp(llvm::StringRef program, const RemoteResult &result) {
  DiagBuilder e = error(fmt::format("'{}' failed on '{}': {}", program.str(), board.address, result.lastWords()));
  const llvm::StringRef err = result.err;
  if (err.contains_insensitive("fingerprint"))
    e.note("compiled for another DPU: dpuc doctor says which, and what to do");
  else if (!tools.sudo && err.contains_insensitive("permission denied"))
    e.note("only root may use the DPU there: --sudo");
  return failure();
}

Result<Tensor> BoardDevice::fetchOne(llvm::StringRef leaf, const Value &v) {
  auto data = folder.fetch(leaf, static_cast<uint64_t>(v.type().numBytes()), diags);
  return data ? Result<Tensor>(Tensor(v.type(), Blob::copy(*data))) : failure();
}

Result<std::vector<Tensor>> BoardDevice::fetch(llvm::StringRef listing, llvm::ArrayRef<const Value *> outputs) {
  const std::vector<Dumped> list = readListing(listing);
  std::vector<Tensor> results;
  for (const Value *v : outputs) {
    const Dumped *d = outputs.size() == 1 && list.size() == 1 ? &list[0] : fileOf(*v, list);
    const uint64_t bytes = static_cast<uint64_t>(v->type().numBytes());
    if (!d)
      return error(fmt::format("'xdputil run' wrote {} files, none of them for the output '{}' of {} bytes",
                               list.size(), v->name(), bytes));
    if (d->bytes != bytes)
      return error(
          fmt::format("'xdputil run' wrote {} bytes for the output '{}', which has {}", d->bytes, v->name(), bytes));
    auto t = fetchOne(d->leaf, *v);
    if (!t)
      return failure();
    results.push_back(std::move(*t));
  }
  return results;
}

Result<std::vector<Tensor>> BoardDevice::runVendors(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                                    llvm::ArrayRef<const Value *> outputs) {
  if (inputs.size() > 1 && board.release() && *board.release() < 20)
    return error(fmt::format("'xdputil run' of Vitis AI {} takes one input, this model's DPU subgraph has {}",
                             board.runtime, inputs.size()));
  std::vector<unsigned> order(inputs.size());
  for (unsigned i = 0; i < order.size(); ++i)
    order[i] = i;
  auto result = runXdputil(s, order);
  if (!result)
    return failure();
  // Names there may sort otherwise than ours do.
  if (std::vector<unsigned> taken = orderTaken(result->out, inputs); taken.size() == order.size() && taken != order) {
    result = runXdputil(s, taken);
    if (!result)
      return failure();
  }
  return fetch(result->out, outputs);
}

/// As the runner's requests have the tensors at the border of a subgraph.
static Json borderJson(llvm::ArrayRef<const Value *> tensors) {
  Json list = Json::array();
  for (const Value *v : tensors)
    list.push_back(
        {{"name", v->name()}, {"bytes", v->type().numBytes()}, {"fix_point", v->type().elemType().fixPoint}});
  return list;
}

Result<std::vector<Tensor>> BoardDevice::runOurs(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                                 llvm::ArrayRef<const Value *> outputs) {
  const Json border = {{"name", s.name}, {"inputs", borderJson(inputs)}, {"outputs", borderJson(outputs)}};
  Json in = Json::array(), out = Json::array();
  for (size_t i = 0; i < inputs.size(); ++i)
    in.push_back("../" + inputLeaf(i));
  for (size_t i = 0; i < outputs.size(); ++i)
    out.push_back(fmt::format("out{}.bin", i));
  TemporaryFolder here("dpuc-remote");
  const std::string file = here.file("requests");
  auto line = [](const Json &j) { return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; };
  if (failed(writeFileAtomically(
          file, diags,
          [&](llvm::raw_ostream &os) {
            os << line({{"do", "load"}, {"subgraphs", Json::array({border})}});
            os << line({{"do", "run"}, {"subgraph", 0}, {"timeout", tools.seconds}, {"inputs", in}, {"outputs", out}});
            return success();
          })) ||
      failed(folder.send(file, "requests", diags)))
    return failure();
  auto result =
      folder.run(fmt::format("rm -f -- * && {} ../{} <../requests", onBoard(board.runner, tools), ModelLeaf.str()),
                 {"dpuopt-vart-runner", tools.seconds}, diags);
  if (!result)
    return failure();
  if (result->status != 0)
    return gaveUp("dpuopt-vart-runner", *result);
  std::vector<Tensor> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto t = fetchOne(fmt::format("o/out{}.bin", i), *outputs[i]);
    if (!t)
      return failure();
    results.push_back(std::move(*t));
  }
  return results;
}

Result<std::vector<Tensor>> BoardDevice::run(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                             llvm::ArrayRef<Tensor> integers, llvm::ArrayRef<const Value *> outputs) {
  if (failed(sendInputs(integers)))
    return failure();
  return runsOurs(board, tools) ? runOurs(s, inputs, outputs) : runVendors(s, inputs, outputs);
}

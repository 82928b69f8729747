//===- Remote.cpp - dpuc remote: a board at the other end of ssh --------------------------===//
#include "BoardBench.h"
#include "BoardPackage.h"
#include "RunSession.h"
#include "Verdict.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Target/Conformance.h"
#include <csignal>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

static cl::SubCommand command("remote", "Query a board over ssh, run a compiled xmodel on it, compare, measure");
static cl::opt<std::string> address(cl::Positional, cl::desc("[USER@]HOST"), cl::Required, cl::sub(command),
                                    cl::cat(dpucCategory()));
static cl::opt<std::string> action(cl::Positional, cl::desc("query|run|compare|bench|deploy|install"), cl::Required,
                                   cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> path(cl::Positional, cl::desc("[MODEL.xmodel|FOLDER|ARCHIVE]"), cl::sub(command),
                                 cl::cat(dpucCategory()));
static cl::opt<std::string> sshCommand("ssh",
                                       cl::desc("OpenSSH's client and its first arguments, as 'ssh -p 2222 -i KEY'"),
                                       cl::value_desc("CMD"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> sudo("sudo", cl::desc("Run what uses the DPU there through sudo, without a password"),
                          cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> remoteDpuc("remote-dpuc",
                                       cl::desc("Our program there (the one on its PATH, or /opt/dpuopt/bin/dpuc)"),
                                       cl::value_desc("PATH"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> vendors("xdputil", cl::desc("Use the vendor's xdputil there, even if our program is installed"),
                             cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> remoteTmp("remote-tmp", cl::desc("Where the board gets a folder for our files (/tmp)"),
                                      cl::value_desc("DIR"), cl::init("/tmp"), cl::sub(command),
                                      cl::cat(dpucCategory()));
static cl::opt<bool> keep("keep", cl::desc("Leave that folder there"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<int> timeout("timeout", cl::desc("How long one program on the board may take (60)"),
                            cl::value_desc("SECONDS"), cl::init(60), cl::sub(command), cl::cat(dpucCategory()));
static InputFlags inputFlags(command, true);
static VendorFlags vendorFlags(command);
static cl::opt<std::string> output("output", cl::desc("run: write the outputs there (also -o), with an index.tsv"),
                                   cl::value_desc("DIR"), cl::sub(command), cl::cat(dpucCategory()));
static cl::alias outputShort("o", cl::desc("The same"), cl::aliasopt(output), cl::cat(dpucCategory()));
static cl::opt<bool> allTensors("all-tensors", cl::desc("run, with --output: also what goes into and out of the DPU"),
                                cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<TensorFormat> format("format", cl::desc("run: how numbers are written (stored integers are .i8)"),
                                    cl::values(clEnumValN(TensorFormat::Raw, "raw", ".f32 (default)"),
                                               clEnumValN(TensorFormat::Npy, "npy", ".npy")),
                                    cl::init(TensorFormat::Raw), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> top("top", cl::desc("run: how many classes to print (5)"), cl::value_desc("N"), cl::init(5),
                             cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> labels("labels", cl::desc("run: names of the classes, one a line"), cl::value_desc("FILE"),
                                   cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<int> threads("threads", cl::desc("bench: threads that feed the DPU (1)"), cl::value_desc("N"),
                            cl::init(1), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<int> seconds("seconds", cl::desc("bench: measure for so long (60)"), cl::value_desc("N"), cl::init(60),
                            cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> place("to", cl::desc("deploy, install: the folder there (docs/remote.md)"),
                                  cl::value_desc("DIR"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> json("json", cl::desc("Also write what was found as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));

namespace {

/// A board that has been asked, and a folder on it. Members go in reverse order: the folder before the connection.
struct Visit {
  std::unique_ptr<Ssh> ssh;
  Board board;
  BoardTools tools;
  std::unique_ptr<BoardFolder> folder;
};

} // namespace

static Status writeJson(const std::string &text, DiagEngine &diags) {
  return writeNamed(
      json, [&] { return text; }, diags);
}

static Status connect(Visit &visit, DiagEngine &diags) {
  diags.setFile("");
  visit.tools.sudo = sudo;
  visit.tools.dpuc = remoteDpuc;
  visit.tools.vendors = vendors;
  visit.tools.seconds = static_cast<unsigned>(timeout);
  auto ssh = Ssh::connect({address, sshCommand, visit.tools.seconds}, boardScript(visit.tools), diags);
  if (!ssh)
    return failure();
  visit.ssh = std::move(*ssh);
  auto board = queryBoard(*visit.ssh, visit.tools, diags);
  if (!board)
    return failure();
  visit.board = std::move(*board);
  return success();
}

static Status makeFolder(Visit &visit, DiagEngine &diags) {
  auto folder = BoardFolder::create(*visit.ssh, remoteTmp, visit.tools.seconds, diags);
  if (!folder)
    return failure();
  visit.folder = std::move(*folder);
  if (keep)
    visit.folder->keep();
  return success();
}

/// Connects, and has a folder there, if the board's DPU is the model's. ExitClean: it is.
static int visitFor(const RunModel &model, Visit &visit, DiagEngine &diags) {
  if (failed(checkHasDpuSubgraph(model, diags)) || failed(connect(visit, diags)))
    return ExitBadInput;
  if (!checkFingerprint(visit.board, compiledFacts(*model.graph).fingerprint, model.path, diags))
    return ExitFindings;
  return succeeded(makeFolder(visit, diags)) ? ExitClean : ExitBadInput;
}

static Result<BackendOptions> deviceOf(const RunModel &model, Visit &visit, DiagEngine &diags) {
  auto device = std::make_shared<BoardDevice>(model, visit.board, visit.tools, *visit.folder, diags);
  if (failed(device->prepare()))
    return failure();
  return BackendOptions{Backend::Board, visit.tools.seconds, std::move(device)};
}

static int query(DiagEngine &diags) {
  Visit visit;
  if (failed(connect(visit, diags)))
    return ExitBadInput;
  printBoard(visit.board, llvm::outs());
  llvm::outs().flush();
  return succeeded(writeJson(boardJson(visit.board), diags)) ? ExitClean : ExitBadInput;
}

static int run(DiagEngine &diags) {
  if (allTensors && output.empty())
    return diags.error("--all-tensors needs --output DIR"), ExitBadInput;
  auto onnx = inputFlags.importOptions(diags);
  auto model = onnx ? RunModel::open(path, *onnx, diags) : failure();
  auto feeds = model ? inputFlags.open(model->inputs, diags) : failure();
  if (!feeds)
    return ExitBadInput;
  Visit visit;
  if (failed(checkHasDpuSubgraph(*model, diags)) || failed(checkAroundDpu(*model, diags)))
    return ExitBadInput;
  if (int code = visitFor(*model, visit, diags))
    return code;
  auto device = deviceOf(*model, visit, diags);
  if (!device)
    return ExitBadInput;
  const std::vector<uint64_t> has = visit.board.fingerprints();
  llvm::outs() << fmt::format("on {}: {}, by {}\n", visit.board.address,
                              has.empty() ? "a DPU" : coresOf(visit.board, has[0]),
                              runsOurs(visit.board, visit.tools) ? "dpuopt-vart-runner" : "xdputil run");
  llvm::outs().flush();
  RunSessionOptions options{output, allTensors, false, format, top, labels, !json.empty(), vendorFlags.options(),
                            *device};
  RunSession session(*model, *feeds, std::move(options), diags);
  if (failed(session.prepare()) || failed(session.runAll()))
    return ExitBadInput;
  llvm::outs().flush();
  return succeeded(writeJson(runJson(session.report), diags)) ? ExitClean : ExitBadInput;
}

/// One sample on both; the report is printed if they differ.
static Result<bool> compareSample(Side &board, Side &here, Feeds &feeds, size_t i, Json &samples, DiagEngine &diags) {
  auto set = feeds.load(i, diags);
  if (!set || failed(here.run(set->tensors, diags)) || failed(board.run(set->tensors, diags)))
    return failure();
  auto found = compareSides(board, here, diags);
  if (!found)
    return failure();
  const bool same = found->identical() == found->rows.size();
  if (!same) {
    printComparison(*found, rowsToPrint(*found, false, 0), set->names.empty() ? "" : set->names[0], llvm::outs());
    printVerdict(*found, {}, llvm::outs());
  }
  samples.push_back(Json::parse(comparisonJson(*found, same), nullptr, false));
  return same;
}

static int compare(DiagEngine &diags) {
  auto onnx = inputFlags.importOptions(diags);
  auto board = onnx ? Side::open(path, *onnx, diags) : failure();
  auto here = board ? Side::open(path, *onnx, diags) : failure();
  if (!here)
    return ExitBadInput;
  if (!board->isModel())
    return diags.error("compare takes a compiled xmodel, this is a folder").file(path).rule("run.backend"),
           ExitBadInput;
  auto feeds = inputFlags.open(board->model->inputs, diags);
  Visit visit;
  if (!feeds || failed(checkHasDpuSubgraph(*board->model, diags)) || failed(checkAroundDpu(*board->model, diags)))
    return ExitBadInput;
  if (int code = visitFor(*board->model, visit, diags))
    return code;
  auto device = deviceOf(*board->model, visit, diags);
  if (!device)
    return ExitBadInput;
  board->exec = here->exec = vendorFlags.options();
  board->backend = std::move(*device);
  Json samples = Json::array();
  size_t same = 0;
  for (size_t i = 0; i < feeds->size() && same == i; ++i) {
    auto identical = compareSample(*board, *here, *feeds, i, samples, diags);
    if (!identical)
      return ExitBadInput;
    same += *identical;
  }
  const bool all = same == feeds->size();
  const std::string of = feeds->size() == 1 ? "this sample" : fmt::format("{} samples", feeds->size());
  llvm::outs() << (all ? fmt::format("{} computes on '{}' what it computes here, bit for bit, for {}\n",
                                     llvm::sys::path::filename(path).str(), visit.board.address, of)
                       : fmt::format("{} computes something else on '{}' than here\n",
                                     llvm::sys::path::filename(path).str(), visit.board.address));
  llvm::outs().flush();
  const Json report = {{"board", visit.board.address}, {"same", all}, {"samples", samples}};
  if (failed(writeJson(report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", diags)))
    return ExitBadInput;
  return all ? ExitClean : ExitFindings;
}

static int bench(DiagEngine &diags) {
  constexpr int MostThreads = 64, MostSeconds = 24 * 3600;
  if (threads < 1 || threads > MostThreads)
    return diags.error(fmt::format("--threads must be from 1 to {}, is {}", MostThreads, threads.getValue())),
           ExitBadInput;
  if (seconds < 1 || seconds > MostSeconds)
    return diags.error(fmt::format("--seconds must be from 1 to {}, is {}", MostSeconds, seconds.getValue())),
           ExitBadInput;
  auto graph = loadGraph(path, {}, diags); // and nothing of what it takes to compute it here
  if (!graph)
    return ExitBadInput;
  RunModel model{path, std::move(*graph), true, {}};
  Visit visit;
  if (int code = visitFor(model, visit, diags))
    return code;
  const BenchRequest request{static_cast<unsigned>(threads), static_cast<unsigned>(seconds)};
  auto result = benchOnBoard(model, visit.board, visit.tools, *visit.folder, request, llvm::outs(), diags);
  if (!result)
    return ExitBadInput;
  llvm::outs() << fmt::format("{}: {:.2f} images/s with {} thread{} on '{}'\n", llvm::sys::path::filename(path).str(),
                              result->fps, request.threads, request.threads == 1 ? "" : "s", visit.board.address);
  if (!result->same)
    llvm::outs()
        << "not every result was the same for the same input: the board's clock, its heat or its power supply\n";
  if (failed(writeJson(benchJson(*result, request, visit.board, path), diags)))
    return ExitBadInput;
  return result->same ? ExitClean : ExitFindings;
}

/// Without a slash at its end; a shell's name for the user's own folder is where we are there.
static std::string placeOr(llvm::StringRef otherwise) {
  llvm::StringRef to = place.empty() ? otherwise : llvm::StringRef(place);
  to.consume_front("~/");
  return to.size() > 1 ? to.rtrim('/').str() : to.str();
}

static int deploy(DiagEngine &diags) {
  auto package = readPackage(path, diags);
  if (!package)
    return ExitBadInput;
  Visit visit;
  if (failed(connect(visit, diags)))
    return ExitBadInput;
  if (!checkFingerprint(visit.board, package->fingerprint, package->model, diags))
    return ExitFindings;
  const std::string to = placeOr(package->place);
  if (failed(deployPackage(*package, to, *visit.ssh, visit.tools.seconds, diags)))
    return ExitBadInput;
  llvm::outs() << fmt::format("{} files in {} on '{}':\n", package->files.size(), to, visit.board.address);
  for (const PackageFile &f : package->files)
    llvm::outs() << fmt::format("  {}  {:>10}  {}\n", f.md5, f.bytes, f.name);
  llvm::outs().flush();
  return succeeded(writeJson(packageJson(*package, to, visit.board), diags)) ? ExitClean : ExitBadInput;
}

static int install(DiagEngine &diags) {
  auto ssh = Ssh::connect({address, sshCommand, static_cast<unsigned>(timeout)}, ":", diags);
  const std::string to = placeOr(InstalledAt);
  if (!ssh || failed(installArchive(path, to, **ssh, static_cast<unsigned>(timeout), diags)))
    return ExitBadInput;
  llvm::outs() << fmt::format("dpuc is {}/bin/dpuc on '{}', and runs there\n", to, (*ssh)->board());
  return ExitClean;
}

/// Flags that mean nothing to this action are a mistake.
static Status checkFlags(DiagEngine &diags) {
  const struct {
    const cl::Option &flag;
    llvm::StringRef actions;
  } table[] = {{output, "run"},
               {allTensors, "run"},
               {format, "run"},
               {top, "run"},
               {labels, "run"},
               {threads, "bench"},
               {seconds, "bench"},
               {place, "deploy, install"},
               {keep, "run, compare, bench"},
               {remoteTmp, "run, compare, bench"},
               {vendors, "run, compare, bench"}};
  for (const auto &[flag, actions] : table)
    if (flag.getNumOccurrences() && !actions.contains(action))
      return diags.error(
          fmt::format("--{} goes with {}, not with {}", flag.ArgStr.str(), actions.str(), action.getValue()));
  if (!inputFlags.isDefault() && action != "run" && action != "compare")
    return diags.error(fmt::format("--input goes with run, compare, not with {}", action.getValue()));
  return success();
}

static int remote(DiagEngine &diags) {
  constexpr int MostSeconds = 24 * 3600;
  const struct {
    llvm::StringRef name;
    const char *takes; ///< null: no file
    int (*run)(DiagEngine &);
  } actions[] = {{"query", nullptr, query},
                 {"run", "a compiled xmodel", run},
                 {"compare", "a compiled xmodel", compare},
                 {"bench", "a compiled xmodel", bench},
                 {"deploy", "a package: the folder that dpuc compile has written", deploy},
                 {"install", "an archive of scripts/cross.sh", install}};
  auto wanted = llvm::find_if(actions, [](const auto &a) { return a.name == action; });
  if (wanted == std::end(actions))
    return diags.error(
               fmt::format("what to do on the board is query, run, compare, bench, deploy or install, found '{}'",
                           action.getValue())),
           ExitBadInput;
  if ((wanted->takes != nullptr) == path.empty())
    return diags.error(path.empty() ? fmt::format("{} takes {}", action.getValue(), wanted->takes)
                                    : fmt::format("{} takes no file, found '{}'", action.getValue(), path.getValue())),
           ExitBadInput;
  if (timeout < 1 || timeout > MostSeconds)
    return diags.error(fmt::format("--timeout must be from 1 to {}, is {}", MostSeconds, timeout.getValue())),
           ExitBadInput;
  if (failed(checkFlags(diags)))
    return ExitBadInput;
  int code = ExitBadInput, signal = 0;
  {
    InterruptGuard guard;
    code = wanted->run(diags);
    signal = InterruptGuard::signal();
  }
  llvm::outs().flush();
  if (signal) // end as whoever sent it expects
    std::raise(signal);
  return code;
}

namespace dpuopt {
extern const Command RemoteCommand;
const Command RemoteCommand = {command, remote};
} // namespace dpuopt

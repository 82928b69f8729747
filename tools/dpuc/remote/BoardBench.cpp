//===- BoardBench.cpp - a benchmark on a board ----------------------------------------------===//
//
// `xdputil benchmark MODEL -i INDEX THREADS` runs for $SLEEP_MS with random input, and ends
// with the line "FPS= 73.4 number_of_frames= 4407 time= 60.03 seconds.".
//
//===----------------------------------------------------------------------===//
#include "BoardBench.h"
#include "dpuopt/Support/CommandWords.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

/// Before and after the time that is measured.
constexpr unsigned SecondsAround = 120;

/// The number behind `key`.
static bool readNumber(llvm::StringRef line, llvm::StringRef key, double &number) {
  const size_t at = line.find(key);
  if (at == llvm::StringRef::npos)
    return false;
  const llvm::StringRef text = line.drop_front(at + key.size()).ltrim();
  return !text.take_until([](char c) { return c == ' ' || c == ','; }).getAsDouble(number);
}

static void readLine(llvm::StringRef line, BenchResult &result) {
  BenchResult r = result;
  if (readNumber(line, "FPS=", r.fps) && readNumber(line, "number_of_frames=", r.frames) &&
      readNumber(line, "time=", r.seconds))
    result = r;
}

struct Plan {
  std::string program, command; ///< what is shown, and what the board's shell gets; empty: there is no such program
};

/// Our program measures one DPU subgraph; of several the vendor's measures all of the graph, with what is on the CPU.
static Plan planOf(const RunModel &model, const Board &board, const BoardTools &tools, const BenchRequest &request) {
  const FileSubgraphs all(*model.graph);
  std::vector<const FileSubgraph *> onDpu;
  for (const FileSubgraph *s : all.sorted())
    if (s->device == "DPU")
      onDpu.push_back(s);
  const std::string sudo = tools.sudo ? "sudo -n " : "";
  if (!board.dpuc.empty() && runsOurs(board, tools) && (onDpu.size() == 1 || board.xdputil.empty()))
    return {"dpuc bench", fmt::format("{}{} bench ../m.xmodel --backend vart --threads {} --seconds {}", sudo,
                                      shellWord(board.dpuc), request.threads, request.seconds)};
  if (board.xdputil.empty())
    return {};
  const int index = onDpu.size() == 1 ? xdputilIndex(all, onDpu[0]->name, board) : -1;
  return {"xdputil benchmark", fmt::format("{}env SLEEP_MS={} {} benchmark ../m.xmodel -i {} {}", sudo,
                                           request.seconds * 1000, shellWord(board.xdputil), index, request.threads)};
}

Result<BenchResult> dpuopt::benchOnBoard(const RunModel &model, const Board &board, const BoardTools &tools,
                                         BoardFolder &folder, const BenchRequest &request, llvm::raw_ostream &os,
                                         DiagEngine &diags) {
  const Plan plan = planOf(model, board, tools, request);
  if (plan.command.empty())
    return diags
        .error(fmt::format("nothing on '{}' can measure a model: there is neither xdputil nor dpuc", board.address))
        .rule("remote.tools");
  if (failed(folder.send(model.path, "m.xmodel", diags)))
    return failure();
  BenchResult result;
  result.program = plan.program;
  RemoteRun how{"'" + result.program + "'", request.seconds + SecondsAround};
  how.onLine = [&](llvm::StringRef line) {
    readLine(line, result);
    for (char c : line.rtrim('\r')) // whatever a board says, it does not steer our terminal
      os << (llvm::isPrint(c) || c == '\t' ? c : '?');
    os << "\n";
    os.flush();
  };
  auto ended = folder.run(plan.command, how, diags);
  if (!ended)
    return failure();
  result.same = !llvm::StringRef(ended->out + ended->err).contains("Test Failed");
  if ((ended->status == 0 || !result.same) && result.fps > 0)
    return result;
  return diags
      .error(fmt::format("'{}' on '{}' ended without a result: {}", result.program, board.address, ended->lastWords()))
      .file(model.path)
      .rule("remote.bench");
}

std::string dpuopt::benchJson(const BenchResult &result, const BenchRequest &request, const Board &board,
                              llvm::StringRef model) {
  const std::vector<uint64_t> has = board.fingerprints();
  Json j = {{"model", model.str()},
            {"board", board.address},
            {"fingerprint", has.empty() ? Json() : Json(fmt::format("0x{:x}", has[0]))},
            {"program", result.program},
            {"threads", request.threads},
            {"fps", result.fps},
            {"frames", result.frames},
            {"seconds", result.seconds},
            {"same", result.same}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

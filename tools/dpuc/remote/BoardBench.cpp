//===- BoardBench.cpp - a benchmark on a board ----------------------------------------------===//
//
// `xdputil benchmark MODEL -i INDEX THREADS` runs for $SLEEP_MS with random input, and ends
// with the line "FPS= 73.4 number_of_frames= 4407 time= 60.03 seconds.".
//
//===----------------------------------------------------------------------===//
#include "BoardBench.h"
#include "CommandWords.h"
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

/// Several DPU subgraphs: all of the graph, with what is on the CPU.
static std::string benchCommand(const RunModel &model, const Board &board, const BoardTools &tools,
                                const BenchRequest &request) {
  const FileSubgraphs all(*model.graph);
  std::vector<const FileSubgraph *> onDpu;
  for (const FileSubgraph *s : all.sorted())
    if (s->device == "DPU")
      onDpu.push_back(s);
  const int index = onDpu.size() == 1 ? xdputilIndex(all, onDpu[0]->name, board) : -1;
  return fmt::format("{}env SLEEP_MS={} {} benchmark ../m.xmodel -i {} {}", tools.sudo ? "sudo -n " : "",
                     request.seconds * 1000, shellWord(board.xdputil), index, request.threads);
}

Result<BenchResult> dpuopt::benchOnBoard(const RunModel &model, const Board &board, const BoardTools &tools,
                                         BoardFolder &folder, const BenchRequest &request, llvm::raw_ostream &os,
                                         DiagEngine &diags) {
  if (board.xdputil.empty())
    return diags.error(fmt::format("nothing on '{}' can measure a model: there is no xdputil", board.address))
        .rule("remote.tools");
  if (failed(folder.send(model.path, "m.xmodel", diags)))
    return failure();
  BenchResult result;
  result.program = "xdputil benchmark";
  RemoteRun how{"'" + result.program + "'", request.seconds + SecondsAround};
  how.onLine = [&](llvm::StringRef line) {
    if (line.startswith("dpuc-status="))
      return;
    readLine(line, result);
    for (char c : line.rtrim('\r')) // whatever a board says, it does not steer our terminal
      os << (llvm::isPrint(c) || c == '\t' ? c : '?');
    os << "\n";
    os.flush();
  };
  auto ended = folder.run(benchCommand(model, board, tools, request), how, diags);
  if (!ended)
    return failure();
  if (ended->status == 0 && result.fps > 0)
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
            {"seconds", result.seconds}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

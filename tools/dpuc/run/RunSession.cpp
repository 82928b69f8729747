//===- RunSession.cpp - a model run on what it is fed, reported and written ---------------===//
#include "RunSession.h"
#include "dpuopt/Compare/Meaning.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

Status RunSession::prepare() {
  if (!options.labels.empty()) {
    auto names = readClassNames(options.labels, diags);
    if (!names)
      return failure();
    classNames = std::move(*names);
  }
  ExecOptions exec = options.exec;
  if (options.allTensors)
    exec.watcher = [this](const Value &v, const Tensor &t) {
      if (v.isGraphOutput() || writeFailed || t.elemType().byteSize() == 0)
        return;
      auto fix = t.elemType().isFloat() ? fixOf(v) : std::nullopt;
      writeFailed = failed(write(v.name(), fix ? storedIntegers(t, *fix) : t, false));
    };
  auto made = createExecutor(model, options.backend, exec, diags);
  if (!made)
    return failure();
  executor = std::move(*made);
  report.model = model.path;
  report.form = model.form();
  report.channelsLast = model.channelsLast;
  return success();
}

Status RunSession::write(llvm::StringRef name, const Tensor &t, bool numbers, std::vector<std::string> *files) {
  auto written = writer->add(name, t, numbers, diags);
  if (!written)
    return failure();
  if (files)
    *files = std::move(*written);
  return success();
}

/// Several runs write into a folder each.
Status RunSession::startFolder(size_t i, const Feeds::Set &set) {
  llvm::SmallString<128> folder(options.output);
  if (feeds.size() > 1) {
    llvm::StringRef name = set.names.empty() ? "run" : llvm::sys::path::filename(set.names[0]);
    llvm::sys::path::append(folder, fmt::format("{:05d}_{}", i, safeFileName(name)));
  }
  auto made = TensorFolderWriter::create(folder, options.format, diags);
  if (!made)
    return failure();
  writer = std::move(*made);
  report.runs.back().folder = std::string(folder);
  for (size_t k = 0; options.allTensors && k < set.tensors.size(); ++k)
    if (failed(write(model.inputs[k].name, set.tensors[k], false)))
      return failure();
  return options.constants ? writeConstants() : success();
}

/// Stored integers: a constant of a fix type, or (quantized graphs) the fix of a real one.
Status RunSession::writeConstants() {
  for (const Op &op : model.graph->ops()) {
    const Value *from = op.is("xir.fix") ? op.operand(0) : op.isConst() ? op.result() : nullptr;
    const Tensor *t = constantOf(from);
    const Type type = t ? op.result()->type() : Type();
    if (type.isFix() && failed(write(op.result()->name(), storedIntegers(*t, type.elemType()), false)))
      return failure();
  }
  return success();
}

Status RunSession::addOutput(const Value &v, const Tensor &numbers, ReportedRun &run) {
  ReportedOutput out;
  out.name = v.name();
  out.fix = numbers.elemType().isFloat() ? fixOf(v) : std::nullopt;
  out.type = numbers.type();
  const int64_t n = numbers.numElements();
  out.min = n ? INFINITY : 0, out.max = n ? -INFINITY : 0;
  for (int64_t i = 0; i < n; ++i) {
    const double x = numbers.at(i);
    out.min = std::min(out.min, x), out.max = std::max(out.max, x);
    out.notNumbers += std::isnan(x);
  }
  out.scores = scoreKind(numbers);
  if (out.scores)
    out.top = topScores(numbers, options.top);
  if (writer && failed(write(v.name(), out.fix ? storedIntegers(numbers, *out.fix) : numbers, true, &out.files)))
    return failure();
  run.outputs.push_back(std::move(out));
  return success();
}

Status RunSession::runOne(size_t i) {
  auto set = feeds.load(i, diags);
  if (!set)
    return failure();
  report.runs.emplace_back();
  ReportedRun &run = report.runs.back();
  for (size_t k = 0; k < set->tensors.size(); ++k)
    run.inputs.push_back({model.inputs[k], set->names[k] + (feeds.isDefault ? " (no --input)" : "")});
  if (!options.output.empty() && failed(startFolder(i, *set)))
    return failure();
  auto results = executor->run(set->tensors);
  if (!results || writeFailed)
    return failure();
  for (size_t k = 0; k < results->size(); ++k)
    if (failed(addOutput(*model.graph->outputs()[k], (*results)[k], run)))
      return failure();
  if (writer &&
      failed(writer->finish(fmt::format("tensors of {}", llvm::sys::path::filename(model.path).str()), diags)))
    return failure();
  return success();
}

Status RunSession::runAll() {
  for (size_t i = 0; i < feeds.size(); ++i) {
    if (failed(runOne(i)))
      return failure();
    if (i == 0)
      printRunHeading(report, llvm::outs());
    printRun(report.runs.back(), report, feeds.size() > 1, classNames, llvm::outs());
    if (!options.keepRuns)
      report.runs.pop_back();
  }
  report.classNames = std::move(classNames);
  return success();
}

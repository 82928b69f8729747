//===- Flags.cpp - flags that several commands share ---------------------------------===//
#include "Command.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Support/File.h"

using namespace dpuopt;

cl::OptionCategory &dpuopt::dpucCategory() {
  static cl::OptionCategory category("dpuc options");
  return category;
}

Status dpuopt::writeNamed(const std::string &file, llvm::function_ref<std::string()> text, DiagEngine &diags) {
  if (file.empty())
    return success();
  return writeFileAtomically(file, diags, [&](llvm::raw_pwrite_stream &os) { return os << text(), success(); });
}

std::optional<ShardOption> dpuopt::parseShard(llvm::StringRef text) {
  auto [index, count] = text.split('/');
  ShardOption o;
  if (index.getAsInteger(10, o.index) || count.getAsInteger(10, o.count) || o.index < 1 || o.index > o.count)
    return std::nullopt;
  --o.index;
  return o;
}

TargetFlags::TargetFlags(cl::SubCommand &sub)
    : target("target", cl::desc("Board (kv260, zcu102, zcu104, ultra96), DPU name, fingerprint or arch.json (kv260)"),
             cl::value_desc("TARGET"), cl::init("kv260"), cl::sub(sub), cl::cat(dpucCategory())),
      vitisAi("vitis-ai", cl::desc("Vitis AI release on the board: 2.5, 3.0 or 3.5"), cl::value_desc("VERSION"),
              cl::sub(sub), cl::cat(dpucCategory())) {}

InputShapeFlag::InputShapeFlag(cl::SubCommand &sub)
    : shapes("input-shape", cl::desc("Shape of an input with dynamic dimensions"), cl::value_desc("NAME=1x3x640x640"),
             cl::sub(sub), cl::cat(dpucCategory())) {}

Result<OnnxImportOptions> InputShapeFlag::read(DiagEngine &diags) const {
  OnnxImportOptions options;
  for (const std::string &shape : shapes)
    if (failed(parseInputShape(shape, options, diags)))
      return failure();
  return options;
}

RemarksFlag::RemarksFlag(cl::SubCommand &sub)
    : remarks("remarks", cl::desc("Print what was done to the model and why"), cl::sub(sub), cl::cat(dpucCategory())) {}

BindFlags::BindFlags(cl::SubCommand &sub)
    : map("quant-map",
          cl::desc("JSON object of key: tensor or node name, for keys of quant_info.json (docs/quant-info.md)"),
          cl::value_desc("FILE"), cl::sub(sub), cl::cat(dpucCategory())),
      unbound("allow-unbound", cl::desc("Ignore keys of quant_info.json that are bound to no tensor"), cl::sub(sub),
              cl::cat(dpucCategory())),
      missing("allow-missing", cl::desc("Tensors without a key of quant_info.json, or with a null one, stay float"),
              cl::sub(sub), cl::cat(dpucCategory())) {}

PassOptions BindFlags::passOptions() const {
  PassOptions options;
  if (!map.empty())
    options["quant-map"] = map;
  if (unbound)
    options["allow-unbound"] = "true";
  if (missing)
    options["allow-missing"] = "true";
  return options;
}

Result<BindOptions> BindFlags::read(DiagEngine &diags) const {
  BindOptions options{missing, unbound};
  if (map.empty())
    return options;
  auto read = readQuantMap(map, diags);
  if (!read)
    return failure();
  options.map = std::move(*read);
  return options;
}

SourceFlags::SourceFlags(cl::SubCommand &sub, cl::NumOccurrencesFlag needed)
    : path(cl::Positional, cl::desc(needed == cl::Required ? "MODEL.onnx" : "[MODEL.onnx]"), needed, cl::sub(sub),
           cl::cat(dpucCategory())),
      targetFlags(sub), inputShapes(sub) {}

Status SourceFlags::fill(ModelOptions &options, DiagEngine &diags) const {
  options.model = path;
  options.target = target();
  auto onnx = inputShapes.read(diags);
  if (!onnx)
    return failure();
  options.onnx = std::move(*onnx);
  return success();
}

ModelFlags::ModelFlags(cl::SubCommand &sub, cl::NumOccurrencesFlag needed)
    : source(sub, needed), remarks(sub),
      expectDpu("expect-dpu-subgraphs", cl::desc("Exit 1 and name the splitting ops unless the partition has N"),
                cl::value_desc("N"), cl::init(-1), cl::sub(sub), cl::cat(dpucCategory())),
      timePasses("time-passes", cl::desc("Print the time each pass took"), cl::sub(sub), cl::cat(dpucCategory())) {}

Status ModelFlags::fill(ModelOptions &options, DiagEngine &diags) const {
  remarks.apply(diags);
  if (expectDpu >= 0)
    options.expectDpu = expectDpu;
  options.timePasses = timePasses;
  return source.fill(options, diags);
}

//===- Bind.cpp - dpuc bind: which tensor each key of a quant_info.json means ----------===//
#include "Command.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Quant/Qdq.h"

using namespace dpuopt;

static cl::SubCommand command("bind",
                              "Which tensor does each key of a quant_info.json mean? (exit status: 0 all found)");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<std::string> quantInfo(cl::Positional, cl::desc("quant_info.json"), cl::Required, cl::sub(command),
                                      cl::cat(dpucCategory()));
static BindFlags bindFlags(command);
static cl::opt<std::string> json("json", cl::desc("Also write the table as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));
static InputShapeFlag inputShapes(command);
static cl::opt<std::string> outFile("o", cl::desc("Write the quant_info again, to this file"), cl::value_desc("FILE"),
                                    cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<QuantInfoForm> form("write", cl::desc("Form of the file that -o writes (3.0)"),
                                   cl::values(clEnumValN(QuantInfoForm::V2_5, "2.5", "one pair per key"),
                                              clEnumValN(QuantInfoForm::V3_0, "3.0", "lists of pairs, version"),
                                              clEnumValN(QuantInfoForm::V3_5, "3.5", "as 3.0, and graph_md5 if known")),
                                   cl::init(QuantInfoForm::V3_0), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<QuantNames>
    names("names", cl::desc("Keys of the file that -o writes (own)"),
          cl::values(clEnumValN(QuantNames::Own, "own", "as they are"),
                     clEnumValN(QuantNames::Tensors, "tensors", "names of the model's tensors"),
                     clEnumValN(QuantNames::Nodes, "nodes", "outputs by type and place, as 3.5 writes them")),
          cl::init(QuantNames::Own), cl::sub(command), cl::cat(dpucCategory()));

/// Keys name tensors of the graph after clean-up; a quantized xmodel is taken as it is.
static Result<std::unique_ptr<Graph>> openModel(DiagEngine &diags) {
  auto onnx = inputShapes.read(diags);
  auto graph = onnx ? loadGraph(model, *onnx, diags) : failure();
  if (!graph)
    return failure();
  if (llvm::any_of((*graph)->ops(), [](const Op &op) { return op.isXir(); }))
    return graph;
  diags.setFile(model);
  Pipeline pipeline = carriesQdq(**graph) ? steps("import-qdq") : Pipeline();
  for (PassStep &step : steps("clean-up"))
    pipeline.push_back(std::move(step));
  if (failed(runPipeline(*graph, pipeline, {}, diags)))
    return failure();
  return graph;
}

static Status writeAgain(const QuantInfo &info, const QuantBindings &bindings, DiagEngine &diags) {
  return writeQuantInfo(renameKeys(info, bindings, names), outFile, diags, form);
}

static int bind(DiagEngine &diags) {
  if (outFile.empty() && (form.getNumOccurrences() || names.getNumOccurrences()))
    return diags.error("--write and --names say what -o FILE writes, and there is no -o"), ExitBadInput;
  auto options = bindFlags.read(diags);
  auto graph = options ? openModel(diags) : Result<std::unique_ptr<Graph>>(failure());
  auto info = graph ? readQuantInfo(quantInfo, diags) : Result<QuantInfo>(failure());
  if (!info)
    return ExitBadInput;
  auto bindings = bindKeys(**graph, quantGroups(**graph), *info, options->map, quantInfo, diags);
  if (!bindings)
    return ExitBadInput;
  printBindings(*bindings, llvm::outs());
  llvm::outs().flush();
  if (failed(writeNamed(
          json, [&] { return bindingsJson(*bindings); }, diags)))
    return ExitBadInput;
  if (!outFile.empty() && failed(writeAgain(*info, *bindings, diags)))
    return ExitBadInput;
  const bool planned = bool(planFixPoints(*bindings, *options, quantInfo, diags));
  return planned && !bindings->differing() ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command BindCommand;
const Command BindCommand = {command, bind};
} // namespace dpuopt

//===- Deployment.cpp - the files that go to the board with a model -------------------===//
#include "Deployment.h"
#include "ContractOf.h"
#include "dpuopt/Deploy/Package.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace dpuopt;

/// Height, width and channels that a picture has.
static bool takesImage(const ContractInput &in) {
  return in.isInt8() && in.shape.size() == 4 && (in.channels() == 1 || in.channels() == 3 || in.channels() == 4);
}

static Status addPixels(Contract &contract, PixelFormat format, DiagEngine &diags) {
  for (ContractInput &in : contract.inputs) {
    if (!takesImage(in))
      continue;
    auto recipe = pixelRecipe(format, in.channels(), *in.fixPoint, diags);
    if (!recipe)
      return failure();
    in.pixels = std::move(*recipe);
  }
  return success();
}

/// What the user knows of boxes and the model does not say.
static Status decodeRawBoxes(ContractHead &head, const std::string &formula, DiagEngine &diags) {
  const bool distances = formula == "distances";
  if (!distances && formula != "offset-exp")
    return diags.error(fmt::format("--box-decode is offset-exp or distances, not '{}'", formula)).rule("deploy.head");
  if (head.decode != "none" || head.kind == "custom")
    return diags.error("--box-decode is for a head whose boxes the model leaves raw; this one's are described")
        .rule("deploy.head");
  head.decode = formula;
  for (HeadMap &m : head.maps)
    m.offsetX = m.offsetY = distances ? 0.5 : 0; // distances are measured from the middle of a cell
  return success();
}

/// --background: which of the head's classes is none. Else a list of names that is one short says that there is one.
static Status nameBackground(Contract &contract, const DeployOptions &options, DiagEngine &diags) {
  ContractHead &head = *contract.head;
  if (options.background == "none")
    return head.background = -1, success();
  if (options.background.empty()) {
    if (static_cast<int64_t>(options.labels.size()) + 1 == head.classes && head.background < 0 && head.classes > 1)
      head.background = 0;
    return success();
  }
  llvm::StringRef text = options.background;
  if (head.kind == "custom" || head.classes < 2 || text.getAsInteger(10, head.background) || head.background < 0 ||
      head.background >= head.classes)
    return diags.error(fmt::format("--background is none, or a class of the head, which has {}", head.classes))
        .rule("deploy.head");
  return success();
}

static Status addHeadFile(Contract &contract, const DeployOptions &options, DiagEngine &diags) {
  DiagEngine silent;
  DiagEngine &told = options.headIsGuess ? silent : diags;
  auto text = readFile(options.head, told);
  auto head = text ? readHead(options.head, *text, told) : failure();
  if (head && succeeded(addHead(contract, *head, told))) {
    if (!options.boxDecode.empty() && failed(decodeRawBoxes(*contract.head, options.boxDecode, diags)))
      return failure();
    return nameBackground(contract, options, diags);
  }
  if (!options.headIsGuess)
    return failure();
  diags.warning(fmt::format("{} is not used: {}", options.head, silent.all().back().message)).rule("deploy.head");
  return success();
}

/// How many classes the model has; 0: it is not known to have any.
static int64_t classesOf(const Contract &contract) {
  if (contract.head)
    return contract.head->classes;
  auto scores = contract.scores();
  return scores ? contract.outputs[*scores].channels() : 0;
}

/// Names, so that the name of class i is number i; names that leave out the background get it.
static void addLabels(Contract &contract, const std::vector<std::string> &names, DiagEngine &diags) {
  contract.labels = names;
  const int64_t classes = classesOf(contract), count = static_cast<int64_t>(names.size());
  const int64_t background = contract.head ? contract.head->background : -1;
  if (background >= 0 && count + 1 == classes)
    contract.labels.insert(contract.labels.begin() + background, "background");
  else if (count != 0 && classes != 0 && count != classes)
    diags.warning(fmt::format("--labels has {} names, the model {} classes", count, classes)).rule("deploy.labels");
}

static Status complete(Contract &contract, const DeployOptions &options, DiagEngine &diags) {
  if (options.pixels && failed(addPixels(contract, *options.pixels, diags)))
    return failure();
  if (!options.head.empty() && failed(addHeadFile(contract, options, diags)))
    return failure();
  for (auto [flag, value] : {std::pair("--box-decode", &options.boxDecode), {"--background", &options.background}})
    if (!value->empty() && !contract.head)
      return diags.error(fmt::format("{} goes with a head: --head FILE", flag)).rule("deploy.head");
  if (!contract.head)
    addScores(contract);
  addLabels(contract, options.labels, diags);
  return success();
}

/// Everything but what the options say.
static Result<Contract> describe(const DeployedModel &model, DiagEngine &diags) {
  Contract contract = contractOf(model.graph);
  contract.name = model.name;
  contract.vitisAi = model.target.vitisAi();
  if (contract.compiled)
    contract.vitisAi = lastReleaseOf(contract.fingerprint).value_or(contract.vitisAi);
  if (!contract.compiled) {
    contract.dpu = model.target.name().str();
    contract.fingerprint = model.target.fingerprint();
  }
  auto xmodel = contractFile(model.xmodel, diags);
  if (!xmodel)
    return failure();
  contract.xmodel = std::move(*xmodel);
  if (model.source.empty())
    return contract;
  auto source = contractFile(model.source, diags);
  if (!source)
    return failure();
  contract.source = std::move(*source);
  return contract;
}

namespace {

class Writer {
public:
  Writer(const Contract &contract, OutputFolder &folder, DiagEngine &diags)
      : contract(contract), folder(folder), diags(diags) {}

  Status run(llvm::StringRef xmodel, llvm::StringRef head) {
    if (failed(write("contract.json", contractJson(contract))) || failed(writeCode()) || failed(writePrototxt()))
      return failure();
    if (contract.head && failed(copy(head, contract.name + ".head.json")))
      return failure();
    if (!contract.labels.empty() && failed(write("labels.txt", llvm::join(contract.labels, "\n") + "\n")))
      return failure();
    if (contract.compiled && (failed(writeBesideCompiled()) || failed(copy(xmodel, contract.xmodel.name))))
      return failure();
    return write("INSTALL.txt", installNote(contract, leaves));
  }

private:
  Status write(const std::string &leaf, const std::string &text) {
    leaves.push_back(leaf);
    return folder.write(leaf, diags, [&](llvm::raw_ostream &os) { os << text; });
  }

  Status writeCode() {
    if (std::string why = whyNoCode(contract); !why.empty())
      return leftOut("code", why);
    if (contract.head && !decodesHead(contract) && failed(leftOut("decoder", whyNotDecoded(contract))))
      return failure();
    const std::string stem = codeName(contract.name);
    if (failed(write(stem + ".h", cppHeader(contract))))
      return failure();
    return write(stem + ".py", pythonModule(contract));
  }

  Status writePrototxt() {
    const std::string text = prototxt(contract);
    if (text.empty())
      return leftOut("prototxt", "nothing is known of the pixels of an image: --mean and --std, or --divide, say it");
    return write(contract.name + ".prototxt", text);
  }

  static std::string whyNotDecoded(const Contract &contract) {
    return contract.head->kind == "custom" ? "the head is of no kind that is known here"
                                           : "the CPU computes maps of the head";
  }

  Status leftOut(const char *what, const std::string &why) {
    diags.remark(fmt::format("there is no {}: {}", what, why)).rule("deploy.left-out");
    return success();
  }

  Status writeBesideCompiled() {
    if (failed(write("meta.json", metaJson(contract))))
      return failure();
    return write("md5sum.txt", contract.xmodel.md5 + "\n");
  }

  /// The package holds what it is about, too; unless it was written there in the first place.
  Status copy(llvm::StringRef from, const std::string &leaf) {
    bool same = false;
    if (!llvm::sys::fs::equivalent(from, folder.file(leaf), same) && same)
      return leaves.push_back(leaf), success();
    auto bytes = Blob::mapFile(from, diags);
    return bytes ? write(leaf, bytes->str().str()) : failure();
  }

  const Contract &contract;
  OutputFolder &folder;
  DiagEngine &diags;
  std::vector<std::string> leaves;
};

} // namespace

Status dpuopt::writeDeployment(const DeployedModel &model, const DeployOptions &options, OutputFolder &folder,
                               DiagEngine &diags) {
  auto contract = describe(model, diags);
  if (!contract || failed(complete(*contract, options, diags)))
    return failure();
  return Writer(*contract, folder, diags).run(model.xmodel, options.head);
}

//===- Deployment.cpp - the files that go to the board with a model -------------------===//
#include "Deployment.h"
#include "ContractOf.h"
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

static Status addHeadFile(Contract &contract, const DeployOptions &options, DiagEngine &diags) {
  DiagEngine silent;
  DiagEngine &told = options.headIsGuess ? silent : diags;
  auto text = readFile(options.head, told);
  auto head = text ? readHead(options.head, *text, told) : failure();
  if (head && succeeded(addHead(contract, *head, told)))
    return success();
  if (!options.headIsGuess)
    return failure();
  diags.warning(fmt::format("{} is not used: {}", options.head, silent.all().back().message)).rule("deploy.head");
  return success();
}

static Status complete(Contract &contract, const DeployOptions &options, DiagEngine &diags) {
  if (options.pixels && failed(addPixels(contract, *options.pixels, diags)))
    return failure();
  if (!options.head.empty() && failed(addHeadFile(contract, options, diags)))
    return failure();
  if (!contract.head)
    addScores(contract);
  contract.labels = options.labels;
  return success();
}

/// Everything but what the options say.
static Result<Contract> describe(const DeployedModel &model, DiagEngine &diags) {
  Contract contract = contractOf(model.graph);
  contract.name = model.name;
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

Status dpuopt::writeDeployment(const DeployedModel &model, const DeployOptions &options, OutputFolder &folder,
                               DiagEngine &diags) {
  auto contract = describe(model, diags);
  if (!contract || failed(complete(*contract, options, diags)))
    return failure();
  return folder.write("contract.json", diags, [&](llvm::raw_ostream &os) { os << contractJson(*contract); });
}

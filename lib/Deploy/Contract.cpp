//===- Contract.cpp - small questions to a contract -----------------------------------===//
#include "dpuopt/Deploy/Contract.h"

using namespace dpuopt;

int64_t ContractTensor::elements() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

std::optional<unsigned> Contract::scores() const {
  for (unsigned i = 0; i < outputs.size(); ++i)
    if (outputs[i].role == "scores" || outputs[i].role == "probabilities")
      return i;
  return std::nullopt;
}

std::optional<unsigned> Contract::image() const {
  for (unsigned i = 0; i < inputs.size(); ++i)
    if (inputs[i].pixels)
      return i;
  return std::nullopt;
}

void dpuopt::addScores(Contract &contract) {
  for (ContractOutput &o : contract.outputs) {
    bool vector = o.shape.size() >= 2 && o.channels() > 1 && o.elements() == o.shape[0] * o.channels();
    if (vector && o.role.empty() && contract.outputs.size() == 1)
      o.role = "scores";
  }
}

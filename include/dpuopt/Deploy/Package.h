//===- Package.h - a contract as code and as the files of a package -----------------===//
//
// Each function returns the text of one file. Names that a model brings are escaped where
// they are text and never part of an identifier or a path.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DEPLOY_PACKAGE_H
#define DPUOPT_DEPLOY_PACKAGE_H

#include "dpuopt/Deploy/Contract.h"
#include "llvm/ADT/ArrayRef.h"

namespace dpuopt {

/// What generated code is called: `dpu_` and the model's name with everything but letters, digits and single
/// underscores left out; namespace of the header, name of the module, stem of both files.
std::string codeName(llvm::StringRef model);

/// Why there can be no code for this contract; empty if there can.
std::string whyNoCode(const Contract &contract);
/// Will the code decode the contract's head? Its maps must be 8-bit integers, its kind known.
bool decodesHead(const Contract &contract);
/// C++17, depends on the standard library only. The contract must allow code.
std::string cppHeader(const Contract &contract);
/// Python 3, depends on NumPy only. The contract must allow code.
std::string pythonModule(const Contract &contract);

/// What the vendor's library reads beside an xmodel; empty if it is no model of a kind known here.
std::string prototxt(const Contract &contract);
/// What the vendor's compiler writes beside an xmodel.
std::string metaJson(const Contract &contract);
/// How the package gets to a board and is run there; `leaves` are the files of the package.
std::string installNote(const Contract &contract, llvm::ArrayRef<std::string> leaves);

} // namespace dpuopt
#endif

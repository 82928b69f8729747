//===- Registry.cpp - all passes and named pipelines ------------------------------===//
#include "dpuopt/Passes/Registry.h"

namespace dpuopt {
#define PASS(Name) extern const PassInfo Name##Pass;
#include "Passes.def"
#undef PASS
} // namespace dpuopt

using namespace dpuopt;

const PassRegistry &dpuopt::allPasses() {
  static const PassRegistry registry = {{
#define PASS(Name) &Name##Pass,
#include "Passes.def"
#undef PASS
                                        },
                                        {
#define PIPELINE(name, summary, expansion) {name, summary, expansion},
#include "Pipelines.def"
#undef PIPELINE
                                        }};
  return registry;
}

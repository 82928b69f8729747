//===- QuantOptions.h - options shared by the passes that set fix points -----------===//
#ifndef DPUOPT_PASSES_QUANTOPTIONS_H
#define DPUOPT_PASSES_QUANTOPTIONS_H

#include "dpuopt/Pass/Pass.h"
#include "dpuopt/Quant/FixPlan.h"

namespace dpuopt {

constexpr PassOption AlignConcatOption = {"align-concat", nullptr, "Concat inputs take the output's fix point"};
constexpr PassOption AlignAddOption = {"align-add", nullptr, "Add inputs take the output's fix point"};
constexpr PassOption AlignPoolOption = {"align-pool", nullptr, "Pool inputs take the output's fix point"};

inline AdjustOptions adjustOptions(const PassContext &ctx) {
  return {ctx.flag("align-concat"), ctx.flag("align-add"), ctx.flag("align-pool")};
}

} // namespace dpuopt
#endif

//===- FixKernel.cpp - finding the kernel of an op ---------------------------------------===//
#include "FixKernel.h"
#include "Geometry.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

DiagBuilder FixRequest::error(const std::string &message) const {
  return diags.error(op.loc(),
                     fmt::format("cannot execute {} '{}': {}", op.name().str(), op.result()->name(), message));
}

llvm::StringRef exec::fixKind(const Op &op) {
  llvm::StringRef kind = op.name();
  kind.consume_front("xir.");
  kind.consume_back("-fix");
  return kind;
}

static const FixEntry *find(llvm::StringRef kind) {
  static const llvm::StringMap<const FixEntry *> table = [] {
    llvm::StringMap<const FixEntry *> t;
#define DPUOPT_FIX_ADD(family)                                                                                         \
  for (const FixEntry &e : family##FixEntries())                                                                       \
    t[e.kind] = &e;
    DPUOPT_FIX_FAMILIES(DPUOPT_FIX_ADD)
#undef DPUOPT_FIX_ADD
    return t;
  }();
  return table.lookup(kind);
}

bool exec::hasFixEntry(llvm::StringRef kind, bool compiled) {
  const FixEntry *entry = find(kind);
  return entry && (compiled || !entry->compiledOnly);
}

/// What every kernel trusts: sizes and fix points that sums and shifts can hold, 8 bits to write.
static Status checkTypes(const FixRequest &request) {
  auto sound = [](const Type &t) {
    return t.isStatic() && t.isFix() && t.elemType().isSigned && t.elemType().bits <= 8 && t.numElements() > 0 &&
           t.numElements() <= MaxFixElements && std::abs(t.elemType().fixPoint) <= MaxFixPointMagnitude;
  };
  for (const FixOperand &o : request.operands)
    if (o.type.isFix() && !sound(o.type))
      return refuse(request,
                    fmt::format("operand {} is no tensor of at most 8 signed bits, {} elements and a fix point "
                                "in -{}..{}",
                                o.type.str(), MaxFixElements, MaxFixPointMagnitude, MaxFixPointMagnitude));
  if (!sound(request.result) || request.result.elemType().bits != 8)
    return refuse(request,
                  fmt::format("its result is {}; only 8 signed bits, at most {} elements and a fix point in "
                              "-{}..{} can be",
                              request.result.str(), MaxFixElements, MaxFixPointMagnitude, MaxFixPointMagnitude));
  return success();
}

static FixResult make(const FixRequest &request) {
  const FixEntry *entry = find(request.kind);
  if (!entry || (entry->compiledOnly && !request.compiled))
    return refuse(request, "the executor does not know this operator");
  for (unsigned i = 0; i < entry->required; ++i)
    if (request.operands.size() <= i || !request.has(i))
      return refuse(request, fmt::format("operand {} is missing or has no fix point", i));
  return failed(checkTypes(request)) ? FixResult(failure()) : entry->make(request);
}

FixResult exec::makeFixKernel(const FixRequest &request) {
  FixResult kernel = make(request);
  if (!kernel && !request.compiled)
    return std::unique_ptr<FixKernel>();
  return kernel;
}

//===- Main.cpp - libFuzzer's entry; compiled once per harness --------------------------===//
#include "Harness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dpuopt::fuzz::DPUOPT_FUZZ_ENTRY({reinterpret_cast<const char *>(data), size});
  return 0;
}

//===- main.cpp - dpuopt-target-dump: asks libtarget-factory about a target ---===//
//
// dpuopt-target-dump NAME|0xFINGERPRINT prints the target as protobuf text. The library
// aborts on what it does not know: that is why this is a program of its own.
//
//===----------------------------------------------------------------------===//
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vitis/ai/target_factory.hpp>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: dpuopt-target-dump NAME|0xFINGERPRINT\n";
    return 2;
  }
  const std::string what = argv[1];
  auto *factory = vitis::ai::target_factory();
  if (what.rfind("0x", 0) == 0) {
    char *end = nullptr;
    const std::uint64_t fingerprint = std::strtoull(what.c_str(), &end, 16);
    if (*end) {
      std::cerr << what << ": not a fingerprint\n";
      return 2;
    }
    std::cout << factory->create(fingerprint).DebugString();
    return 0;
  }
  if (!factory->is_registered_target(what)) {
    std::cerr << what << ": not registered\n";
    return 1;
  }
  std::cout << factory->create(what).DebugString();
  return 0;
}

//===- Refusal.h - how dpuopt-vart-runner says that something cannot be done -------------===//
#ifndef DPUOPT_TOOLS_VART_REFUSAL_H
#define DPUOPT_TOOLS_VART_REFUSAL_H

#include <cstdlib>
#include <iostream>
#include <string>

/// The sentence is the last line on standard error. Ends the program at once: other threads may be inside of VART.
[[noreturn]] inline void refuse(const std::string &why) {
  std::cerr << why << std::endl;
  std::_Exit(3);
}

#endif

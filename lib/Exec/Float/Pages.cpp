//===- Pages.cpp - memory that need not be there for now --------------------------------------===//
#include "Pages.h"
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

void dpuopt::exec::giveBack([[maybe_unused]] llvm::ArrayRef<uint8_t> bytes) {
#if defined(__linux__) && defined(MADV_PAGEOUT)
  static const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  uintptr_t begin = reinterpret_cast<uintptr_t>(bytes.begin()), end = reinterpret_cast<uintptr_t>(bytes.end());
  begin = (begin + page - 1) / page * page, end = end / page * page;
  if (end > begin)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_PAGEOUT);
#endif
}

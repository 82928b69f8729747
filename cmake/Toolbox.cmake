# How things are compiled: cache, linker, warnings, sanitizers.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# A fast linker where there is one. Not for boards: GNU ld knows the Cortex-A53's errata.
set(linkers mold lld)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(linkers "")
endif()
foreach(linker ${linkers})
  find_program(DPUOPT_LINKER_${linker} NAMES ${linker} ld.${linker})
  if(DPUOPT_LINKER_${linker})
    add_link_options(-fuse-ld=${linker})
    break()
  endif()
endforeach()

add_compile_options(-Wall -Wextra -fno-exceptions -fno-rtti)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict) # false alarms of g++ 12 on "a" + std::string
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    add_compile_options(-Wno-psabi) # a note on what g++ before 10.1 did
  endif()
endif()
# The same numbers on a board as on a PC, where plain x86-64 has no fused multiply-add to contract to.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-ffp-contract=off)
endif()
if(DPUOPT_WERROR)
  add_compile_options(-Werror)
endif()
if(DPUOPT_FUZZ)
  set(DPUOPT_SANITIZE ON)
  add_compile_options(-fsanitize=fuzzer-no-link -UNDEBUG)
endif()
if(DPUOPT_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined -g1)
  add_link_options(-fsanitize=address,undefined)
endif()
add_link_options(-Wl,--as-needed)

# DPUOPT_BOARD: what the tools need to be single files that run on whatever Linux a board has. Every library is
# linked statically, the C library included; oneDNN, which Debian has as a shared library only, is not used.
# Included instead of cmake/Dependencies.cmake.

set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)

# {fmt} has no static library in Debian: compiled here, from its own headers.
find_path(DPUOPT_FMT_INCLUDE fmt/format-inl.h REQUIRED)
add_library(dpuopt_fmt STATIC ${CMAKE_CURRENT_LIST_DIR}/Fmt.cpp)
add_library(fmt::fmt ALIAS dpuopt_fmt)
target_include_directories(dpuopt_fmt SYSTEM INTERFACE ${DPUOPT_FMT_INCLUDE})
target_compile_options(dpuopt_fmt PRIVATE -fexceptions -frtti)

# Not through LLVM's CMake files, which want all of LLVM and what it depends on to be there.
find_path(DPUOPT_LLVM_INCLUDE llvm/ADT/StringRef.h PATHS /usr/lib/llvm-14/include REQUIRED NO_DEFAULT_PATH)
add_library(dpuopt_llvm INTERFACE)
target_include_directories(dpuopt_llvm SYSTEM INTERFACE ${DPUOPT_LLVM_INCLUDE})
foreach(library LLVMSupport LLVMDemangle tinfo)
  find_library(DPUOPT_LIBRARY_${library} ${library} PATHS /usr/lib/llvm-14/lib REQUIRED)
  target_link_libraries(dpuopt_llvm INTERFACE ${DPUOPT_LIBRARY_${library}})
endforeach()
target_link_libraries(dpuopt_llvm INTERFACE ZLIB::ZLIB Threads::Threads)

# For dpuopt-vart-runner, which is linked with the board's own libraries.
find_package(unilog QUIET)
find_package(xir QUIET)

# Everything we build on comes from the distribution (Debian 12 names in
# scripts/packages.txt). Libraries that are slow to load (libxir, target-factory,
# libonnx) are linked only into the helper programs that need them.

find_package(Threads REQUIRED)
find_package(LLVM 14 REQUIRED CONFIG)
find_package(fmt REQUIRED) # the shared one: header-only triples the compile time of every file
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED) # its own config file asks for OpenCL, which we do not use

find_package(Protobuf REQUIRED)
find_package(glog QUIET)
find_package(unilog REQUIRED)
find_package(ONNX REQUIRED)
find_package(xir REQUIRED)
find_package(target-factory REQUIRED)

# LLVM ADT/Support alone, statically: the shared libLLVM costs 36 ms at start-up.
add_library(dpuopt_llvm INTERFACE)
target_include_directories(dpuopt_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
target_link_libraries(dpuopt_llvm INTERFACE LLVMSupport)

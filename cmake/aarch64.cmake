# Toolchain file: the Arm cores of Zynq UltraScale+ and Versal boards, libraries from the sysroot that
# scripts/sysroot.sh makes. docs/cross.md says how it is used.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# A Cortex-A53 has nothing beyond ARMv8.0.
set(CMAKE_C_FLAGS_INIT "-march=armv8-a -mtune=cortex-a53")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")

get_filename_component(sysroot "${CMAKE_CURRENT_LIST_DIR}/../build-sysroot-aarch64" ABSOLUTE)
set(DPUOPT_SYSROOT "${sysroot}" CACHE PATH "Debian's arm64 libraries")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DPUOPT_SYSROOT)
if(NOT IS_DIRECTORY "${DPUOPT_SYSROOT}/usr/include")
  message(FATAL_ERROR "no sysroot at ${DPUOPT_SYSROOT}: scripts/sysroot.sh makes one")
endif()
set(CMAKE_SYSROOT "${DPUOPT_SYSROOT}")
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

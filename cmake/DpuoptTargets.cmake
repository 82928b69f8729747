# One function per kind of thing we build.

# dpuopt_library(IR DEPENDS Support): lib<name> from the .cpp files beside the
# CMakeLists.txt, and in FOLDERS under it. DEPENDS is the only way to see another library's headers' code.
function(dpuopt_library name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;DEPENDS;PRIVATE" ${ARGN})
  list(TRANSFORM ARG_FOLDERS REPLACE "(.+)" "${CMAKE_CURRENT_SOURCE_DIR}/\\1/*.cpp")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${ARG_FOLDERS})
  if(NOT sources)
    add_library(dpuopt${name} INTERFACE)
    return()
  endif()
  add_library(dpuopt${name} STATIC ${sources})
  add_library(dpuopt::${name} ALIAS dpuopt${name})
  target_include_directories(dpuopt${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  set(deps ${ARG_DEPENDS})
  list(TRANSFORM deps PREPEND dpuopt)
  target_link_libraries(dpuopt${name} PUBLIC ${deps} dpuopt_llvm PRIVATE fmt::fmt ${ARG_PRIVATE})
endfunction()

# Everything a user runs, without the tests.
add_custom_target(programs)

# With DPUOPT_BOARD, a program that needs no library of the machine it runs on.
function(dpuopt_self_contained name)
  if(DPUOPT_BOARD)
    target_link_options(${name} PRIVATE -static)
  endif()
endfunction()

# dpuopt_program(dpuopt DEPENDS ...): a user-visible tool in bin/, from the .cpp files beside the CMakeLists.txt
# and in FOLDERS under it, which see each other's headers.
function(dpuopt_program name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;DEPENDS;PRIVATE" ${ARGN})
  set(rooms ${ARG_FOLDERS})
  list(TRANSFORM rooms PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  set(files ${rooms})
  list(TRANSFORM files APPEND "/*.cpp")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${files})
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${rooms})
  set(deps ${ARG_DEPENDS})
  list(TRANSFORM deps PREPEND dpuopt)
  target_link_libraries(${name} PRIVATE ${deps} fmt::fmt ${ARG_PRIVATE})
  dpuopt_self_contained(${name})
  add_dependencies(programs ${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# dpuopt_helper(dpuopt-xir-judge SOURCES ... LIBRARIES ...): a child program in
# libexec/dpuopt that links one slow or aborting foreign library.
function(dpuopt_helper name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES})
  target_compile_options(${name} PRIVATE -fexceptions -frtti)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec/dpuopt)
  add_dependencies(programs ${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/dpuopt)
endfunction()

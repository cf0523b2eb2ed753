# What a user can choose, and the compile options that every target of the project shares.
include(GNUInstallDirs)
include(CheckLanguage)

option(LLSA_NATIVE "Build for this host's instruction set (turn off for packages)" ON)
option(LLSA_WERROR "Treat warnings as errors" ON)
option(LLSA_TESTS "Build the tests" ON)
option(LLSA_DEMO_ONLY "Configure what scripts/demo builds, and leave the rest out" OFF)
set(LLSA_BENCHMARKS AUTO CACHE STRING "Build the benchmarks: ON (fetches Google Benchmark), OFF, or AUTO (where it is installed)")
set(LLSA_VIEWER AUTO CACHE STRING "Build llsa-viewer: ON, OFF, or AUTO (with GLFW, OpenGL, EGL and Dear ImGui)")
option(LLSA_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
set(LLSA_CUDA AUTO CACHE STRING "Build cuda/: ON, OFF, or AUTO (when a CUDA compiler is found)")
set(LLSA_CUDA_ON_CPU AUTO CACHE STRING "Build the CUDA kernels for the CPU executor: ON, OFF, or AUTO (with Boost.Context)")
set(LLSA_ONEDNN AUTO CACHE STRING "Multiply weight gradients with oneDNN: ON, OFF, or AUTO (where it is installed)")
option(LLSA_PTX "Build the interpreter of compiled PTX and what is tested with it (needs a CUDA compiler)" ON)
set(LLSA_SANITIZE "" CACHE STRING "Sanitizers for every target, for example address,undefined or thread")

if(LLSA_DEMO_ONLY)
  message(STATUS "LLSA_DEMO_ONLY: tests, viewer, benchmarks and CUDA are left out; `cmake --preset release` adds them")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(LLSA_CUDA_ENABLED OFF)
if(LLSA_CUDA AND NOT LLSA_DEMO_ONLY)
  find_program(LLSA_NVCC nvcc HINTS /usr/local/cuda/bin)
  if(LLSA_NVCC AND NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER ${LLSA_NVCC})
  endif()
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(LLSA_CUDA_ENABLED ON)
  elseif(LLSA_CUDA STREQUAL "ON")
    message(FATAL_ERROR "LLSA_CUDA is ON but no CUDA compiler was found; put nvcc on PATH or set CMAKE_CUDA_COMPILER")
  endif()
endif()

# One list for every C++ target: what is compiled for the host must agree on vector alignment everywhere.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wall> $<$<COMPILE_LANGUAGE:CXX>:-Wextra>
                    $<$<COMPILE_LANGUAGE:CXX>:-Wshadow> $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
# Designated initialisers leave the other fields at their defaults on purpose.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports std::string concatenation falsely (its bug 105651).
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(LLSA_WERROR)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(LLSA_NATIVE)
  include(LlsaFma)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:${LLSA_FMA_FLAGS}>)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()
if(LLSA_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${LLSA_SANITIZE}>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize-recover=all>)
  add_link_options(-fsanitize=${LLSA_SANITIZE})
endif()

# llsa_compile_quickly(TARGET): for code that computes nothing itself, where compiling costs more than running ever will.
function(llsa_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-O1>)
endfunction()

# llsa_embed(RESULT FILE NAMESPACE VARIABLE): a rule that makes a source in which VARIABLE, a `const char* const`, is the text of
# FILE; the source's path in RESULT.
function(llsa_embed result file namespace variable)
  set(input ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${variable}.cpp)
  set(script ${PROJECT_SOURCE_DIR}/cmake/embed.cmake)
  add_custom_command(OUTPUT ${output} DEPENDS ${input} ${script} VERBATIM
    COMMAND ${CMAKE_COMMAND} -DINPUT=${input} -DOUTPUT=${output} -DNAMESPACE=${namespace} -DVARIABLE=${variable} -P ${script})
  set(${result} ${output} PARENT_SCOPE)
endfunction()

# llsa_library(NAME SOURCES... [PUBLIC_LINKS ...] [LINKS ...] [INTERNAL]): target llsa_NAME, alias llsa::NAME.
# INTERNAL libraries serve the project's own programs only and are not installed.
function(llsa_library name)
  cmake_parse_arguments(ARG "INTERNAL" "" "SOURCES;PUBLIC_LINKS;LINKS" ${ARGN})
  add_library(llsa_${name} STATIC ${ARG_SOURCES})
  add_library(llsa::${name} ALIAS llsa_${name})
  set_target_properties(llsa_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(llsa_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                 $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/llsa>)
  # What `cmake --install` exports: see LlsaInstall.cmake.
  if(NOT ARG_INTERNAL)
    set_property(GLOBAL APPEND PROPERTY LLSA_LIBRARIES llsa_${name})
  endif()
  target_compile_features(llsa_${name} PUBLIC cxx_std_20)
  target_link_libraries(llsa_${name} PUBLIC ${ARG_PUBLIC_LINKS} PRIVATE ${ARG_LINKS})
endfunction()

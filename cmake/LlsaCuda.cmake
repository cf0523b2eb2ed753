# What CMake does not know by itself about nvcc.
foreach(kind STANDARD EXTENSION)
  if(NOT CMAKE_CUDA20_${kind}_COMPILE_OPTION)  # CMake 3.25 does not know how nvcc is asked for C++20
    set(CMAKE_CUDA20_${kind}_COMPILE_OPTION -std=c++20)
  endif()
endforeach()

# llsa_cuda_options(TARGET): what every target with CUDA sources shares: code for compute capability 8.0, which serves all of 8.x,
# and for 9.0a, and the PTX of both. A driver compiles that of 8.0 for later devices; the interpreter in cuda/ptx runs either,
# so they are stored as text.
function(llsa_cuda_options target)
  set_target_properties(${target} PROPERTIES CUDA_ARCHITECTURES "80;90a")
  # Relaxed constexpr lets kernels call the constexpr functions of llsa/.
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;--no-compress;-Xptxas=-v;-Xcompiler=-Wall,-Wextra>"
    $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${LLSA_WERROR}>>:--Werror=all-warnings>)
  # Keeps what ptxas reports of registers and spills beside the object files.
  set_target_properties(${target} PROPERTIES
    CUDA_COMPILER_LAUNCHER "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/keep_ptxas_report.sh;${CMAKE_CUDA_COMPILER_LAUNCHER}")
endfunction()

# Tests against the interpreter of compiled PTX, with the label ptx: no driver, no device, only nvcc when they are built.
function(ptx_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  llsa_test(cuda_ptx_${name} SOURCES ${ARG_SOURCES} LINKS llsa::cuda_on_ptx llsa_test_support LABELS ptx)
endfunction()

foreach(name stages_test attend_test attend_contract_test attention_test half_test device_test)
  ptx_test(${name} SOURCES ${name}.cpp)
endforeach()
ptx_test(mma_test SOURCES mma_test.cu)
llsa_ptx_target(cuda_ptx_mma_test)

# Tests against the interpreter of compiled PTX, with the label ptx: no driver, no device, only nvcc when they are built.
# CASES: how many cases of each property; more, for a night: RC_PARAMS="max_success=10" build/release/bin/cuda_ptx_attend_test
function(ptx_test name)
  cmake_parse_arguments(ARG "" "CASES" "SOURCES" ${ARGN})
  if(NOT ARG_CASES)
    set(ARG_CASES 2)
  endif()
  llsa_test(cuda_ptx_${name} NO_SHARED_HEADERS SOURCES ${ARG_SOURCES} LINKS llsa::cuda_on_ptx llsa_test_support LABELS ptx)
  set_target_properties(cuda_ptx_${name} PROPERTIES CUDA_RUNTIME_LIBRARY None)
  set_tests_properties(cuda_ptx_${name} PROPERTIES ENVIRONMENT
                       "RC_PARAMS=seed=${LLSA_TEST_SEED} max_success=${ARG_CASES}")
endfunction()

# The very objects of the device's tests, linked a second time.
foreach(name stages_test attend_test attend_contract_test attention_test half_test device_test)
  ptx_test(${name} CASES 1 SOURCES $<TARGET_OBJECTS:cuda_gpu_${name}>)
  set_target_properties(cuda_ptx_${name} PROPERTIES LINKER_LANGUAGE CXX)
endforeach()
ptx_test(mma_test SOURCES $<TARGET_OBJECTS:cuda_gpu_mma_test>)
set_target_properties(cuda_ptx_mma_test PROPERTIES LINKER_LANGUAGE CXX)

# The interpreter itself: its checks with bugs planted in the PTX, orders, and the ratchet of counts.
ptx_test(checks_test SOURCES ptx_checks_test.cu)
llsa_cuda_options(cuda_ptx_checks_test)
ptx_test(order_test SOURCES ptx_order_test.cpp)
ptx_test(counts_test SOURCES ptx_counts_test.cpp)
target_link_libraries(cuda_ptx_counts_test PRIVATE llsa::ptx_report llsa_test_room)
target_compile_definitions(cuda_ptx_counts_test PRIVATE LLSA_PTX_COUNTS="${CMAKE_CURRENT_SOURCE_DIR}/ptx_counts.json")

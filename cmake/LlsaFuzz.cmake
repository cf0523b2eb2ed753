# llsa_fuzz_readers(LIBRARY READER...): a libFuzzer program fuzz_READER for every fuzz/fuzz_READER.cpp of the current folder. For
# example, from the build folder:
#   bin/fuzz_npy -max_total_time=60 new_inputs/ <source>/files/fuzz/corpus/npy
# The library is compiled once more, instrumented, so that the other targets of the build stay as they are.
function(llsa_fuzz_readers library)
  get_target_property(sources llsa_${library} SOURCES)
  get_target_property(includes llsa_${library} INCLUDE_DIRECTORIES)
  get_target_property(links llsa_${library} LINK_LIBRARIES)
  list(REMOVE_ITEM links llsa::files)
  add_library(llsa_${library}_fuzzed STATIC ${sources})
  target_compile_definitions(llsa_${library}_fuzzed PRIVATE FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
  target_compile_options(llsa_${library}_fuzzed PUBLIC -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_include_directories(llsa_${library}_fuzzed SYSTEM PRIVATE ${LLSA_STB_INCLUDE})
  target_include_directories(llsa_${library}_fuzzed PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(llsa_${library}_fuzzed PUBLIC ${links})
  if(NOT library STREQUAL "files")
    target_link_libraries(llsa_${library}_fuzzed PUBLIC llsa_files_fuzzed)
  endif()
  foreach(reader ${ARGN})
    add_executable(fuzz_${reader} fuzz/fuzz_${reader}.cpp)
    target_link_libraries(fuzz_${reader} PRIVATE llsa_${library}_fuzzed)
    target_link_options(fuzz_${reader} PRIVATE -fsanitize=fuzzer,address,undefined)
  endforeach()
endfunction()

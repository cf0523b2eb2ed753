# llsa-compare profile: what it measures (a library, shared with the demo and the benchmarks) and its command.
llsa_library(profile
  SOURCES profile.cpp profile_device.cpp profile_device_report.cpp profile_fit.cpp profile_json.cpp profile_keys.cpp
          profile_memory.cpp profile_plot.cpp profile_report.cpp profile_table.cpp
  PUBLIC_LINKS llsa::backends llsa::reference
  LINKS llsa::plot fmt::fmt nlohmann_json::nlohmann_json)
# What times the CUDA backends on their device.
foreach(world cuda cuda_on_cpu)
  string(REGEX REPLACE "^cuda" "cuda_profile" measure ${world})
  if(TARGET llsa::${measure})
    string(TOUPPER ${world} upper)
    target_link_libraries(llsa_profile PRIVATE llsa::${measure})
    target_compile_definitions(llsa_profile PRIVATE LLSA_HAVE_${upper})
  endif()
endforeach()
target_sources(llsa-compare PRIVATE profile_command.cpp)
target_link_libraries(llsa-compare PRIVATE llsa::profile llsa::plot)

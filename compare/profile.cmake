# llsa-compare profile: what it measures (a library, shared with the demo and the benchmarks) and its command.
llsa_library(profile
  SOURCES profile.cpp profile_fit.cpp profile_json.cpp profile_keys.cpp profile_memory.cpp profile_plot.cpp
          profile_report.cpp profile_table.cpp
  PUBLIC_LINKS llsa::backends llsa::reference
  LINKS llsa::plot fmt::fmt nlohmann_json::nlohmann_json)
target_sources(llsa-compare PRIVATE profile_command.cpp)
target_link_libraries(llsa-compare PRIVATE llsa::profile llsa::plot)

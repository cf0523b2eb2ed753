# llsa-compare approximate, table and recommend: how well and how fast the methods do, on the same work.
# What `recommend` expects without an input: measured once, compiled in.
set(LLSA_MEASUREMENTS ${CMAKE_CURRENT_SOURCE_DIR}/recommend/measurements.json)
add_custom_command(OUTPUT measurements.cpp
  COMMAND ${CMAKE_COMMAND} -DINPUT=${LLSA_MEASUREMENTS} -DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/measurements.cpp
          -P ${CMAKE_CURRENT_SOURCE_DIR}/recommend/embed.cmake
  DEPENDS ${LLSA_MEASUREMENTS} recommend/embed.cmake)
llsa_library(tables
  SOURCES approximate/input.cpp approximate/key_count.cpp approximate/measure.cpp approximate/report.cpp
          approximate/sweep.cpp
          recommend/cost_model.cpp recommend/expectation.cpp recommend/recommend.cpp recommend/report.cpp
          ${CMAKE_CURRENT_BINARY_DIR}/measurements.cpp
          tables/denoising.cpp tables/make_tables.cpp tables/measure_timing.cpp tables/measure_training.cpp
          tables/scale.cpp tables/timing_report.cpp tables/timing_tables.cpp tables/training_report.cpp
          tables/training_run.cpp tables/training_tables.cpp
  PUBLIC_LINKS llsa::backends llsa::diffusion
  LINKS llsa::compare llsa::profile llsa::plot llsa::datasets fmt::fmt nlohmann_json::nlohmann_json)
target_sources(llsa-compare PRIVATE approximate_command.cpp recommend_command.cpp table_command.cpp)
target_link_libraries(llsa-compare PRIVATE llsa::tables llsa::plot llsa::datasets)

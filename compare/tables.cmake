# llsa-compare approximate, table and recommend: how well and how fast the methods do, on the same work.
llsa_library(tables
  SOURCES approximate/input.cpp approximate/key_count.cpp
          tables/make_tables.cpp tables/measure_timing.cpp tables/measure_training.cpp tables/scale.cpp
          tables/timing_report.cpp tables/timing_tables.cpp tables/training_report.cpp tables/training_run.cpp
          tables/training_tables.cpp
  PUBLIC_LINKS llsa::backends llsa::diffusion
  LINKS llsa::compare llsa::profile llsa::pixel_tokens llsa::plot llsa::datasets fmt::fmt nlohmann_json::nlohmann_json)
target_sources(llsa-compare PRIVATE table_command.cpp)
target_link_libraries(llsa-compare PRIVATE llsa::tables)

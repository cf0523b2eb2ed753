llsa_test(tables_tests
  SOURCES approximate_test.cpp cli.cpp recommend_test.cpp tables_program_test.cpp tables_test.cpp
  LINKS llsa::tables llsa::compare llsa::profile llsa::datasets fmt::fmt nlohmann_json::nlohmann_json)
target_compile_definitions(tables_tests PRIVATE LLSA_COMPARE_PROGRAM="$<TARGET_FILE:llsa-compare>")
add_dependencies(tables_tests llsa-compare)

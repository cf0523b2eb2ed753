llsa_test(profile_tests
  SOURCES profile_device_test.cpp profile_fit_test.cpp profile_program_test.cpp profile_report_test.cpp profile_test.cpp
  LINKS llsa::profile llsa::datasets nlohmann_json::nlohmann_json)
target_compile_definitions(profile_tests PRIVATE LLSA_COMPARE_PROGRAM="$<TARGET_FILE:llsa-compare>")
add_dependencies(profile_tests llsa-compare)

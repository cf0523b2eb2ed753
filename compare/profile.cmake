# llsa-compare profile: what it measures (a library, shared with the demo and the benchmarks) and its command.
llsa_library(profile
  SOURCES profile_keys.cpp profile_table.cpp
  PUBLIC_LINKS llsa::backends llsa::reference
  LINKS llsa::compare fmt::fmt)

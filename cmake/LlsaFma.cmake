# LLSA_FMA_FLAGS: what keeps every multiply-add of a kind alike. Tuned for AMD's Zen, g++ multiplies and adds in two steps, and so
# rounds twice, in some loops and fuses in others; then the bits of a sum depend on how many rows stand beside it.
set(LLSA_FMA_FLAGS "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(LLSA_FMA_FLAGS --param=avoid-fma-max-bits=0)
endif()

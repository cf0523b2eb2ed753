// The same tests for the twins of the instructions, on the executor.
#include "mma_test.cu"

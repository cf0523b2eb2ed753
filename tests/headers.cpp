// Nothing of its own: the target precompiles headers for all tests.

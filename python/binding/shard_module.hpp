#pragma once

#include <nanobind/nanobind.h>

/// Adds what `pyllsa.distributed` calls to the extension module.
void add_shard_functions(nanobind::module_& m);

#pragma once

#include <nanobind/nanobind.h>

#include "llsa/error.hpp"

namespace pyllsa {

/// `llsa::Error` becomes Python's `ValueError`. Each extension module calls it once.
inline void raise_errors_as_value_errors() {
  nanobind::register_exception_translator([](const std::exception_ptr& failure, void*) {
    try {
      std::rethrow_exception(failure);
    } catch (const llsa::Error& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    }
  });
}

}  // namespace pyllsa

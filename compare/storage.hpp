#pragma once

#include <type_traits>

#include "llsa/dtype.hpp"

namespace llsa::compare {

/// Calls `use(std::type_identity<T>{})` with the storage type T of that name.
template <class Use>
decltype(auto) with_storage(DType type, Use use) {
  switch (type) {
    case DType::f16:
      return use(std::type_identity<half>{});
    case DType::bf16:
      return use(std::type_identity<bfloat16>{});
    case DType::f32:
      return use(std::type_identity<float>{});
    case DType::f64:
      break;
  }
  return use(std::type_identity<double>{});
}

}  // namespace llsa::compare

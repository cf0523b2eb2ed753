#include "reference/attention.hpp"

#include "support/properties/register.hpp"

namespace llsa::testing {
namespace {

/// Two threads, so that work is really shared out.
template <class T>
std::shared_ptr<Attention<T>> reference_attention() {
  static ThreadPool threads(2);
  return std::make_shared<reference::ReferenceAttention<T>>(threads);
}

const bool registered = register_properties<float>("ReferenceFloat", reference_attention<float>) &&
                        register_properties<double>("ReferenceDouble", reference_attention<double>);

}  // namespace
}  // namespace llsa::testing

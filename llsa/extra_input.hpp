#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "llsa/tensor.hpp"

namespace llsa {

/// A further differentiable input of a method (see `method_extras`), given by name in `AttentionInputs::extras`.
struct ExtraInput {
  std::string_view name;  ///< as files and programs call it
  Shape shape;
  double absent = 0;  ///< what every element counts as when the input is left out
  friend bool operator==(const ExtraInput&, const ExtraInput&) = default;
};

/// A view with the name of the further input that it shows, or whose gradient it takes.
template <class T>
struct NamedView {
  std::string name;
  TensorView<T> view;
};

/// Further inputs of a method, in any order. One that is not in it, or that has no data, is left out.
template <class T>
using NamedViews = std::vector<NamedView<T>>;

/// The view of that name; one without data when there is none.
template <class T>
TensorView<T> named(const NamedViews<T>& views, std::string_view name) {
  const auto found = std::find_if(views.begin(), views.end(), [&](const auto& each) { return each.name == name; });
  return found == views.end() ? TensorView<T>{} : found->view;
}

}  // namespace llsa

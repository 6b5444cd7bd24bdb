// std::visit with one function for each alternative, side by side.
#pragma once

namespace cinit {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

// clang before 17 does not deduce this for an aggregate.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace cinit

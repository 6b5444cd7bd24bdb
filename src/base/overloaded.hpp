// std::visit with one function for each alternative, or for some of them alike, side by side.
#pragma once

#include <concepts>

namespace cinit {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

// clang before 17 does not deduce this for an aggregate.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

// "This function is for these alternatives": a list by name, so that a new alternative is not among them unnoticed.
template <class Alternative, class... Alternatives>
concept OneOf = (std::same_as<Alternative, Alternatives> || ...);

}  // namespace cinit

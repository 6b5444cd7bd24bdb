// A visit of a variant with one function for each alternative, or for some of them alike, side by side.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>
#include <variant>

namespace cinit {

// Calls the function for the alternative that the variant holds, like std::visit. std::visit makes a function and an entry of a table
// for each alternative; here alternatives that are treated alike share their code. The variant must hold a value.
template <std::size_t I = 0, class Function, class Variant>
[[gnu::always_inline]] constexpr decltype(auto) match(Function&& function, Variant&& variant) {
  constexpr std::size_t kLast = std::variant_size_v<std::remove_cvref_t<Variant>> - 1;
  if constexpr (I < kLast) {
    if (variant.index() != I) return match<I + 1>(std::forward<Function>(function), std::forward<Variant>(variant));
  }
  auto& alternative = *std::get_if<I>(&variant);
  if constexpr (std::is_lvalue_reference_v<Variant>) {
    return std::forward<Function>(function)(alternative);
  } else {
    return std::forward<Function>(function)(std::move(alternative));
  }
}

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

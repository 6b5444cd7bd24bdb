#include "config/size.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace cinit::config {
namespace {

struct Unit {
  std::string_view letter;
  unsigned shift;
};

// From the largest to the smallest.
constexpr Unit kUnits[] = {{"g", 30}, {"m", 20}, {"k", 10}};

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// By how many bits a unit in small letters moves a number.
std::optional<unsigned> shift_of(std::string_view unit) {
  if (unit.empty() || unit == "b") return 0;
  for (const Unit& known : kUnits) {
    if (!unit.starts_with(known.letter)) continue;
    const std::string_view rest = unit.substr(1);
    if (rest.empty() || rest == "b" || rest == "ib") return known.shift;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Size> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return std::nullopt;
  std::string unit(rest, end);
  std::ranges::transform(unit, unit.begin(), to_lower);
  const std::optional<unsigned> shift = shift_of(unit);
  if (!shift || number > std::numeric_limits<std::uint64_t>::max() >> *shift) return std::nullopt;
  return Size{number << *shift};
}

std::string format_size(Size size) {
  for (const Unit& unit : kUnits) {
    const std::uint64_t count = size.bytes >> unit.shift;
    if (count == 0 || count << unit.shift != size.bytes) continue;
    return std::to_string(count) + static_cast<char>(unit.letter[0] - 'a' + 'A') + 'B';
  }
  return std::to_string(size.bytes);
}

}  // namespace cinit::config

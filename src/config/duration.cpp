#include "config/duration.hpp"

#include <charconv>
#include <cstdint>

namespace cinit::config {
namespace {

struct Unit {
  std::string_view name;
  Duration length;
};

// From the longest to the shortest.
constexpr Unit kUnits[] = {
    {"h", std::chrono::hours(1)},
    {"m", std::chrono::minutes(1)},
    {"s", std::chrono::seconds(1)},
    {"ms", std::chrono::milliseconds(1)},
};

// Takes a number without a sign off the front of `text`.
std::optional<std::int64_t> take_number(std::string_view& text) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return number;
}

// Takes the letters of a unit off the front of `text`; none at all mean seconds. nullptr when there is no such unit.
const Unit* take_unit(std::string_view& text) {
  const std::size_t length = std::min(text.find_first_of("0123456789"), text.size());
  const std::string_view name = length == 0 ? "s" : text.substr(0, length);
  text.remove_prefix(length);
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

std::optional<Duration> add(Duration sum, std::int64_t count, Duration length) {
  std::int64_t product = 0;
  std::int64_t total = 0;
  if (__builtin_mul_overflow(count, length.count(), &product)) return std::nullopt;
  if (__builtin_add_overflow(sum.count(), product, &total)) return std::nullopt;
  return Duration(total);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Duration sum{0};
  Duration last_length = Duration::max();
  while (!text.empty()) {
    const std::optional<std::int64_t> count = take_number(text);
    if (!count) return std::nullopt;
    const bool has_unit = !text.empty();
    const Unit* unit = take_unit(text);
    const bool bare_after_others = !has_unit && last_length != Duration::max();
    if (unit == nullptr || unit->length >= last_length || bare_after_others) return std::nullopt;
    const std::optional<Duration> longer = add(sum, *count, unit->length);
    if (!longer) return std::nullopt;
    sum = *longer;
    last_length = unit->length;
  }
  return sum;
}

std::string format_duration(Duration span) {
  std::string text;
  for (const Unit& unit : kUnits) {
    const std::int64_t count = span / unit.length;
    if (count == 0) continue;
    text += std::to_string(count) + std::string(unit.name);
    span -= count * unit.length;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace cinit::config

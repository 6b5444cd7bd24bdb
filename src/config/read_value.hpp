// Reading one value: from a node of toml++ to a member of Config. Private to config/.
//
// Every read() returns whether it has set `into`. When it has not, that is reported, or the value has a `${X}` that is
// still undefined.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/keys.hpp"
#include "config/names.hpp"
#include "config/reading.hpp"

namespace cinit::config {

bool read(const Value& value, bool& into);
bool read(const Value& value, std::uint32_t& into);
bool read(const Value& value, Duration& into);
bool read(const Value& value, Signal& into);
bool read(const Value& value, FileMode& into);
bool read(const Value& value, EnvFile& into);
bool read(const Value& value, Output& into);
bool read(const Value& value, Limit& into);
bool read(const Value& value, SuccessExitStatus& into);
bool read(const Value& value, SignalRoutes& into);
bool read(const Value& value, Size& into);
bool read(const Value& value, Ready& into);
bool read(const Value& value, Health& into);
bool read(const Value& value, std::string& into);
bool read(const Value& value, As<AbsolutePath, std::string> into);
bool read(const Value& value, As<Account, std::string> into);
bool read(const Value& value, As<StandardOutput, Output> into);
bool read(const Value& value, As<CommandLine, std::vector<std::string>> into);
bool read(const Value& value, As<CapabilityName, std::string> into);
bool read(const Value& value, As<SocketPath, std::string> into);

// Values within bounds, both included.
bool read_between(const Value& value, std::int64_t& into, std::int64_t lowest, std::int64_t highest);
bool read_between(const Value& value, Size& into, Size lowest, Size highest);
bool read_at_least(const Value& value, Duration& into, Duration shortest);

template <std::int64_t Lowest, std::int64_t Highest, std::integral T>
bool read(const Value& value, As<Between<Lowest, Highest>, T> into) {
  static_assert(std::in_range<T>(Lowest) && std::in_range<T>(Highest));
  std::int64_t number = 0;
  if (!read_between(value, number, Lowest, Highest)) return false;
  into.field = static_cast<T>(number);
  return true;
}

template <std::uint64_t Lowest, std::uint64_t Highest>
bool read(const Value& value, As<SizeBetween<Lowest, Highest>, Size> into) {
  return read_between(value, into.field, Size{Lowest}, Size{Highest});
}

template <std::int64_t Shortest>
bool read(const Value& value, As<AtLeast<Shortest>, Duration> into) {
  return read_at_least(value, into.field, std::chrono::milliseconds(Shortest));
}

// Tables add to what is in `into`: later names win.
bool read(const Value& value, std::map<std::string, Limit>& into);
bool read(const Value& value, Variables& into);
// The table [env], which is no value of a key.
void read_variables(const toml::table& table, std::string_view title, Reading& reading, Variables& into);

// Which of `names` the value is.
std::optional<std::size_t> read_choice(const Value& value, const std::vector<std::string_view>& names);

template <NamedEnum E>
bool read(const Value& value, E& into) {
  std::vector<std::string_view> names;
  for (const Named<E>& named : names_of(into)) names.push_back(named.name);
  const std::optional<std::size_t> choice = read_choice(value, names);
  if (choice) into = names_of(into)[*choice].value;
  return choice.has_value();
}

template <class T>
bool read(const Value& value, std::optional<T>& into) {
  T parsed{};
  if (!read(value, parsed)) return false;
  into = std::move(parsed);
  return true;
}

template <class Form, class T>
bool read(const Value& value, As<Form, std::optional<T>> into) {
  T parsed{};
  if (!read(value, as<Form>(parsed))) return false;
  into.field = std::move(parsed);
  return true;
}

// Sets `into` only when every element could be read.
template <class T, class ReadElement>
bool read_elements(const Value& value, std::vector<T>& into, ReadElement read_element) {
  const toml::array* array = value.node.as_array();
  if (array == nullptr) {
    value.mismatch("an array");
    return false;
  }
  std::vector<T> elements;
  bool complete = true;
  for (const toml::node& node : *array) {
    complete = read_element(value.element(node), elements.emplace_back()) && complete;
  }
  if (complete) into = std::move(elements);
  return complete;
}

template <class T>
bool read(const Value& value, std::vector<T>& into) {
  return read_elements(value, into, [](const Value& element, T& item) { return read(element, item); });
}

template <class Form, class T>
bool read(const Value& value, As<Form, std::vector<T>> into) {
  return read_elements(value, into.field, [](const Value& element, T& item) { return read(element, as<Form>(item)); });
}

}  // namespace cinit::config

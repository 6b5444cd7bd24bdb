#include "base/utc.hpp"

#include <cstddef>
#include <cstdint>

namespace cinit {
namespace {

void append(std::string& text, std::int64_t number, std::size_t digits) {
  const std::string plain = std::to_string(number);
  if (plain.size() < digits) text.append(digits - plain.size(), '0');
  text += plain;
}

}  // namespace

std::string format_utc(std::chrono::system_clock::time_point at) {
  using namespace std::chrono;
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(floor<milliseconds>(at - day));
  std::string text;
  append(text, static_cast<int>(date.year()), 4);
  append(text += '-', static_cast<unsigned>(date.month()), 2);
  append(text += '-', static_cast<unsigned>(date.day()), 2);
  append(text += 'T', time.hours().count(), 2);
  append(text += ':', time.minutes().count(), 2);
  append(text += ':', time.seconds().count(), 2);
  append(text += '.', time.subseconds().count(), 3);
  return text += 'Z';
}

}  // namespace cinit

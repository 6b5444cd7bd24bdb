// One line of text in a fixed buffer: for what has to be said without the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.hpp"

namespace cinit {

// What does not fit is cut off; the newline always fits.
class Line {
 public:
  Line& operator<<(std::string_view text) {
    for (const char letter : text) push_back(letter);
    return *this;
  }
  Line& operator<<(std::int64_t number) {
    char digits[20];
    int count = 0;
    std::uint64_t left = number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    do digits[count++] = static_cast<char>('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0) push_back('-');
    while (count > 0) push_back(digits[--count]);
    return *this;
  }
  Line& operator<<(int number) { return *this << static_cast<std::int64_t>(number); }
  // In the unit that a reader would choose: "35 ms", "1.5 s", "12 s", "3 min 20 s", "2 h 5 min".
  Line& operator<<(Duration span);

  void push_back(char letter) {
    if (size_ < sizeof(buffer_) - 1) buffer_[size_++] = letter;
  }

  std::string_view text() const { return {buffer_, size_}; }
  // The text with a newline behind it.
  std::string_view line() {
    buffer_[size_] = '\n';
    return {buffer_, size_ + 1};
  }

 private:
  std::size_t size_ = 0;
  char buffer_[1024];
};

inline Line& Line::operator<<(Duration span) {
  const std::int64_t ms = span.count() / 1'000'000;
  const std::int64_t s = ms / 1000;
  if (ms < 1000) return *this << ms << " ms";
  if (s < 10 && ms % 1000 >= 100) return *this << s << "." << ms % 1000 / 100 << " s";
  if (s < 120) return *this << s << " s";
  if (s < 7200) return s % 60 == 0 ? *this << s / 60 << " min" : *this << s / 60 << " min " << s % 60 << " s";
  return s / 60 % 60 == 0 ? *this << s / 3600 << " h" : *this << s / 3600 << " h " << s / 60 % 60 << " min";
}

}  // namespace cinit

#include "notify/message.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

namespace cinit::notify {
namespace {

struct Flag {
  std::string_view line;
  bool Message::*member;
};

constexpr Flag kFlags[] = {
    {"READY=1", &Message::ready},
    {"RELOADING=1", &Message::reloading},
    {"STOPPING=1", &Message::stopping},
    {"WATCHDOG=1", &Message::watchdog},
    {"WATCHDOG=trigger", &Message::watchdog_trigger},
    {"BARRIER=1", &Message::barrier},
};

std::optional<std::uint64_t> read_number(std::string_view text, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most) return std::nullopt;
  return number;
}

void take_number(std::optional<int>& into, std::string_view text, int least, int most) {
  const auto number = read_number(text, static_cast<std::uint64_t>(most));
  if (number && static_cast<int>(*number) >= least) into = static_cast<int>(*number);
}

void take_span(std::optional<Duration>& into, std::string_view text) {
  const auto number = read_number(text, std::numeric_limits<std::uint64_t>::max());
  if (!number) return;
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::microseconds>(kLongest);
  into = std::chrono::microseconds(std::min(*number, static_cast<std::uint64_t>(kMost.count())));
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

std::string_view cut(std::string_view text) {
  if (text.size() <= kMostStatus) return text;
  std::size_t size = kMostStatus;
  while (size > 0 && continues_character(text[size])) --size;
  // Where there is no character to be seen, it is bytes.
  return text.substr(0, size == 0 ? kMostStatus : size);
}

void take_value(Message& message, std::string_view name, std::string_view value) {
  constexpr int kMostError = 4095;  // MAX_ERRNO of the kernel
  if (name == "STATUS") {
    message.status = cut(value);
  } else if (name == "MAINPID") {
    take_number(message.main_pid, value, 1, std::numeric_limits<pid_t>::max());
  } else if (name == "ERRNO") {
    take_number(message.error, value, 0, kMostError);
  } else if (name == "EXTEND_TIMEOUT_USEC") {
    take_span(message.extend_timeout, value);
  } else if (name == "WATCHDOG_USEC") {
    take_span(message.watchdog_within, value);
  }
}

void take_line(Message& message, std::string_view line) {
  const auto* const flag = std::ranges::find(kFlags, line, &Flag::line);
  if (flag != std::end(kFlags)) {
    message.*(flag->member) = true;
    return;
  }
  const std::size_t equals = line.find('=');
  if (equals != std::string_view::npos) take_value(message, line.substr(0, equals), line.substr(equals + 1));
}

Message only_barrier() {
  Message message;
  message.barrier = true;
  return message;
}

}  // namespace

Message parse(std::string_view datagram) {
  if (datagram.ends_with('\0')) datagram.remove_suffix(1);
  if (datagram.find('\0') != std::string_view::npos) return {};
  Message message;
  while (!datagram.empty()) {
    const std::size_t end = std::min(datagram.find('\n'), datagram.size());
    take_line(message, datagram.substr(0, end));
    datagram.remove_prefix(std::min(end + 1, datagram.size()));
  }
  return message.barrier ? only_barrier() : message;
}

}  // namespace cinit::notify

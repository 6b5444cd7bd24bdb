#include "base/signal.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>

namespace cinit {
namespace {

struct SignalName {
  const char* name;  // with "SIG" in front
  int number;
};

// signal(7), "Standard signals". The first name of a number is the one that is printed.
constexpr SignalName kNames[] = {
    {"SIGHUP", SIGHUP},       {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT},   {"SIGILL", SIGILL},   {"SIGTRAP", SIGTRAP},
    {"SIGABRT", SIGABRT},     {"SIGIOT", SIGABRT},  {"SIGBUS", SIGBUS},     {"SIGFPE", SIGFPE},   {"SIGKILL", SIGKILL},
    {"SIGUSR1", SIGUSR1},     {"SIGSEGV", SIGSEGV}, {"SIGUSR2", SIGUSR2},   {"SIGPIPE", SIGPIPE}, {"SIGALRM", SIGALRM},
    {"SIGTERM", SIGTERM},
#ifdef SIGSTKFLT
    {"SIGSTKFLT", SIGSTKFLT},
#endif
    {"SIGCHLD", SIGCHLD},     {"SIGCLD", SIGCHLD},  {"SIGCONT", SIGCONT},   {"SIGSTOP", SIGSTOP}, {"SIGTSTP", SIGTSTP},
    {"SIGTTIN", SIGTTIN},     {"SIGTTOU", SIGTTOU}, {"SIGURG", SIGURG},     {"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ},
    {"SIGVTALRM", SIGVTALRM}, {"SIGPROF", SIGPROF}, {"SIGWINCH", SIGWINCH}, {"SIGIO", SIGIO},     {"SIGPOLL", SIGIO},
    {"SIGPWR", SIGPWR},       {"SIGSYS", SIGSYS},
};

constexpr std::size_t kPrefixLength = 3;  // "SIG"

// ASCII only, whatever the locale.
std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& letter : upper) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return upper;
}

std::optional<int> parse_number(std::string_view digits) {
  int number = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, number);
  if (digits.empty() || digits[0] == '-' || error != std::errc() || rest != end) return std::nullopt;
  return number;
}

std::optional<Signal> in_range(int number, int lowest) {
  if (number < lowest || number > kRealTimeMax) return std::nullopt;
  return Signal{number};
}

// "RTMIN+3" or "RTMAX-1"; the offset may be missing.
std::optional<Signal> parse_real_time(std::string_view name) {
  const bool from_min = name.starts_with("RTMIN");
  if (!from_min && !name.starts_with("RTMAX")) return std::nullopt;
  const int base = from_min ? kRealTimeMin : kRealTimeMax;
  name.remove_prefix(5);
  if (name.empty()) return Signal{base};
  if (name[0] != (from_min ? '+' : '-')) return std::nullopt;
  const std::optional<int> offset = parse_number(name.substr(1));
  if (!offset || *offset > kRealTimeMax - kRealTimeMin) return std::nullopt;
  return in_range(from_min ? base + *offset : base - *offset, kRealTimeMin);
}

}  // namespace

std::optional<Signal> parse_signal(std::string_view text) {
  if (const std::optional<int> number = parse_number(text)) return in_range(*number, 1);
  const std::string upper = upper_case(text);
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(kPrefixLength);
  for (const SignalName& known : kNames) {
    if (name == known.name + kPrefixLength) return Signal{known.number};
  }
  return parse_real_time(name);
}

const char* standard_signal_name(int number) {
  const auto* known =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const SignalName& name) { return name.number == number; });
  return known == std::end(kNames) ? nullptr : known->name;
}

std::string to_string(Signal signal) {
  if (const char* name = standard_signal_name(signal.number)) return name;
  if (signal.number < kRealTimeMin || signal.number > kRealTimeMax) return "signal " + std::to_string(signal.number);
  if (signal.number == kRealTimeMin) return "SIGRTMIN";
  return "SIGRTMIN+" + std::to_string(signal.number - kRealTimeMin);
}

}  // namespace cinit

#include "config/parse_value.hpp"

#include <charconv>
#include <limits>

namespace cinit::config {
namespace {

constexpr int kHighestExitCode = 255;
constexpr std::uint32_t kHighestMode = 0777;
constexpr std::size_t kLongestSocketPath = 107;  // sun_path holds 108 bytes, one of which is the end

template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, base);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return number;
}

// One side of a limit. The highest number is what setrlimit(2) takes for RLIM_INFINITY.
struct LimitValue {
  std::optional<std::uint64_t> number;
  std::uint64_t order() const { return number.value_or(std::numeric_limits<std::uint64_t>::max()); }
};

std::optional<LimitValue> parse_limit_value(std::string_view text) {
  if (text == "unlimited") return LimitValue{};
  const std::optional<std::uint64_t> number = parse_number<std::uint64_t>(text);
  if (!number || *number == LimitValue{}.order()) return std::nullopt;
  return LimitValue{number};
}

}  // namespace

std::optional<std::uint32_t> parse_uint32(std::string_view text) { return parse_number<std::uint32_t>(text); }

std::optional<std::uint32_t> parse_octal(std::string_view text) { return parse_number<std::uint32_t>(text, 8); }

std::optional<std::int64_t> parse_int64(std::string_view text) { return parse_number<std::int64_t>(text); }

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<FileMode> parse_mode(std::string_view text) {
  const std::optional<std::uint32_t> bits = parse_octal(text);
  if (!bits || *bits > kHighestMode) return std::nullopt;
  return FileMode{*bits};
}

std::optional<std::string> parse_path(std::string_view text) {
  if (!text.starts_with('/')) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> parse_socket_path(std::string_view text) {
  const bool is_path = text.starts_with('/') && !text.ends_with('/') && text.size() <= kLongestSocketPath;
  if (!is_path && !text.empty()) return std::nullopt;
  return std::string(text);
}

std::string normalise_capability(std::string_view text) {
  constexpr std::string_view kPrefix = "cap_";
  std::string name(text);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name.starts_with(kPrefix) ? name : std::string(kPrefix) + name;
}

std::optional<EnvFile> parse_env_file_path(std::string_view text) {
  const bool optional = text.starts_with('-');
  if (optional) text.remove_prefix(1);
  if (!text.starts_with('/')) return std::nullopt;
  return EnvFile{std::string(text), optional};
}

std::optional<Output> parse_output(std::string_view text) {
  constexpr std::string_view kFile = "file:";
  if (text == "inherit") return Output{};
  if (text == "null") return Output{Output::Kind::Null, {}};
  if (text == "stdout") return Output{Output::Kind::Stdout, {}};
  if (!text.starts_with(kFile) || !parse_path(text.substr(kFile.size()))) return std::nullopt;
  return Output{Output::Kind::File, std::string(text.substr(kFile.size()))};
}

std::optional<Limit> parse_limit(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::optional<LimitValue> soft = parse_limit_value(text.substr(0, colon));
  const std::optional<LimitValue> hard =
      colon == std::string_view::npos ? soft : parse_limit_value(text.substr(colon + 1));
  if (!soft || !hard || soft->order() > hard->order()) return std::nullopt;
  return Limit{soft->number, hard->number};
}

std::optional<EndStatus> parse_end_status(std::string_view text) {
  if (const std::optional<int> code = parse_number<int>(text)) {
    if (*code < 0 || *code > kHighestExitCode) return std::nullopt;
    return *code;
  }
  if (const std::optional<Signal> signal = parse_signal(text)) return *signal;
  return std::nullopt;
}

}  // namespace cinit::config

// Single values of a configuration: what is read can be written, and read again.
#include <functional>
#include <optional>

#include "base/signal.hpp"
#include "config/duration.hpp"
#include "config/endpoint.hpp"
#include "config/parse_value.hpp"
#include "config/quote.hpp"
#include "config/size.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

template <class Parse, class Format>
void check(std::string_view text, Parse parse, Format format) {
  const auto value = parse(text);
  if (!value) return;
  const std::string shown = format(*value);
  const auto again = parse(shown);
  require(again && format(*again) == shown, "a value comes back as it was", shown);
}

void check_duration(std::string_view text) {
  const auto span = config::parse_duration(text);
  require(!span || *span >= Duration::zero(), "a duration is not negative", text);
  require(!span || config::parse_duration(config::format_duration(*span)) == span, "a duration comes back", text);
}

void check_size(std::string_view text) {
  const auto size = config::parse_size(text);
  require(!size || config::parse_size(config::format_size(*size)) == size, "a size comes back", text);
}

void check_signal(std::string_view text) {
  const auto signal = parse_signal(text);
  require(!signal || (signal->number > 0 && signal->number <= kRealTimeMax), "a signal is one", text);
  const bool has_name = signal && (standard_signal_name(signal->number) != nullptr || signal->number >= kRealTimeMin);
  require(!has_name || parse_signal(to_string(*signal)) == signal, "a signal comes back", text);
}

void check_url(std::string_view text) {
  check(text, config::parse_url, config::format_url);
  const auto probe = config::parse_url(text);
  if (!probe) return;
  require(probe->target.starts_with('/') && is_one_line(probe->target), "a target fits into a request", probe->target);
  require(probe->target.find(' ') == std::string::npos, "a target is one word", probe->target);
}

}  // namespace

void take_values(std::string_view input) {
  check_duration(input);
  check_size(input);
  check_signal(input);
  check_url(input);
  check(input, config::parse_endpoint, config::format_endpoint);
  config::parse_bool(input);
  config::parse_int64(input);
  config::parse_mode(input);
  config::parse_path(input);
  config::parse_socket_path(input);
  config::normalise_capability(input);
  config::parse_env_file_path(input);
  config::parse_output(input);
  config::parse_limit(input);
  config::parse_end_status(input);
  require(is_utf8(config::quote(input)) && is_one_line(config::quote(input)), "a quoted text is one line", input);
}

}  // namespace cinit::fuzz

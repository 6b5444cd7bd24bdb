#include "config/show.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "config/duration.hpp"
#include "config/endpoint.hpp"
#include "config/expand.hpp"
#include "config/keys.hpp"
#include "config/names.hpp"
#include "config/quote.hpp"
#include "config/shell_script.hpp"
#include "config/size.hpp"

namespace cinit::config {
namespace {

std::string print(const std::string& text) { return quote(escape_references(text)); }

std::string print(bool value) { return value ? "true" : "false"; }

std::string print(std::uint32_t number) { return std::to_string(number); }

std::string print(int number) { return std::to_string(number); }

std::string print(Size size) { return quote(format_size(size)); }

std::string print(Duration span) { return quote(format_duration(span)); }

// Two real-time signals that libcs keep for themselves have no name.
std::string print(Signal signal) {
  const bool has_name = parse_signal(to_string(signal)).has_value();
  return quote(has_name ? to_string(signal) : std::to_string(signal.number));
}

std::string print(FileMode mode) {
  std::string digits;
  for (const unsigned shift : {9U, 6U, 3U, 0U}) digits += static_cast<char>('0' + ((mode.bits >> shift) & 7U));
  return quote(digits);
}

std::string print(const EnvFile& file) { return print((file.optional ? "-" : "") + file.path); }

std::string print(const Output& output) {
  switch (output.kind) {
    case Output::Kind::Inherit: return quote("inherit");
    case Output::Kind::Null: return quote("null");
    case Output::Kind::Stdout: return quote("stdout");
    case Output::Kind::File: break;
  }
  return print("file:" + output.path);
}

std::string limit_value(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "unlimited";
}

// The highest integer of TOML is less than the highest limit.
std::string print(const Limit& limit) {
  constexpr std::uint64_t kHighestInteger = std::numeric_limits<std::int64_t>::max();
  if (limit.soft && limit.soft == limit.hard && *limit.soft <= kHighestInteger) return std::to_string(*limit.soft);
  if (limit.soft != limit.hard) return quote(limit_value(limit.soft) + ':' + limit_value(limit.hard));
  return quote(limit_value(limit.soft));
}

template <NamedEnum E>
[[gnu::noinline]] std::string print(E value) {
  for (const Named<E>& named : names_of(value)) {
    if (named.value == value) return quote(named.name);
  }
  return quote("");
}

void append(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }

std::string print(const SuccessExitStatus& status) {
  std::string list;
  for (const int code : status.codes) append(list, std::to_string(code));
  for (const Signal signal : status.signals) append(list, print(signal));
  return '[' + list + ']';
}

template <class T>
[[gnu::noinline]] std::string print(const std::vector<T>& items) {
  std::string list;
  for (const T& item : items) append(list, print(item));
  return '[' + list + ']';
}

std::string print(const SignalRoutes& signals) {
  std::string list;
  for (const SignalRoute& route : signals.routes) {
    const bool is_same = route.action == SignalRoute::Action::Send && route.sent == route.signal;
    std::string what;
    switch (route.action) {
      case SignalRoute::Action::Send: what = print(route.sent); break;
      case SignalRoute::Action::Start: what = quote("start"); break;
      case SignalRoute::Action::Stop: what = quote("stop"); break;
      case SignalRoute::Action::Restart: what = quote("restart"); break;
    }
    const std::string service = print(route.service);
    const bool has_name = parse_signal(to_string(route.signal)).has_value();
    const std::string name = has_name ? to_string(route.signal) : std::to_string(route.signal.number);
    std::string pair = service;
    if (!is_same) pair.insert(0, "[").append(", ").append(what).append("]");
    append(list, quote_key(name) + " = " + pair);
  }
  return list.empty() ? "{}" : "{ " + list + " }";
}

template <class T>
std::string print(const std::map<std::string, T>& table) {
  std::string list;
  for (const auto& [name, value] : table) append(list, quote_key(name) + " = " + print(value));
  return list.empty() ? "{}" : "{ " + list + " }";
}

// Nothing is expanded in the script of a shell, so nothing must be escaped there.
std::string print(As<CommandLine, const std::vector<std::string>> command) {
  const std::optional<std::size_t> script = find_shell_script(command.field);
  std::string list;
  for (std::size_t i = 0; i < command.field.size(); ++i) {
    append(list, i == script ? quote(command.field[i]) : print(command.field[i]));
  }
  return '[' + list + ']';
}

std::string print(As<CommandLine, const std::vector<std::vector<std::string>>> commands) {
  std::string list;
  for (const std::vector<std::string>& command : commands.field) append(list, print(as<CommandLine>(command)));
  return '[' + list + ']';
}

std::string print(const NotifyReady&) { return print(true); }

std::string print(const FdReady& ready) { return print(ready.fd); }

std::string print(const LogReady& ready) { return print(ready.text); }

std::string print(const DelayReady& ready) { return print(ready.delay); }

std::string print(const ExecProbe& probe) { return print(as<CommandLine>(probe.command)); }

std::string print(const TcpProbe& probe) { return print(format_endpoint(probe.endpoint)); }

std::string print(const HttpProbe& probe) { return print(format_url(probe)); }

std::string print(const FileProbe& probe) { return print(probe.path); }

std::string print(const Watchdog& watchdog) { return print(watchdog.within); }

std::string print(const Ready& ready);
std::string print(const Health& health);

// A value as print() has it; nothing when the field is unset.
template <class T>
[[gnu::noinline]] std::optional<std::string> printed(const T& field) {
  return print(field);
}

template <class T>
[[gnu::noinline]] std::optional<std::string> printed(const std::optional<T>& field) {
  return field ? std::optional(print(*field)) : std::nullopt;
}

template <class Form, class T>
[[gnu::noinline]] std::optional<std::string> printed(As<Form, T> formed) {
  return printed(formed.field);
}

std::optional<std::string> printed(As<CommandLine, const std::vector<std::string>> command) {
  return command.field.empty() ? std::nullopt : std::optional(print(command));
}

std::optional<std::string> printed(As<CommandLine, const std::vector<std::vector<std::string>>> commands) {
  return print(commands);
}

std::optional<std::string> printed(As<CommandLine, const std::optional<std::vector<std::string>>> command) {
  return command.field ? std::optional(print(as<CommandLine>(*command.field))) : std::nullopt;
}

template <class Alternative, class Variant>
[[gnu::noinline]] std::optional<std::string> printed(As<Way<Alternative>, Variant> ways) {
  const Alternative* way = get_way<Alternative>(ways.field);
  return way == nullptr ? std::nullopt : std::optional(print(*way));
}

// What is done with each key once, and not in each instance of a template.
void append_way(std::string& list, bool is_probe, std::string_view key, const std::optional<std::string>& value) {
  const bool applies = is_probe || std::ranges::find(kProbeKeys, key) == kProbeKeys.end();
  if (applies && value) append(list, std::string(key) + " = " + *value);
}

// A table of ways, without the keys that have no meaning with the one that is chosen.
template <class T>
std::string print_ways(const T& table, bool is_probe) {
  std::string list;
  visit_keys(table, [&](std::string_view key, const auto& field) { append_way(list, is_probe, key, printed(field)); });
  return "{ " + list + " }";
}

std::string print(const Ready& ready) {
  if (std::holds_alternative<NotifyReady>(ready.when)) return quote("notify");
  return print_ways(ready, std::holds_alternative<Probe>(ready.when));
}

std::string print(const Health& health) { return print_ways(health, std::holds_alternative<Probe>(health.check)); }

enum class Unset { LeaveOut, Mention };

void append_line(std::string& text, Unset unset, std::string_view key, const std::optional<std::string>& value) {
  if (value) text += std::string(key) + " = " + *value + '\n';
  if (!value && unset == Unset::Mention) text += '#' + std::string(key) + '\n';
}

template <class T>
std::string print_keys(const T& table, Unset unset) {
  std::string text;
  visit_keys(table, [&](std::string_view key, const auto& field) { append_line(text, unset, key, printed(field)); });
  return text;
}

std::string print_variables(const Variables& variables) {
  std::string text;
  for (const auto& [name, value] : variables) text += quote_key(name) + " = " + print(value) + '\n';
  return text;
}

}  // namespace

std::string to_toml(const Config& config) {
  std::string text = "[cinit]\n" + print_keys(config.container, Unset::LeaveOut);
  if (!config.env.empty()) text += "\n[env]\n" + print_variables(config.env);
  text += "\n[sysctl]\n" + print_keys(config.sysctl, Unset::LeaveOut);
  text += "\n[hooks]\n" + print_keys(config.hooks, Unset::LeaveOut);
  for (const Service& service : config.services) {
    text += "\n[service." + quote_key(service.name) + "]\n" + print_keys(service, Unset::LeaveOut);
  }
  return text;
}

std::string defaults_toml() {
  Container container;
  container.stop_timeout = kDefaultStopTimeout;
  return "[cinit]\n" + print_keys(container, Unset::Mention) + "\n[env]\n\n[sysctl]\n" +
         print_keys(Sysctl{}, Unset::Mention) + "\n[hooks]\n" + print_keys(Hooks{}, Unset::Mention) +
         "\n[defaults]\n\n[service.NAME]\n" + print_keys(Service{}, Unset::Mention);
}

}  // namespace cinit::config

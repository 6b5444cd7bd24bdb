#include "config/read_value.hpp"

#include <algorithm>
#include <utility>

#include "base/capability.hpp"
#include "config/duration.hpp"
#include "config/parse_value.hpp"
#include "config/quote.hpp"
#include "config/shell_script.hpp"
#include "config/size.hpp"
#include "config/words.hpp"

namespace cinit::config {
namespace {

// What besides strings a value may be written as.
enum class Integers { Refused, Read };

// Reads a value whose text `parse` understands; an integer is read as its decimal digits.
template <class T, class Parse>
bool read_parsed(const Value& value, T& into, std::string_view expected, Integers integers, Parse parse) {
  const auto* integer = value.node.as_integer();
  const bool is_integer = integer != nullptr && integers == Integers::Read;
  const Text text = is_integer ? Text{std::to_string(integer->get()), Outcome::Complete} : read_text(value, expected);
  if (text.outcome != Outcome::Complete) return false;
  std::optional<T> parsed = parse(text.text);
  if (!parsed) {
    value.mismatch(expected);
    return false;
  }
  into = std::move(*parsed);
  return true;
}

bool read_end_status(const Value& value, SuccessExitStatus& into) {
  EndStatus status;
  if (!read_parsed(value, status, "an exit code from 0 to 255 or the name of a signal", Integers::Read,
                   parse_end_status)) {
    return false;
  }
  if (const int* code = std::get_if<int>(&status)) into.codes.push_back(*code);
  if (const Signal* signal = std::get_if<Signal>(&status)) into.signals.push_back(*signal);
  return true;
}

// A string that may stay undefined, in which case it is kept as it is written.
bool keep_text(Text text, std::string& into) {
  if (text.outcome == Outcome::Wrong) return false;
  into = std::move(text.text);
  return true;
}

bool read_words(const Value& value, std::vector<std::string>& into) {
  const std::string& written = value.node.as_string()->get();
  if (refuse_nul(value, written)) return false;
  warn_of_foreign_reference(value, written);
  Words words = split_words(written, value.reading.lookup);
  if (report_failures(value, words.failures) == Outcome::Wrong) return false;
  into = std::move(words.words);
  return true;
}

// An argument as it is, which is how the script of a shell is left.
bool read_verbatim(const Value& value, std::string& into) {
  const auto* string = value.node.as_string();
  if (string == nullptr || refuse_nul(value, string->get())) return false;
  into = string->get();
  return true;
}

// The argv with all its references replaced, to find out what it runs; nothing is reported.
std::vector<std::string> preview(const Value& value) {
  std::vector<std::string> argv;
  for (const toml::node& node : *value.node.as_array()) {
    const auto* string = node.as_string();
    argv.push_back(string == nullptr ? std::string() : expand(string->get(), value.reading.lookup).text);
  }
  return argv;
}

bool read_argv(const Value& value, std::vector<std::string>& into) {
  const std::optional<std::size_t> script = find_shell_script(preview(value));
  std::size_t index = 0;
  return read_elements(value, into, [&](const Value& element, std::string& argument) {
    if (index++ == script) return read_verbatim(element, argument);
    return keep_text(read_text(element, "a string"), argument);
  });
}

// Integers and booleans are given to processes as they are written.
bool read_variable(const Value& value, std::string& into) {
  const bool is_plain = value.node.is_integer() || value.node.is_boolean();
  if (!is_plain) return keep_text(read_text(value, "a string, an integer or a boolean"), into);
  into = describe(value.node);
  return true;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.find_first_of(std::string_view("=\0", 2)) == std::string_view::npos;
}

// `prefix` stands in front of the names in messages.
bool read_each_variable(const toml::table& table, std::string_view title, std::string_view prefix, Reading& reading,
                        Variables& into) {
  bool complete = true;
  for (const auto& [name, node] : table) {
    const std::string key = std::string(prefix) + std::string(name.str());
    if (!is_variable_name(name.str())) {
      reading.report(
          Severity::Error, name.source(),
          about(quote(key), title, "the name of a variable must not be empty, nor hold \"=\" or a NUL byte"));
      complete = false;
      continue;
    }
    std::string text;
    if (read_variable({node, title, key, reading}, text)) {
      into[std::string(name.str())] = std::move(text);
    } else {
      complete = false;
    }
  }
  return complete;
}

std::string list(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) text += i + 1 == names.size() ? " or " : ", ";
    text += quote(names[i]);
  }
  return text;
}

}  // namespace

bool read(const Value& value, bool& into) {
  if (const auto* boolean = value.node.as_boolean()) {
    into = boolean->get();
    return true;
  }
  constexpr std::string_view kExpected = "true or false";
  if (has_reference(value.node)) return read_parsed(value, into, kExpected, Integers::Refused, parse_bool);
  value.mismatch(kExpected);
  return false;
}

bool read(const Value& value, std::uint32_t& into) {
  constexpr std::string_view kExpected = "a whole number from 0 to 4294967295";
  if (value.node.is_integer() || has_reference(value.node)) {
    return read_parsed(value, into, kExpected, Integers::Read, parse_uint32);
  }
  value.mismatch(kExpected);
  return false;
}

bool read(const Value& value, Duration& into) {
  return read_parsed(value, into, kDurationForm, Integers::Read, parse_duration);
}

bool read(const Value& value, Signal& into) {
  return read_parsed(value, into, "a signal such as \"SIGTERM\", \"HUP\" or \"RTMIN+3\"", Integers::Read, parse_signal);
}

namespace {

constexpr std::string_view kRouteForm =
    "the name of a service, or [\"NAME\", what]: another signal, \"reload\" (SIGHUP), \"restart\", \"start\" or "
    "\"stop\"";

bool take_route_action(std::string_view word, SignalRoute& route) {
  using Action = SignalRoute::Action;
  constexpr std::pair<std::string_view, Action> kActions[] = {
      {"start", Action::Start}, {"stop", Action::Stop}, {"restart", Action::Restart}};
  for (const auto& [name, action] : kActions) {
    if (word != name) continue;
    route.action = action;
    return true;
  }
  const std::optional<Signal> sent = word == "reload" ? kHangup : parse_signal(word);
  route.sent = sent.value_or(Signal{});
  return sent.has_value();
}

bool read_route(const Value& value, SignalRoute& route) {
  std::vector<std::string> words(1);
  const bool is_read = value.node.is_array() ? read(value, words) : read(value, words.front());
  if (!is_read) return false;
  const bool is_right = words.size() == 1 || (words.size() == 2 && take_route_action(words[1], route));
  if (!is_right) value.error("expected " + std::string(kRouteForm));
  if (!words.empty()) route.service = words[0];
  return is_right;
}

}  // namespace

bool read(const Value& value, SignalRoutes& into) {
  const toml::table* table = value.node.as_table();
  if (table == nullptr) {
    value.mismatch("a table { SIGNAL = \"NAME\" }");
    return false;
  }
  SignalRoutes found;
  bool complete = true;
  for (const auto& [key, node] : *table) {
    const std::optional<Signal> signal = parse_signal(key.str());
    const std::string full_key = std::string(value.key) + '.' + std::string(key.str());
    if (!signal) {
      value.reading.report(Severity::Error, key.source(),
                           about(full_key, value.table, "unknown signal " + quote(std::string(key.str()))));
      complete = false;
      continue;
    }
    SignalRoute route{*signal, {}, SignalRoute::Action::Send, *signal};
    const bool is_right = read_route({node, value.table, full_key, value.reading}, route);
    const bool is_second = std::ranges::find(found.routes, *signal, &SignalRoute::signal) != found.routes.end();
    if (is_second)
      value.reading.report(Severity::Error, key.source(), about(full_key, value.table, "names its signal once more"));
    complete = complete && is_right && !is_second;
    if (is_right && !is_second) found.routes.push_back(std::move(route));
  }
  std::ranges::sort(found.routes, {}, [](const SignalRoute& route) { return route.signal.number; });
  into = std::move(found);
  return complete;
}

bool read(const Value& value, FileMode& into) {
  return read_parsed(value, into, "octal digits in quotes, from \"0000\" to \"0777\"", Integers::Refused, parse_mode);
}

bool read(const Value& value, EnvFile& into) {
  return read_parsed(value, into, "an absolute path, with a \"-\" in front when the file may be missing",
                     Integers::Refused, parse_env_file_path);
}

bool read(const Value& value, Output& into) {
  return read_parsed(value, into, "\"inherit\", \"null\", \"stdout\" or \"file:/path\"", Integers::Refused,
                     parse_output);
}

bool read(const Value& value, As<StandardOutput, Output> into) {
  return read_parsed(value, into.field, "\"inherit\", \"null\" or \"file:/path\"", Integers::Refused,
                     [](std::string_view text) -> std::optional<Output> {
                       return text == "stdout" ? std::nullopt : parse_output(text);
                     });
}

bool read(const Value& value, Limit& into) {
  return read_parsed(value, into, "a number, \"unlimited\" or \"soft:hard\" with soft not above hard", Integers::Read,
                     parse_limit);
}

bool read(const Value& value, SuccessExitStatus& into) {
  const toml::array* array = value.node.as_array();
  if (array == nullptr) {
    value.mismatch("an array of exit codes and names of signals");
    return false;
  }
  SuccessExitStatus read_so_far{{}, {}};
  bool complete = true;
  for (const toml::node& node : *array) complete = read_end_status(value.element(node), read_so_far) && complete;
  if (complete) into = std::move(read_so_far);
  return complete;
}

bool read(const Value& value, Size& into) { return read_parsed(value, into, kSizeForm, Integers::Read, parse_size); }

bool read_between(const Value& value, std::int64_t& into, std::int64_t lowest, std::int64_t highest) {
  const std::string expected = "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest);
  const auto parse = [&](std::string_view text) -> std::optional<std::int64_t> {
    const std::optional<std::int64_t> number = parse_int64(text);
    return number && *number >= lowest && *number <= highest ? number : std::nullopt;
  };
  if (value.node.is_integer() || has_reference(value.node)) {
    return read_parsed(value, into, expected, Integers::Read, parse);
  }
  value.mismatch(expected);
  return false;
}

bool read_between(const Value& value, Size& into, Size lowest, Size highest) {
  Size size;
  if (!read(value, size)) return false;
  if (size.bytes < lowest.bytes || size.bytes > highest.bytes) {
    value.mismatch("a size from " + format_size(lowest) + " to " + format_size(highest));
    return false;
  }
  into = size;
  return true;
}

bool read_at_least(const Value& value, Duration& into, Duration shortest) {
  Duration span{};
  if (!read(value, span)) return false;
  if (span < shortest) {
    value.mismatch("a duration of at least " + format_duration(shortest));
    return false;
  }
  into = span;
  return true;
}

bool read(const Value& value, std::string& into) {
  Text text = read_text(value, "a string");
  if (text.outcome == Outcome::Complete && text.text.empty()) {
    value.error("must not be empty");
    return false;
  }
  return keep_text(std::move(text), into);
}

bool read(const Value& value, As<AbsolutePath, std::string> into) {
  return read_parsed(value, into.field, "an absolute path", Integers::Refused, parse_path);
}

bool read(const Value& value, As<Account, std::string> into) {
  std::string account;
  const auto parse = [](std::string_view text) -> std::optional<std::string> {
    if (text.empty() || text[0] == '-') return std::nullopt;
    return std::string(text);
  };
  if (!read_parsed(value, account, "a name or a number", Integers::Read, parse)) return false;
  if (account.find(':') == std::string::npos) {
    into.field = std::move(account);
    return true;
  }
  value.error("a name cannot hold a \":\"; a user and a group are two keys, user and group");
  return false;
}

bool read(const Value& value, As<CommandLine, std::vector<std::string>> into) {
  if (value.node.is_string()) return read_words(value, into.field);
  if (!value.node.is_array()) {
    value.mismatch("an array of strings, or a string that is split into words");
    return false;
  }
  if (!read_argv(value, into.field)) return false;
  if (!into.field.empty() && !into.field[0].empty()) return true;
  value.error(into.field.empty() ? "the command is empty" : "the name of the program is empty");
  return false;
}

bool read(const Value& value, As<CapabilityName, std::string> into) {
  constexpr std::string_view kExpected = "the name of a capability such as \"cap_net_bind_service\"";
  const Text text = read_text(value, kExpected);
  if (text.outcome != Outcome::Complete) return false;
  if (const std::optional<Capability> capability = parse_capability(text.text)) {
    into.field = to_string(*capability);
    return true;
  }
  const std::string meant =
      has_reference(value.node) ? "" : suggestion(normalise_capability(text.text), capability_names());
  value.error("expected " + std::string(kExpected) + ", not " + describe(value.node) + meant);
  return false;
}

bool read(const Value& value, As<SocketPath, std::string> into) {
  return read_parsed(value, into.field, "an absolute path of at most 107 bytes, or \"\" for none", Integers::Refused,
                     parse_socket_path);
}

bool read(const Value& value, std::map<std::string, Limit>& into) {
  const toml::table* table = value.node.as_table();
  if (table == nullptr) {
    value.mismatch("a table of limits");
    return false;
  }
  bool complete = true;
  for (const auto& [name, node] : *table) {
    if (std::ranges::find(kLimitNames, name.str()) == kLimitNames.end()) {
      value.reading.report(Severity::Error, name.source(),
                           about(value.key, value.table, "there is no limit " + quote(name.str())) +
                               suggestion(name.str(), kLimitNames));
      complete = false;
      continue;
    }
    const std::string key = std::string(value.key) + '.' + std::string(name.str());
    Limit limit;
    if (read(Value{node, value.table, key, value.reading}, limit)) {
      into[std::string(name.str())] = limit;
    } else {
      complete = false;
    }
  }
  return complete;
}

bool read(const Value& value, Variables& into) {
  const toml::table* table = value.node.as_table();
  if (table == nullptr) {
    value.mismatch("a table of variables");
    return false;
  }
  return read_each_variable(*table, value.table, std::string(value.key) + '.', value.reading, into);
}

void read_variables(const toml::table& table, std::string_view title, Reading& reading, Variables& into) {
  read_each_variable(table, title, "", reading, into);
}

std::optional<std::size_t> read_choice(const Value& value, const std::vector<std::string_view>& names) {
  const auto* string = value.node.as_string();
  const Text text = string == nullptr ? Text{} : read_text(value, "");
  if (string != nullptr && text.outcome != Outcome::Complete) return std::nullopt;
  const auto found = std::ranges::find(names, text.text);
  if (string != nullptr && found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::string meant = string == nullptr || has_reference(value.node) ? "" : suggestion(text.text, names);
  value.error("expected " + list(names) + ", not " + describe(value.node) + meant);
  return std::nullopt;
}

}  // namespace cinit::config

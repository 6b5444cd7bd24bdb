#include "config/env_file.hpp"

#include <optional>
#include <string>

#include "config/quote.hpp"

namespace cinit::config {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kExport = "export";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string_view without_export(std::string_view line) {
  if (!line.starts_with(kExport)) return line;
  const std::string_view rest = line.substr(kExport.size());
  return rest.empty() || kBlanks.find(rest[0]) == std::string_view::npos ? line : trim(rest);
}

struct Assignment {
  std::string_view name;
  std::string_view value;
};

// The text between quotes, if `value` begins with one; nothing when the other one is missing.
std::optional<std::string_view> unquote(std::string_view value) {
  if (value.empty() || (value[0] != '"' && value[0] != '\'')) return value;
  if (value.size() < 2 || value.back() != value[0]) return std::nullopt;
  return value.substr(1, value.size() - 2);
}

Result<Assignment> parse_assignment(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return Error{"expected NAME=VALUE"};
  const std::string_view name = line.substr(0, equals);
  if (name.empty()) return Error{"there is no name in front of the \"=\""};
  if (name.find_first_of(kBlanks) != std::string_view::npos)
    return Error{"the name in front of the \"=\" holds a blank"};
  if (line.find('\0') != std::string_view::npos) return Error{"the line holds a NUL byte"};
  const std::optional<std::string_view> value = unquote(trim(line.substr(equals + 1)));
  if (!value) return Error{"the value of " + quote_key(name) + " begins with a quote and does not end with it"};
  return Assignment{name, *value};
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

Result<Variables> parse_env_file(std::string_view file, std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Variables variables;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = trim(take_line(text));
    if (line.empty() || line[0] == '#') continue;
    const Result<Assignment> assignment = parse_assignment(without_export(line));
    if (!assignment) {
      return Error{std::string(file) + ':' + std::to_string(number) + ": " + assignment.error().message};
    }
    variables[std::string(assignment->name)] = assignment->value;
  }
  return variables;
}

}  // namespace cinit::config

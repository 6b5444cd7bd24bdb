#include "servicedir/value_file.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "config/parse_value.hpp"
#include "config/quote.hpp"
#include "os/file.hpp"

namespace cinit::servicedir {
namespace {

constexpr std::size_t kLargestFile = 64 * 1024;

std::string_view without_blanks_at_end(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

struct Range {
  std::uint32_t lowest = 0;
  std::uint32_t highest = std::numeric_limits<std::uint32_t>::max();
};

std::optional<std::uint32_t> read_number(const std::string& path, Range range, std::string_view form,
                                         Problems& problems) {
  const std::optional<std::string> value = read_value(path, problems);
  if (!value) return std::nullopt;
  const std::optional<std::uint32_t> number = config::parse_uint32(*value);
  if (number && *number >= range.lowest && *number <= range.highest) return number;
  add_error(problems, path, "expected " + std::string(form) + ", not " + config::quote(*value));
  return std::nullopt;
}

void add_unreadable(Problems& problems, const std::string& path, const Error& error) {
  problems.push_back(
      {config::Severity::Error, {path, 0, 0}, "cannot be read: " + error.message, os::may_pass(error.code)});
}

}  // namespace

void add_error(Problems& problems, const std::string& path, std::string message) {
  problems.push_back({config::Severity::Error, {path, 1, 1}, std::move(message)});
}

std::optional<std::string> read_text(const std::string& path, Problems& problems) {
  if (!exists(path, problems)) return std::nullopt;
  Result<std::string> text = persist([&] { return os::read_file(path, kLargestFile); });
  if (text) return *std::move(text);
  add_unreadable(problems, path, text.error());
  return std::nullopt;
}

std::optional<std::string> read_value(const std::string& path, Problems& problems) {
  const std::optional<std::string> text = read_text(path, problems);
  if (!text) return std::nullopt;
  return std::string(without_blanks_at_end(std::string_view(*text).substr(0, text->find('\n'))));
}

std::optional<std::uint32_t> read_number(const std::string& path, std::uint32_t lowest, std::uint32_t highest,
                                         Problems& problems) {
  const std::string form = "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest);
  return read_number(path, Range{lowest, highest}, form, problems);
}

std::optional<Duration> read_timeout(const std::string& path, Problems& problems) {
  const auto number = read_number(path, Range{}, "a number of milliseconds (0: no limit)", problems);
  if (number.value_or(0) == 0) return std::nullopt;
  return std::chrono::milliseconds(*number);
}

std::vector<ListedName> read_list(const std::string& path, Problems& problems) {
  const std::string text = read_text(path, problems).value_or("");
  std::vector<ListedName> names;
  config::Location where{path, 0, 0};
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = without_blanks_at_end(rest.substr(0, end));
    const std::size_t begin = line.find_first_not_of(kBlanks);
    ++where.line;
    where.column = static_cast<std::uint32_t>(begin + 1);
    if (begin != std::string_view::npos && line[begin] != '#')
      names.push_back({std::string(line.substr(begin)), where});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

std::vector<ListedName> read_directory(const std::string& path, Problems& problems) {
  std::vector<ListedName> found;
  if (!exists(path, problems)) return found;
  const Result<std::vector<std::string>> names = persist([&] { return os::list_directory(path); });
  if (!names) {
    add_unreadable(problems, path, names.error());
    return found;
  }
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    found.push_back({name, {std::string(path).append("/").append(name), 0, 0}});
  }
  return found;
}

}  // namespace cinit::servicedir

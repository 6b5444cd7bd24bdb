#include "sysctl/parse.hpp"

#include <algorithm>
#include <utility>

#include "sysctl/text.hpp"

namespace cinit::sysctl {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string swap_separators(std::string_view name) {
  std::string swapped(name);
  for (char& letter : swapped) letter = letter == '.' ? '/' : letter == '/' ? '.' : letter;
  return swapped;
}

// The part of `text` in front of `separator`, which is taken away with it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool is_name(std::string_view component) { return !component.empty() && component != "." && component != ".."; }

bool leads_below(std::string_view path) {
  if (path.ends_with('/')) return false;
  while (!path.empty()) {
    if (!is_name(take_until(path, '/'))) return false;
  }
  return true;
}

bool is_blank_or_control(char letter) { return letter == ' ' || is_control(letter); }

// What stands in front of a "=", or alone.
Result<Setting> read_key(std::string_view key, std::string where) {
  Setting setting;
  setting.where = std::move(where);
  key = trim(key);
  if (key.starts_with('-')) {
    setting.ignore_failure = true;
    key = trim(key.substr(1));
  }
  Result<std::string> path = to_path(key);
  if (!path) return path.error();
  setting.path = std::move(*path);
  return setting;
}

Result<Setting> read_line(std::string_view line, std::string where) {
  if (line.size() > kLongestLine) return Error{"the line is longer than " + std::to_string(kLongestLine) + " bytes"};
  const std::size_t equals = line.find('=');
  if (equals != std::string_view::npos) {
    return make_setting(line.substr(0, equals), line.substr(equals + 1), std::move(where));
  }
  if (!line.starts_with('-')) return Error{"expected KEY = VALUE instead of " + printable(line)};
  Result<Setting> setting = read_key(line, std::move(where));
  if (setting) setting->exclusion = true;
  return setting;
}

}  // namespace

Parsed parse(std::string_view file, std::string_view text) {
  Parsed parsed;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = trim(take_until(text, '\n'));
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    const std::string where = std::string(file) + ':' + std::to_string(number);
    Result<Setting> setting = read_line(line, where);
    if (setting) {
      parsed.settings.push_back(std::move(*setting));
    } else {
      parsed.problems.push_back({where, setting.error().message});
    }
  }
  return parsed;
}

Result<Setting> make_setting(std::string_view key, std::string_view value, std::string where) {
  Result<Setting> setting = read_key(key, std::move(where));
  if (!setting) return setting;
  setting->value = trim(value);
  const auto breaks_line = [](char letter) { return letter != '\t' && is_control(letter); };
  if (std::ranges::any_of(setting->value, breaks_line)) {
    return Error{"the value of " + to_key(setting->path) + " has a control character in it"};
  }
  return setting;
}

Result<std::string> to_path(std::string_view key) {
  if (key.empty()) return Error{"there is no key"};
  if (std::ranges::any_of(key, is_blank_or_control)) {
    return Error{"the key " + printable(key) + " has a blank or a control character in it"};
  }
  const std::size_t separator = key.find_first_of("./");
  const bool dotted = separator != std::string_view::npos && key[separator] == '.';
  std::string path = dotted ? swap_separators(key) : std::string(key);
  if (!leads_below(path)) {
    return Error{"the key " + printable(key) + " is no path below /proc/sys: every part of it needs a name"};
  }
  return path;
}

std::string to_key(std::string_view path) { return swap_separators(path); }

}  // namespace cinit::sysctl

#include "init/container_environment.hpp"

#include <errno.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "init/environment.hpp"
#include "os/file.hpp"

namespace cinit::init {
namespace {

constexpr std::array<std::string_view, 6> kOfUser = {"HOME", "USER", "GROUP", "UID", "GID", "SHELL"};
constexpr std::size_t kLargestValue = 128 * 1024;  // MAX_ARG_STRLEN of execve(2)

bool is_of_user(std::string_view name) { return std::find(kOfUser.begin(), kOfUser.end(), name) != kOfUser.end(); }

config::Variables without_users(config::Variables variables) {
  std::erase_if(variables, [](const auto& variable) { return is_of_user(variable.first); });
  return variables;
}

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

// Null: it is one, or nothing that was meant to be one, as a directory.
const char* why_left_out(const std::string& name, const Result<std::string>& value) {
  if (!value) return value.error().code == EFBIG || value.error().code == EACCES ? "" : nullptr;
  if (name.find('=') != std::string::npos) return "its name has a \"=\" in it";
  return value->find('\0') != std::string::npos ? "it has a NUL in it" : nullptr;
}

bool is_plain(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '_';
}

}  // namespace

// What is no file, cannot be read, or cannot be a variable (a NUL in it) is no variable. std::nullopt: there is no
// directory for us.
Result<std::optional<config::Variables>> ContainerEnvironment::read() {
  const std::string directory = path(kEnvironmentDirectory);
  const Result<std::vector<std::string>> names = persist([&] { return os::list_directory(directory); });
  if (!names && os::may_pass(names.error().code)) return names.error();
  if (!names) return std::optional<config::Variables>();
  left_out_.clear();
  config::Variables variables;
  for (const std::string& name : *names) {
    const std::string file = std::string(directory).append("/").append(name);
    Result<std::string> value = persist([&] { return os::read_file(file, kLargestValue); });
    if (!value && os::may_pass(value.error().code)) return value.error();
    if (const char* const why = why_left_out(name, value)) {
      left_out_.push_back(file + " is no variable: " + (value ? std::string(why) : value.error().message));
    }
    if (!value || name.find('=') != std::string::npos || value->find('\0') != std::string::npos) continue;
    if (value->ends_with('\n')) value->pop_back();
    variables.emplace(name, *std::move(value));
  }
  return std::optional(std::move(variables));
}

Result<bool> ContainerEnvironment::import(config::Variables& variables) {
  Result<std::optional<config::Variables>> found = read();
  if (!found) return found.error();
  if (!*found) return false;
  variables.merge(**found);
  write_files(without_own(variables));
  Result<std::optional<config::Variables>> written = read();
  if (written && *written) files_ = **std::move(written);
  return true;
}

Result<bool> ContainerEnvironment::reload(config::Variables& variables) {
  Result<std::optional<config::Variables>> found = read();
  if (!found) return found.error();
  if (!*found) return false;
  const config::Variables before = std::exchange(files_, **std::move(found));
  for (const auto& [name, value] : before) {
    if (!files_.contains(name)) variables.erase(name);
  }
  for (const auto& [name, value] : files_) {
    const auto known = before.find(name);
    const bool is_as_it_was = known != before.end() && known->second == value;
    if (!is_as_it_was || is_of_user(name)) variables.insert_or_assign(name, value);
  }
  return true;
}

void ContainerEnvironment::write_files(const config::Variables& variables) const {
  for (const auto& [name, value] : variables) {
    const bool is_file_name = !name.empty() && name.find('/') == std::string::npos && name != "." && name != "..";
    if (is_file_name && !is_of_user(name)) os::write_value(path(kEnvironmentDirectory) + "/" + name, value);
  }
}

void ContainerEnvironment::dump(const config::Variables& variables) const {
  const config::Variables dumped = without_own(variables);
  const config::Variables of_everybody = without_users(dumped);
  const auto write = [&](const std::string& base) {
    return os::write_value(base + ".sh", to_shell(of_everybody)) == 0 &&
           os::write_value(base + ".json", to_json(dumped)) == 0;
  };
  if (write(path(kEnvironmentDirectory))) return;
  os::make_directories(path("/run/cinit"), 0750);
  write(path("/run/cinit/container_environment"));
}

std::string to_shell(const config::Variables& variables) {
  std::string text;
  for (const auto& [name, value] : variables) {
    std::string plain = name;
    std::replace_if(
        plain.begin(), plain.end(), [](char letter) { return !is_plain(letter); }, '_');
    if (plain.empty() || is_digit(plain.front())) {
      text += "# " + plain + " is left out: no shell has a variable of that name\n";
      continue;
    }
    text += "export " + plain + "='";
    for (const char letter : value) text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    text += "'\n";
  }
  return text;
}

std::string to_json(const config::Variables& variables) {
  std::string text = "{";
  for (const auto& [name, value] : variables) {
    if (text.size() > 1) text += ", ";
    append_json_string(text, name);
    text += ": ";
    append_json_string(text, value);
  }
  return text + "}\n";
}

}  // namespace cinit::init

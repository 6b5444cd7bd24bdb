#include "init/container_environment.hpp"

#include <sys/stat.h>

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

bool is_plain(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '_';
}

}  // namespace

bool ContainerEnvironment::exists() const {
  return os::sys::faccess(path(kEnvironmentDirectory).c_str(), R_OK | X_OK) == 0;
}

// What is no file, cannot be read, or cannot be a variable (a NUL in it) is no variable.
config::Variables ContainerEnvironment::read() const {
  config::Variables variables;
  const Result<std::vector<std::string>> names = os::list_directory(path(kEnvironmentDirectory));
  if (!names) return variables;
  for (const std::string& name : *names) {
    Result<std::string> value = os::read_file(path(kEnvironmentDirectory) + "/" + name, kLargestValue);
    if (!value || name.find('=') != std::string::npos || value->find('\0') != std::string::npos) continue;
    if (value->ends_with('\n')) value->pop_back();
    variables.emplace(name, *std::move(value));
  }
  return variables;
}

void ContainerEnvironment::import(config::Variables& variables) {
  variables.merge(read());
  write_files(without_own(variables));
  files_ = read();
}

void ContainerEnvironment::reload(config::Variables& variables) {
  const config::Variables before = std::exchange(files_, read());
  for (const auto& [name, value] : before) {
    if (!files_.contains(name)) variables.erase(name);
  }
  for (const auto& [name, value] : files_) {
    const auto known = before.find(name);
    const bool is_as_it_was = known != before.end() && known->second == value;
    if (!is_as_it_was || is_of_user(name)) variables.insert_or_assign(name, value);
  }
}

void ContainerEnvironment::write_files(const config::Variables& variables) const {
  for (const auto& [name, value] : variables) {
    const bool is_file_name = !name.empty() && name.find('/') == std::string::npos && name != "." && name != "..";
    if (is_file_name && !is_of_user(name)) os::write_file(path(kEnvironmentDirectory) + "/" + name, value, 0644);
  }
}

void ContainerEnvironment::dump(const config::Variables& variables) const {
  constexpr mode_t kMode = 0640;  // values may be secrets
  const config::Variables dumped = without_own(variables);
  const config::Variables of_everybody = without_users(dumped);
  const auto write = [&](const std::string& base) {
    return os::write_file(base + ".sh", to_shell(of_everybody), kMode) == 0 &&
           os::write_file(base + ".json", to_json(dumped), kMode) == 0;
  };
  if (write(path(kEnvironmentDirectory))) return;
  mkdir(path("/run/cinit").c_str(), 0750);
  write(path("/run/cinit/container_environment"));
}

std::string to_shell(const config::Variables& variables) {
  std::string text;
  for (const auto& [name, value] : variables) {
    text += "export ";
    for (const char letter : name) text += is_plain(letter) ? letter : '_';
    text += "='";
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

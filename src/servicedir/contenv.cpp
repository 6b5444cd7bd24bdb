#include "servicedir/contenv.hpp"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "config/parse_value.hpp"
#include "os/file.hpp"

namespace cinit::servicedir {
namespace {

constexpr std::size_t kLargestValue = 128 * 1024;  // MAX_ARG_STRLEN of execve(2)
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;

std::string join(const std::string& directory, const std::string& name) {
  return std::string(directory).append("/").append(name);
}

std::optional<std::string> to_value(std::string content) {
  if (content.empty()) return std::nullopt;
  if (content.ends_with('\n')) content.pop_back();
  std::ranges::replace(content, '\0', '\n');
  return content;
}

std::string to_content(std::string value) {
  if (value.empty() || value.ends_with('\n')) value += '\n';
  return value;
}

bool is_hidden(std::string_view name) { return name.starts_with('.'); }

bool can_be_file(std::string_view name) {
  return !name.empty() && !is_hidden(name) && name.find('/') == std::string_view::npos;
}

// Whatever our umask is.
int write_readable(const std::string& path, std::string_view content) {
  if (const int error = os::write_file(path, content, kFileMode)) return error;
  return chmod(path.c_str(), kFileMode) == 0 ? 0 : errno;
}

void remove_others(const std::string& directory, const config::Variables& variables) {
  const Result<std::vector<std::string>> names = os::list_directory(directory);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!is_hidden(name) && !variables.contains(name)) unlink(join(directory, name).c_str());
  }
}

}  // namespace

bool keeps_environment(std::string_view s6_keep_env) { return config::parse_uint32(s6_keep_env).value_or(0) != 0; }

std::optional<EnvironmentFiles> read_contenv(const std::string& directory) {
  const Result<std::vector<std::string>> names = os::list_directory(directory);
  if (!names) return std::nullopt;
  EnvironmentFiles files;
  for (const std::string& name : *names) {
    if (is_hidden(name) || name.find('=') != std::string::npos) continue;
    Result<std::string> content = os::read_file(join(directory, name), kLargestValue);
    if (content) files.emplace(name, to_value(*std::move(content)));
  }
  return files;
}

int write_contenv(const std::string& directory, const config::Variables& variables) {
  os::make_directories(directory, kDirectoryMode);
  int first_error = chmod(directory.c_str(), kDirectoryMode) == 0 ? 0 : errno;
  remove_others(directory, variables);
  for (const auto& [name, value] : variables) {
    if (!can_be_file(name)) continue;
    const int error = write_readable(join(directory, name), to_content(value));
    if (first_error == 0) first_error = error;
  }
  return first_error;
}

}  // namespace cinit::servicedir

#include "servicedir/contenv.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "config/parse_value.hpp"
#include "os/file.hpp"
#include "os/trusted_path.hpp"

namespace cinit::servicedir {
namespace {

constexpr std::size_t kLargestValue = 128 * 1024;  // MAX_ARG_STRLEN of execve(2)
constexpr mode_t kDirectoryMode = 0755;

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

// Returns 0 or an errno.
int remove_files(const std::string& directory) {
  const Result<std::vector<std::string>> names = persist([&] { return os::list_directory(directory); });
  if (!names) return names.error().code;
  for (const std::string& name : *names) {
    if (!is_hidden(name)) os::remove_file(join(directory, name));
  }
  return 0;
}

// Whatever our umask is.
int make_readable(const std::string& directory) {
  const os::Fd place = os::open_directory(directory);
  const os::Fd opened(place ? os::sys::open(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -place.error());
  if (!opened) return opened.error();
  return fchmod(opened.get(), kDirectoryMode) == 0 ? 0 : errno;
}

}  // namespace

bool keeps_environment(std::string_view s6_keep_env) { return config::parse_uint32(s6_keep_env).value_or(0) != 0; }

Result<std::optional<Contenv>> read_contenv(const std::string& directory) {
  const Result<std::vector<std::string>> names = persist([&] { return os::list_directory(directory); });
  if (!names && os::may_pass(names.error().code)) return names.error();
  if (!names) return std::optional<Contenv>();
  Contenv found;
  for (const std::string& name : *names) {
    if (is_hidden(name) || name.find('=') != std::string::npos) continue;
    Result<std::string> content = persist([&] { return os::read_file(join(directory, name), kLargestValue); });
    if (content) {
      found.files.emplace(name, to_value(*std::move(content)));
    } else if (os::may_pass(content.error().code)) {
      return content.error();
    } else if (content.error().code == EACCES) {
      found.forbidden.push_back(name);
    }
  }
  return std::optional(std::move(found));
}

int write_contenv(const std::string& directory, const config::Variables& variables) {
  os::make_directories(directory, kDirectoryMode);
  int first_error = make_readable(directory);
  const int removed = remove_files(directory);
  if (first_error == 0) first_error = removed;
  for (const auto& [name, value] : variables) {
    if (!can_be_file(name)) continue;
    const int error = os::write_value(join(directory, name), to_content(value));
    if (first_error == 0) first_error = error;
  }
  return first_error;
}

}  // namespace cinit::servicedir

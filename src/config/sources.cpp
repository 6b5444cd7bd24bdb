#include "config/sources.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/passing.hpp"
#include "base/result.hpp"

namespace cinit::config {
namespace {

constexpr std::string_view kExtension = ".toml";
constexpr std::size_t kBufferSize = 16384;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

Error cannot_read(int error) { return Error{std::string("cannot be read: ") + std::strerror(error), error}; }

Result<std::string> read_all(int fd) {
  std::string text;
  std::array<char, kBufferSize> buffer;
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(errno);
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kLargestFile) return Error{"is larger than 1 MiB, the limit for a configuration file"};
  }
}

// Opened with O_NONBLOCK, because a FIFO without a writer would hold up open(2), and then refused unless it is a regular file.
Result<std::string> read_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) return cannot_read(errno);
  if (S_ISDIR(info.st_mode)) return cannot_read(EISDIR);
  if (!S_ISREG(info.st_mode)) return Error{"is not a regular file"};
  return read_all(file.get());
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

void add_problem(Sources& sources, const std::string& path, const Error& error) {
  sources.problems.push_back({Severity::Error, {path, 0, 0}, error.message, cinit::may_pass(error.code)});
}

void add_file(Sources& sources, const std::string& path) {
  Result<std::string> text = persist([&] { return read_file(path); });
  if (text) {
    sources.files.push_back({path, std::move(*text)});
  } else {
    add_problem(sources, path, text.error());
  }
}

// The names of the files in `directory` that are configuration, sorted. A directory that does not exist has none.
Result<std::vector<std::string>> list_names(const std::string& directory) {
  std::vector<std::string> names;
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) {
    if (errno == ENOENT) return names;
    return cannot_read(errno);
  }
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(kExtension) && name[0] != '.') names.emplace_back(name);
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) return cannot_read(error);
  std::ranges::sort(names);
  return names;
}

void add_directory(Sources& sources, const std::string& directory) {
  const Result<std::vector<std::string>> names = persist([&] { return list_names(directory); });
  if (!names) {
    return add_problem(sources, directory, names.error());
  }
  const std::string prefix = directory + '/';
  for (const std::string& name : *names) add_file(sources, prefix + name);
}

}  // namespace

Sources read_default_sources(std::string_view root) {
  const std::string file = std::string(root) + kConfigFile;
  const std::string directory = std::string(root) + kConfigDirectory;
  Sources sources;
  sources.searched = {file, directory + "/*" + std::string(kExtension)};
  if (exists(file)) add_file(sources, file);
  add_directory(sources, directory);
  return sources;
}

Sources read_named_source(const std::string& path) {
  Sources sources;
  sources.searched = {path};
  add_file(sources, path);
  return sources;
}

}  // namespace cinit::config

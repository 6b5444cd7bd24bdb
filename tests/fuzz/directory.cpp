#include "directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "target.hpp"

namespace cinit::fuzz {

namespace fs = std::filesystem;

namespace {

class Directory {
 public:
  Directory() {
    std::error_code error;
    std::string place = fs::is_directory("/dev/shm", error) ? "/dev/shm" : "/tmp";
    path_ = place + "/cinit-fuzz-XXXXXX";
    require(mkdtemp(path_.data()) != nullptr, "a directory can be made in " + place);
    owner_ = getpid();
  }
  ~Directory() {
    std::error_code error;
    if (getpid() == owner_) fs::remove_all(path_, error);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  void clear() const {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(path_)) fs::remove_all(entry.path(), error);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  pid_t owner_ = 0;
};

void make_parents(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
}

}  // namespace

const std::string& empty_directory() {
  static const Directory directory;
  directory.clear();
  return directory.path();
}

void make_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
}

void make_file(const std::string& path, std::string_view text) {
  make_parents(path);
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  if (fd < 0) return;
  require(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "a file can be written");
  close(fd);
}

void make_link(const std::string& target, const std::string& path) {
  make_parents(path);
  std::error_code error;
  fs::create_symlink(target, path, error);
}

void make_fifo(const std::string& path) {
  make_parents(path);
  mkfifo(path.c_str(), 0644);
}

}  // namespace cinit::fuzz

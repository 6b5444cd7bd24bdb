#include "output/log_file.hpp"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "os/file.hpp"

namespace cinit::output {
namespace {

bool is_regular(const os::Fd& file) {
  struct stat status {};
  return fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
}

// Anything but a regular file might let us wait. It may have become one since the service was started.
os::Fd open_regular(const LogFileSpec& spec) {
  struct stat status {};
  if (lstat(spec.path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return os::Fd(-ENOTSUP);
  os::Fd file = os::open_log(spec.path, spec.uid, spec.gid);
  return !file || is_regular(file) ? std::move(file) : os::Fd(-ENOTSUP);
}

bool exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

}  // namespace

std::string describe_log_error(int error) { return error == ENOTSUP ? "it is no regular file" : strerror(error); }

bool can_rotate(const std::string& path, std::uint64_t max_size) {
  struct stat status {};
  if (max_size == 0) return false;
  return lstat(path.c_str(), &status) == 0 ? S_ISREG(status.st_mode) : errno == ENOENT;
}

LogFile::LogFile(LogFileSpec spec, Report report)
    : spec_(std::move(spec)), report_(std::move(report)), losses_(spec_.path, report_) {}

int LogFile::check() {
  struct stat open {};
  struct stat named {};
  if (file_ && fstat(file_.get(), &open) == 0) {
    size_ = static_cast<std::uint64_t>(open.st_size) + out_->rest_size();
    const bool is_there = stat(spec_.path.c_str(), &named) == 0;
    if (is_there && named.st_dev == open.st_dev && named.st_ino == open.st_ino) return 0;
  }
  const int error = open_anew();
  return file_ ? 0 : error;
}

// What is open stays open when this fails.
int LogFile::open_anew() {
  os::Fd fresh = open_regular(spec_);
  error_ = fresh.error();
  if (!fresh) return error_;
  if (out_) out_->flush();
  file_ = std::move(fresh);
  out_.emplace(file_.get());
  struct stat status {};
  size_ = fstat(file_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  rotate_above_ = 0;
  rotation_fails_ = false;
  return 0;
}

void LogFile::write_line(std::string_view line) {
  if (!file_) return losses_.count(describe_log_error(error_));
  const std::uint64_t allowed = std::max(spec_.max_size, rotate_above_);
  // An unfinished line stays together.
  if (size_ > 0 && size_ + line.size() > allowed && out_->flush()) put_aside();
  if (!out_->write_line(line.data(), line.size())) return losses_.count(describe_log_error(out_->error()));
  size_ += line.size();
  losses_.over();
}

void LogFile::put_aside() {
  const int error = rename_chain();
  const int open_error = error == 0 ? open_anew() : 0;
  if (error == 0 && open_error == 0) return;
  // Until it has grown by as much again, another attempt would only cost time.
  rotate_above_ = size_ + spec_.max_size;
  if (rotation_fails_) return;
  rotation_fails_ = true;
  report_(spec_.path +
          " cannot be put aside and goes on growing: " + describe_log_error(error != 0 ? error : open_error));
}

// Returns 0 or an errno. Names that are free end the chain: those behind them need not move.
int LogFile::rename_chain() const {
  if (spec_.max_files <= 1) return unlink(spec_.path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
  std::uint32_t last = 1;
  while (last < spec_.max_files - 1 && exists(aside(last))) ++last;
  for (std::uint32_t number = last; number > 0; --number) {
    if (rename(aside(number - 1).c_str(), aside(number).c_str()) != 0 && errno != ENOENT) return errno;
  }
  return 0;
}

// The name of the file itself for 0.
std::string LogFile::aside(std::uint32_t number) const {
  return number == 0 ? spec_.path : spec_.path + "." + std::to_string(number);
}

}  // namespace cinit::output

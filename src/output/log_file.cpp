#include "output/log_file.hpp"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/foreign_file.hpp"
#include "os/look.hpp"
#include "output/log_place.hpp"

namespace cinit::output {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A user who renames the file again and again has a process started once in this time.
constexpr Duration kPause = seconds(1);
constexpr Duration kFirstDelay = milliseconds(100);
constexpr Duration kLongestDelay = seconds(30);

Error no_regular_file() { return {"it is no regular file", ENOTSUP}; }

// The kernel's own record of it. Empty without /proc.
std::string path_of(const os::Fd& file) {
  char path[PATH_MAX];
  const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(file.get())).c_str(), path, sizeof(path));
  return {path, size > 0 ? static_cast<std::size_t>(size) : 0};
}

}  // namespace

LogFile::LogFile(LogFileSpec spec, Report report)
    : spec_(std::move(spec)), report_(std::move(report)), losses_(spec_.path, report_) {}

std::optional<Error> LogFile::check() {
  if (work_) return std::nullopt;
  if (file_ && is_named()) return std::nullopt;
  if (os::now() < next_attempt_) return std::nullopt;
  const std::optional<Error> error = open();
  return file_ ? std::nullopt : error;
}

// ---- Opening

// Takes its size on the way.
bool LogFile::is_named() {
  struct stat open {};
  struct stat named {};
  if (fstat(file_.get(), &open) != 0) return false;
  size_ = static_cast<std::uint64_t>(open.st_size) + out_->rest_size();
  if (!place_.trusted) return open.st_nlink > 0 && path_of(file_) == opened_path_;
  return os::look_at(place_.directory.get(), place_.name.c_str(), named) == 0 && named.st_dev == open.st_dev &&
         named.st_ino == open.st_ino;
}

std::optional<Error> LogFile::open() {
  Result<os::Place> place = os::find_place(spec_.path);
  if (!place) return fail_to_open(place.error());
  place_ = *std::move(place);
  if (!place_.trusted) {
    ask(os::FileTask::What::OpenLog);
    return std::nullopt;
  }
  Result<os::Fd> file = open_at_once();
  if (!file) return fail_to_open(file.error());
  adopt(*std::move(file));
  return std::nullopt;
}

// Anything but a regular file might let us wait. It may have become one since the service was started.
Result<os::Fd> LogFile::open_at_once() const {
  struct stat status {};
  if (place_.kernel_link || is_link(spec_.path)) return no_regular_file();
  const int error = persist([&] { return os::look_at(place_.directory.get(), place_.name.c_str(), status); });
  if (error != 0 && error != ENOENT) return system_error(error);
  if (error == 0 && !S_ISREG(status.st_mode)) return no_regular_file();
  os::Fd file = os::open_log(place_, spec_.user.uid, spec_.user.gid);
  if (!file) return system_error(file.error());
  if (fstat(file.get(), &status) != 0) return system_error(errno);
  if (!S_ISREG(status.st_mode)) return no_regular_file();
  return file;
}

void LogFile::ask(os::FileTask::What what) {
  wanted_ = what;
  next_attempt_ = later(os::now(), kPause);
  work_.emplace(os::FileTask{what, place_.directory.get(), place_.name, spec_.max_files, 0, spec_.user});
  if (work_->fd() < 0) take_answer();
}

void LogFile::take_answer() {
  std::optional<Result<os::FileYield>> answer = work_->take();
  if (!answer) return;
  if (!*answer) return fail(answer->error());
  work_.reset();
  adopt(std::move((*answer)->file));
}

void LogFile::fail(const Error& reason) {
  work_.reset();
  const Error error{os::describe_failure(place_, spec_.user, reason, "write there"), reason.code};
  if (wanted_ == os::FileTask::What::RotateLog) return fail_to_put_aside(error);
  fail_to_open(error);
  say_why_not_open();
}

void LogFile::adopt(os::Fd file) {
  if (out_) out_->flush();
  file_ = std::move(file);
  out_.emplace(file_.get());
  opened_path_ = path_of(file_);
  struct stat status {};
  const bool is_known = fstat(file_.get(), &status) == 0;
  is_regular_ = is_known && S_ISREG(status.st_mode);
  is_full_ = false;
  size_ = is_known ? static_cast<std::uint64_t>(status.st_size) : 0;
  rotate_above_ = 0;
  rotation_fails_ = false;
  error_ = {};
  said_.clear();
  delay_ = {};
}

// What is open stays open.
Error LogFile::fail_to_open(const Error& error) {
  error_ = error;
  if (!os::may_pass(error.code)) return error;
  delay_ = std::clamp(2 * delay_, kFirstDelay, kLongestDelay);
  next_attempt_ = later(os::now(), delay_);
  return error;
}

void LogFile::say_why_not_open() {
  if (file_ || said_ == error_.message) return;
  said_ = error_.message;
  report_(spec_.path, "cannot open " + spec_.path + " for output: " + error_.message +
                          (os::may_pass(error_.code) ? "; that is tried again" : ""));
}

// ---- Writing

bool LogFile::is_waiting() const { return work_ || is_full_ || (!file_ && os::may_pass(error_.code)); }

bool LogFile::write_line(std::string_view line) {
  if (is_waiting()) return false;
  if (!file_) {
    losses_.count(error_.message);
    return true;
  }
  const std::uint64_t allowed = std::max(spec_.max_size, rotate_above_);
  // An unfinished line stays together.
  const bool is_too_much = is_regular_ && size_ > 0 && size_ + line.size() > allowed;
  if (is_too_much && out_->flush() && !put_aside()) return false;
  if (out_->write_line(line.data(), line.size())) {
    size_ += line.size();
    losses_.over();
    return true;
  }
  is_full_ = !is_regular_ && out_->error() == EAGAIN;
  if (!is_full_) losses_.count(strerror(out_->error()));
  return !is_full_;
}

// False: it is under way.
bool LogFile::put_aside() {
  Result<os::Place> place = os::find_place(spec_.path);
  if (!place) {
    fail_to_put_aside(place.error());
    return true;
  }
  place_ = *std::move(place);
  if (!place_.trusted) {
    ask(os::FileTask::What::RotateLog);
    return !work_;
  }
  const int error = os::put_aside(place_.directory.get(), place_.name, spec_.max_files);
  Result<os::Fd> fresh = error == 0 ? open_at_once() : system_error(error);
  fresh ? adopt(*std::move(fresh)) : fail_to_put_aside(fresh.error());
  return true;
}

void LogFile::fail_to_put_aside(const Error& error) {
  // Until it has grown by as much again, another attempt would only cost time.
  rotate_above_ = size_ + spec_.max_size;
  if (rotation_fails_) return;
  rotation_fails_ = true;
  report_(spec_.path, spec_.path + " cannot be put aside and goes on growing: " + error.message);
}

// ---- Waiting

int LogFile::fd() const {
  if (work_) return work_->fd();
  return out_ && !is_regular_ && (is_full_ || out_->has_rest()) ? out_->poll_fd() : -1;
}

Time LogFile::deadline() const {
  if (work_) return work_->deadline();
  return !file_ && is_waiting() ? next_attempt_ : kNever;
}

void LogFile::go_on() {
  if (work_) return take_answer();
  if (file_) {
    is_full_ = !out_->flush() && out_->error() == EAGAIN;
  } else if (is_waiting() && os::now() >= next_attempt_) {
    open();
  }
}

}  // namespace cinit::output

// A file that services' lines go to, and that is put aside when it has grown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "os/as_user.hpp"
#include "os/fd.hpp"
#include "os/line_writer.hpp"
#include "os/poller.hpp"
#include "os/trusted_path.hpp"
#include "output/losses.hpp"

namespace cinit::output {

struct LogFileSpec {
  std::string path;
  std::uint64_t max_size = 0;   // in bytes, at least 1: a line that would make it grow beyond begins a new file
  std::uint32_t max_files = 1;  // it and those put aside: PATH, PATH.1 (the newest), PATH.2 ...; at least 1
  os::Identity user = {};  // whom a new file belongs to, and with whose rights it is opened where root's are too much
};

// No error ends anything: lines that cannot be written are lost and counted; a file that cannot be put aside goes on growing.
//
// In a place where only root may change names the file is opened and put aside at once. Elsewhere a process with the rights
// of `user` does both, and lines have to wait meanwhile: fd() and deadline() say for what, and go_on() is to be called then.
// Lines also wait for the reader of a FIFO, and after a failure that may pass, such as the end of that process, until it has
// been tried again.
class LogFile {
 public:
  LogFile(LogFileSpec spec, Report report);

  const std::string& path() const { return spec_.path; }
  // Takes over limits and owner for the files to come.
  void set_spec(LogFileSpec spec) { spec_ = std::move(spec); }

  // Looks whether the path still names the file that is open. When it has been renamed or removed, a new one is made; when
  // that fails, the old one is still written. Returns the failure when there is no file to write at all, and none on its way.
  std::optional<Error> check();

  // Writes a line, which ends with a newline, into one file. Call check() before, once for many lines. False: it has to wait.
  bool write_line(std::string_view line);
  // Says now how many lines were lost, as nothing more will be written.
  void report_losses() { losses_.over(); }

  // What go_on() waits for, and until when; -1 and kNever: nothing. The descriptor changes with each call that is not const.
  int fd() const;
  os::Poller::Interest interest() const { return work_ ? os::Poller::Interest::Read : os::Poller::Interest::Write; }
  Time deadline() const;
  // It can be read or written, or the deadline has come.
  void go_on();

 private:
  bool is_waiting() const;
  bool is_named();
  std::optional<Error> open();
  Result<os::Fd> open_at_once() const;
  void ask(os::FileTask::What what);
  void take_answer();
  void adopt(os::Fd file);
  void fail(const Error& reason);
  Error fail_to_open(const Error& error);
  void say_why_not_open();
  bool put_aside();
  void fail_to_put_aside(const Error& error);

  LogFileSpec spec_;
  Report report_;
  Losses losses_;
  os::Place place_;  // of the last attempt to open it or to put it aside
  os::Fd file_;
  std::optional<os::LineWriter> out_;  // to file_
  std::string opened_path_;            // the name that it had then
  bool is_regular_ = false;
  bool is_full_ = false;  // a FIFO that has no room

  std::optional<os::FileProcess> work_;
  os::FileTask::What wanted_{};  // of work_
  Error error_;                  // of the last attempt to open it; its code is 0 after a success
  std::string said_;             // of these
  Time next_attempt_{};          // not before
  Duration delay_{};             // what was waited for before that, after failures

  std::uint64_t size_ = 0;          // of the file
  std::uint64_t rotate_above_ = 0;  // the size that it may have; more than the limit after it could not be put aside
  bool rotation_fails_ = false;
};

}  // namespace cinit::output

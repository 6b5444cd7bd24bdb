// The files with variables that a start depends on: env-file.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "os/as_user.hpp"
#include "os/trusted_path.hpp"

namespace cinit::init {

// Where only root may change names a file is read at once. Elsewhere a process with the rights of the service's user
// reads it, and that is waited for: fd() and deadline() say how long, and go_on() is to be called then.
class EnvFiles {
 public:
  // Begins. Of a variable that more than one of them has, the last one counts.
  EnvFiles(std::vector<config::EnvFile> files, os::Identity user);

  bool is_waiting() const { return work_.has_value(); }
  // While it is waiting; go_on() may change it.
  int fd() const { return work_->fd(); }
  Time deadline() const { return work_->deadline(); }
  void go_on();

  // The variables of all, when it is no longer waiting. A file that may be missing, and is, has none. The error names
  // the file, and has the errno when that cannot be read.
  Result<config::Variables> take() { return failed_ ? Result<config::Variables>(*failed_) : std::move(variables_); }

 private:
  void read_next();
  void take_answer();
  void take_in(const Result<std::string>& text);

  std::vector<config::EnvFile> files_;
  os::Identity user_;
  std::size_t next_ = 0;  // the file that is read
  os::Place place_;       // of that file
  std::optional<os::FileProcess> work_;
  config::Variables variables_;
  std::optional<Error> failed_;
};

}  // namespace cinit::init

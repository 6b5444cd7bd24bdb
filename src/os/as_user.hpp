// Work on files that another user may lead elsewhere or hold up, done by a process of its own with that user's rights.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "os/fd.hpp"
#include "os/trusted_path.hpp"

namespace cinit::os {

// Whose rights a process has; -1: those of its parent.
struct Identity {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  std::vector<gid_t> groups = {};

  // Whether it has other rights than this process.
  bool is_another() const;
};

// See os/foreign_file.hpp for each of them.
struct FileTask {
  enum class What { OpenLog, RotateLog, Read };
  What what = What::OpenLog;
  int directory = -1;           // stays the caller's
  std::string path;             // relative to it
  std::uint32_t max_files = 1;  // RotateLog
  std::size_t most = 0;         // Read: bytes
  Identity user = {};           // whose rights are used for it
};

// What comes of it: a descriptor to write to, or a content.
struct FileYield {
  Fd file;
  std::string content;
};

// Why a task for a place that is not trusted has failed: who may change names there, whose rights were used, and what came of
// it. `what`: what that user may not do when permission is denied, "write there".
std::string describe_failure(const Place& place, const Identity& user, const Error& error, const char* what);

// One task under way. Never waits: neither for the process, nor for the file system that this is busy with.
//
// The process is no user's to stop or kill, since only its effective user is another. It ends itself when its time is up, and
// is reaped with the children that belong to no service.
class FileProcess {
 public:
  static constexpr Duration kLimit = std::chrono::seconds(10);

  // Starts it. The task is copied into the process, and not needed any more.
  explicit FileProcess(const FileTask& task, Duration limit = kLimit);

  // Can be read when take() may have a result; -1: it could not be started, and take() says why.
  int fd() const { return socket_.get(); }
  // When take() gives up.
  Time deadline() const { return deadline_; }

  // std::nullopt while it is under way. A process that was killed fails with EINTR, and one whose time is up with EAGAIN:
  // both may pass. A descriptor is one of a regular file, a FIFO or /dev/null, and non-blocking.
  std::optional<Result<FileYield>> take();

 private:
  int error_ = 0;
  FileTask::What what_;
  Time deadline_;
  Fd socket_;
  FileYield yield_;
};

}  // namespace cinit::os

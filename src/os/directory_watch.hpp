// Being told when entries of directories come and go: inotify(7).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace cinit::os {

class DirectoryWatch {
 public:
  static Result<DirectoryWatch> open();

  // Watches these directories, too; those that are not there are passed over. Watching one a second time changes nothing,
  // unless there is another one of that name now. Nothing is returned, or why one of them cannot be watched.
  std::optional<Error> watch(std::span<const std::string> directories) const;

  // Can be read when something has changed.
  int fd() const { return inotify_.get(); }
  // Forgets what was told until now.
  void drain() const;

 private:
  explicit DirectoryWatch(Fd inotify) : inotify_(std::move(inotify)) {}

  Fd inotify_;
};

}  // namespace cinit::os

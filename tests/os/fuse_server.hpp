// A file system that a user has mounted: fuse(4).
#pragma once

#include <sys/types.h>

#include <string>

#include "os/fd.hpp"

namespace cinit::test {

// Every user may look, and every name in it is a regular file. It is unmounted with the mount namespace. Needs root and /dev/fuse; throws when there is none.
class FuseServer {
 public:
  // Over a directory or a file. Without `answers` it takes no request at all.
  FuseServer(const std::string& place, uid_t user, bool answers);
  ~FuseServer();
  FuseServer(const FuseServer&) = delete;
  FuseServer& operator=(const FuseServer&) = delete;

 private:
  os::Fd device_;
  pid_t process_ = 0;
};

}  // namespace cinit::test

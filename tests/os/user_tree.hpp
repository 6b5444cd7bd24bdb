// Directories of root's and of a user's, for tests of who is led where.
#pragma once

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "files.hpp"

namespace cinit::test {

inline constexpr uid_t kUser = 1000;
inline constexpr uid_t kOther = 1001;

// root/: root's, with secret (mode 0600). home/: the user's. shared/: where every user may change names. tmp/: the same, with
// the sticky bit. Every user can get there.
class UserTree {
 public:
  UserTree() {
    REQUIRE(chmod(path().c_str(), 0755) == 0);
    for (const char* name : {"root", "home", "home/logs", "shared", "tmp"}) make_directories(*this / name);
    write_file(*this / "root/secret", "root's\n");
    REQUIRE(chmod((*this / "root/secret").c_str(), 0600) == 0);
    for (const char* name : {"home", "home/logs"}) give(name, kUser);
    REQUIRE(chmod((*this / "shared").c_str(), 0777) == 0);
    REQUIRE(chmod((*this / "tmp").c_str(), 01777) == 0);
  }

  const std::string& path() const { return directory_.path(); }
  std::string operator/(const std::string& name) const { return path() + "/" + name; }

  void give(const std::string& name, uid_t user) const { REQUIRE(lchown((*this / name).c_str(), user, user) == 0); }
  // A file of that user's, and a link.
  void file(const std::string& name, uid_t user, const std::string& text = "") const {
    write_file(*this / name, text);
    give(name, user);
  }
  void link(const std::string& target, const std::string& name, uid_t user) const {
    REQUIRE(symlink(target.c_str(), (*this / name).c_str()) == 0);
    give(name, user);
  }
  uid_t owner(const std::string& name) const {
    struct stat status {};
    return lstat((*this / name).c_str(), &status) == 0 ? status.st_uid : static_cast<uid_t>(-1);
  }
  std::string text(const std::string& name) const { return read_file(*this / name).value_or("(missing)"); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace cinit::test

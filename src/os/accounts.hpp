// Users and groups, from /etc/passwd and /etc/group themselves: passwd(5), group(5). glibc's getpwnam(3) would load shared
// libraries into a static binary.
//
// A file that is missing has no entries. One that cannot be read is an error with its errno, and says nothing about who is
// there. An entry whose id is no number, or is 4294967295 ("unchanged" to setresuid(2)), is an error (EINVAL) that names its
// line. Without an errno is only the error that there is no such user or group.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"

namespace cinit::os {

struct Account {
  std::string name;  // empty: a number without an entry in /etc/passwd
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home = "/";
  std::string shell = "/bin/sh";
};

// `user` is a name or a number. A number needs no entry; its group is then the one of the same number. Fails when there is
// no such name, saying so.
Result<Account> find_user(const std::string& user);

// `group` is a name or a number, which needs no entry.
Result<gid_t> find_group(const std::string& group);

// The groups that /etc/group puts `user` into, with `primary` first: getgrouplist(3).
Result<std::vector<gid_t>> groups_of(const std::string& user, gid_t primary);

}  // namespace cinit::os

#include "os/accounts.hpp"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

namespace cinit::os {
namespace {

constexpr char kPasswd[] = "/etc/passwd";
constexpr char kGroup[] = "/etc/group";

struct CloseFile {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

File open(const char* path) { return File(fopen(path, "re")); }

// -1 is no id: setresuid(2) takes it for "unchanged", and the program would keep the user that was to be given up.
std::optional<unsigned> to_number(const std::string& text) {
  constexpr unsigned kUnchanged = static_cast<unsigned>(-1);
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || at != end || number == kUnchanged) return std::nullopt;
  return number;
}

// A "+" or "-" line means users or groups of NIS; fgetpwent(3) hands it out as one with the id 0.
bool is_of_nis(const char* name) { return *name == '+' || *name == '-'; }

Account to_account(const passwd& entry) {
  Account account;
  account.name = entry.pw_name;
  account.uid = entry.pw_uid;
  account.gid = entry.pw_gid;
  if (entry.pw_dir && *entry.pw_dir) account.home = entry.pw_dir;
  if (entry.pw_shell && *entry.pw_shell) account.shell = entry.pw_shell;
  return account;
}

}  // namespace

Result<Account> find_user(const std::string& user) {
  const std::optional<unsigned> number = to_number(user);
  const File file = open(kPasswd);
  while (const passwd* entry = file ? fgetpwent(file.get()) : nullptr) {
    if (is_of_nis(entry->pw_name)) continue;
    if (user == entry->pw_name || number == entry->pw_uid) return to_account(*entry);
  }
  if (!number) return Error{"there is no user \"" + user + "\" in " + kPasswd};
  Account account;
  account.uid = *number;
  account.gid = *number;
  return account;
}

Result<gid_t> find_group(const std::string& group) {
  if (const auto number = to_number(group)) return gid_t{*number};
  const File file = open(kGroup);
  while (const ::group* entry = file ? fgetgrent(file.get()) : nullptr) {
    if (group == entry->gr_name && !is_of_nis(entry->gr_name)) return entry->gr_gid;
  }
  return Error{"there is no group \"" + group + "\" in " + kGroup};
}

std::vector<gid_t> groups_of(const std::string& user, gid_t primary) {
  std::vector<gid_t> groups{primary};
  const File file = open(kGroup);
  while (const ::group* entry = file && !user.empty() ? fgetgrent(file.get()) : nullptr) {
    char** member = entry->gr_mem;
    while (*member && user != *member) ++member;
    if (*member && std::find(groups.begin(), groups.end(), entry->gr_gid) == groups.end())
      groups.push_back(entry->gr_gid);
  }
  return groups;
}

}  // namespace cinit::os

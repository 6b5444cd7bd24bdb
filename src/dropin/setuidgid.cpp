// s6-setuidgid, s6-envuidgid and s6-applyuidgid: run a program as another user. Scripts of images for s6-overlay need the first;
// with links to cinit such an image does without s6.
//
//   s6-setuidgid USER|UID:GID PROGRAM ARGS...
//   s6-envuidgid USER PROGRAM ARGS...  sets UID, GID and GIDLIST
//   s6-applyuidgid [-z] [-U] [-u UID] [-g GID] [-G GID,...] PROGRAM...  -U: as these say; -z: takes them out of the environment
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "config/parse_value.hpp"
#include "dropin/print.hpp"
#include "dropin/programs.hpp"
#include "os/accounts.hpp"
#include "os/exec.hpp"
#include "os/exec_reason.hpp"
#include "os/syscall.hpp"

namespace cinit::dropin {
namespace {

// As with all programs of s6.
constexpr int kNoSuchUser = 1;
constexpr int kUidUsage = 100;
constexpr int kUidSystemError = 111;

constexpr const char* kUidVariables[] = {"UID", "GID", "GIDLIST"};

// What a process is to become; unset: it stays.
struct Identity {
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<std::vector<gid_t>> groups;
};

int complain(std::string_view program, const std::string& message, int code) {
  print(2, std::string(program) + ": " + message + "\n");
  return code;
}

std::optional<std::vector<gid_t>> parse_groups(std::string_view text) {
  std::vector<gid_t> groups;
  while (!text.empty()) {
    const std::string_view number = text.substr(0, text.find(','));
    const auto group = config::parse_uint32(number);
    if (!group) return std::nullopt;
    groups.push_back(*group);
    text.remove_prefix(std::min(number.size() + 1, text.size()));
  }
  return groups;
}

// "1000:1000"; std::nullopt when it is something else.
std::optional<Identity> parse_numbers(const std::string& text) {
  const std::size_t colon = text.find(':');
  const auto uid = config::parse_uint32(text.substr(0, colon));
  const auto gid = config::parse_uint32(text.substr(colon + 1));
  if (!uid || !gid) return std::nullopt;
  return Identity{*uid, *gid, std::vector<gid_t>()};
}

// A number is no name: s6 does not take it for one either.
Result<Identity> find_named(const std::string& name) {
  if (config::parse_uint32(name)) return Error{"unknown user: " + name};
  const Result<os::Account> account = os::find_user(name);
  if (!account) return account.error().code == 0 ? Error{"unknown user: " + name} : account.error();
  Result<std::vector<gid_t>> groups = os::groups_of(account->name, account->gid);
  if (!groups) return groups.error();
  groups->erase(groups->begin());  // the primary one: os::groups_of() puts it first
  return Identity{account->uid, account->gid, *std::move(groups)};
}

Result<Identity> find_identity(const std::string& name) {
  if (name.find(':') == std::string::npos) return find_named(name);
  if (auto numbers = parse_numbers(name)) return *std::move(numbers);
  return Error{"expected a user, or UID:GID in numbers, not " + name, EINVAL};
}

// Returns 0 or an errno. The groups come first: without root's rights they could not be set any more.
int become(const Identity& identity) {
  if (identity.groups || identity.gid) {
    std::vector<gid_t> groups = identity.groups.value_or(std::vector<gid_t>());
    const bool is_there = identity.gid && std::find(groups.begin(), groups.end(), *identity.gid) != groups.end();
    if (identity.gid && !is_there) groups.insert(groups.begin(), *identity.gid);
    const long result = os::sys::setgroups(groups.size(), groups.data());
    if (result < 0) return static_cast<int>(-result);
  }
  if (identity.gid) {
    if (const long result = os::sys::setresgid(*identity.gid); result < 0) return static_cast<int>(-result);
  }
  if (identity.uid) {
    if (const long result = os::sys::setresuid(*identity.uid); result < 0) return static_cast<int>(-result);
  }
  return 0;
}

int run_program(std::string_view self, char** command) {
  const char* const search_path = getenv("PATH");
  const int error = static_cast<int>(-os::exec_program(command, environ, search_path));
  Line line;
  line << self << ": ";
  os::explain_exec_failure(line, {command, environ, search_path, error});
  os::add_system_words(line, error);
  print(2, line.line());
  return error == ENOENT ? exit_code::kNotFound : exit_code::kNotExecutable;
}

int become_and_run(std::string_view self, const Identity& identity, char** command) {
  if (const int error = become(identity); error != 0) {
    const char* const way = error == EPERM ? " (it is not root that runs this)" : "";
    return complain(self, std::string("cannot change the user: ") + strerror(error) + way, kUidSystemError);
  }
  return run_program(self, command);
}

std::string to_list(const std::vector<gid_t>& groups) {
  std::string text;
  for (const gid_t group : groups) text.append(text.empty() ? "" : ",").append(std::to_string(group));
  return text;
}

int fail_to_find(std::string_view self, const Error& error) {
  return complain(self, error.message,
                  error.code == 0        ? kNoSuchUser
                  : error.code == EINVAL ? kUidUsage
                                         : kUidSystemError);
}

// What -U reads; std::nullopt when one of the variables is missing, or is no number.
std::optional<Identity> identity_of_environment() {
  const auto value = [](const char* name) { return std::string(getenv(name) ? getenv(name) : ""); };
  const auto uid = config::parse_uint32(value("UID"));
  const auto gid = config::parse_uint32(value("GID"));
  auto groups = parse_groups(value("GIDLIST"));
  if (!uid || !gid || !groups) return std::nullopt;
  return Identity{*uid, *gid, *std::move(groups)};
}

struct ApplyOptions {
  Identity identity;
  bool clears = false;
  bool by_environment = false;
  char** command = nullptr;  // null: the usage is wrong
};

// False: that is no value of this option.
bool take_value(Identity& identity, char letter, const char* value) {
  const auto number = config::parse_uint32(value);
  if (letter == 'u') identity.uid = number;
  if (letter == 'g') identity.gid = number;
  if (letter == 'G') identity.groups = parse_groups(value);
  return letter == 'G' ? identity.groups.has_value() : number.has_value();
}

ApplyOptions parse_apply(char** word) {
  constexpr std::string_view kWithValue = "ugG";
  ApplyOptions options;
  for (; *word && (*word)[0] == '-' && (*word)[1] != '\0'; ++word) {
    if (*word == std::string_view("--")) {
      ++word;
      break;
    }
    for (const char* letter = *word + 1; *letter != '\0'; ++letter) {
      options.clears = options.clears || *letter == 'z';
      options.by_environment = options.by_environment || *letter == 'U';
      if (*letter == 'z' || *letter == 'U') continue;
      if (kWithValue.find(*letter) == std::string_view::npos) return options;
      const char* const value = letter[1] != '\0' ? letter + 1 : *++word;
      if (!value || !take_value(options.identity, *letter, value)) return options;
      break;
    }
  }
  if (*word) options.command = word;
  return options;
}

}  // namespace

int run_setuidgid(char** argv) {
  constexpr std::string_view kSelf = "s6-setuidgid";
  if (!argv[1] || argv[1][0] == '-' || !argv[2]) {
    return complain(kSelf, "usage: s6-setuidgid USER|UID:GID PROGRAM ARGS...", kUidUsage);
  }
  const Result<Identity> identity = find_identity(argv[1]);
  if (!identity) return fail_to_find(kSelf, identity.error());
  return become_and_run(kSelf, *identity, argv + 2);
}

int run_envuidgid(char** argv) {
  constexpr std::string_view kSelf = "s6-envuidgid";
  if (!argv[1] || argv[1][0] == '-' || !argv[2]) {
    return complain(kSelf, "usage: s6-envuidgid USER PROGRAM ARGS...", kUidUsage);
  }
  const Result<Identity> identity = find_named(argv[1]);
  if (!identity) return fail_to_find(kSelf, identity.error());
  setenv("UID", std::to_string(*identity->uid).c_str(), 1);
  setenv("GID", std::to_string(*identity->gid).c_str(), 1);
  setenv("GIDLIST", to_list(*identity->groups).c_str(), 1);
  return run_program(kSelf, argv + 2);
}

int run_applyuidgid(char** argv) {
  constexpr std::string_view kSelf = "s6-applyuidgid";
  const ApplyOptions options = parse_apply(argv + 1);
  if (!options.command) {
    return complain(kSelf, "usage: s6-applyuidgid [-z] [-U] [-u UID] [-g GID] [-G GID,...] PROGRAM ARGS...", kUidUsage);
  }
  Identity identity = options.identity;
  if (options.by_environment) {
    const auto found = identity_of_environment();
    if (!found) return complain(kSelf, "UID, GID or GIDLIST is not set, or is no number", kUidUsage);
    identity = *found;
  }
  for (const char* const name : kUidVariables) {
    if (options.clears) unsetenv(name);
  }
  return become_and_run(kSelf, identity, options.command);
}

}  // namespace cinit::dropin

#include "os/accounts.hpp"

#include <errno.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "os/file.hpp"

namespace cinit::os {
namespace {

constexpr char kPasswd[] = "/etc/passwd";
constexpr char kGroup[] = "/etc/group";

// Of a machine with all of its users in the file; what is larger is something else by mistake.
constexpr std::size_t kLargestFile = std::size_t{64} << 20U;

// -1 is no id: setresuid(2) takes it for "unchanged", and the program would keep the user that was to be given up.
std::optional<unsigned> to_number(std::string_view text) {
  constexpr unsigned kUnchanged = static_cast<unsigned>(-1);
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || at != end || number == kUnchanged) return std::nullopt;
  return number;
}

// Takes what is in front of the first `separator`, and the separator.
std::string_view take_field(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

// The lines of one of the two files. fgetpwent(3) would not do: it does not tell an error from the end, takes numbers that are
// too large for others, and needs a time that grows with the square of a line's length.
class Database {
 public:
  // Without the file there are no entries. Any other reason for which it cannot be read is an error, and no answer.
  static Result<Database> open(const char* path) {
    Result<std::string> text = persist([&] { return read_file(path, kLargestFile); });
    if (!text && text.error().code != ENOENT)
      return Error{std::string(path) + " cannot be read: " + text.error().message, text.error().code};
    return Database(path, text ? *std::move(text) : std::string());
  }

  // The next entry, cut at its colons; a field that it does not have is empty. False: there is none left. Comments are no
  // entries, nor are lines of NIS, which begin with "+" or "-", and lines without a name.
  bool next() {
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      std::string_view line = std::string_view(text_).substr(at_, end - at_);
      at_ = end + 1;
      ++line_;
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      if (line.empty() || std::string_view("#+-:").find(line[0]) != std::string_view::npos) continue;
      for (std::string_view& field : fields_) field = take_field(line, ':');
      return true;
    }
    return false;
  }

  std::string_view field(std::size_t index) const { return fields_[index]; }
  std::optional<unsigned> number(std::size_t index) const { return to_number(fields_[index]); }

  Error no_number(std::string_view what, std::size_t index) const {
    return Error{std::string(path_) + ":" + std::to_string(line_) + ": the " + std::string(what) + " of \"" +
                     std::string(fields_[0]) + "\" is \"" + std::string(fields_[index]) +
                     "\", which is no number from 0 to 4294967294",
                 EINVAL};
  }

 private:
  Database(const char* path, std::string text) : path_(path), text_(std::move(text)) {}

  const char* path_;
  std::string text_;
  std::size_t at_ = 0;
  unsigned line_ = 0;
  std::array<std::string_view, 7> fields_;
};

// passwd(5).
constexpr std::size_t kUid = 2;
constexpr std::size_t kPrimaryGid = 3;
constexpr std::size_t kHome = 5;
constexpr std::size_t kShell = 6;

// group(5).
constexpr std::size_t kGid = 2;
constexpr std::size_t kMembers = 3;

Result<Account> to_account(const Database& passwd) {
  const auto uid = passwd.number(kUid);
  const auto gid = passwd.number(kPrimaryGid);
  if (!uid) return passwd.no_number("uid", kUid);
  if (!gid) return passwd.no_number("gid", kPrimaryGid);
  Account account;
  account.name = passwd.field(0);
  account.uid = *uid;
  account.gid = *gid;
  if (!passwd.field(kHome).empty()) account.home = passwd.field(kHome);
  if (!passwd.field(kShell).empty()) account.shell = passwd.field(kShell);
  return account;
}

bool has_member(const Database& group, const std::string& user) {
  std::string_view members = group.field(kMembers);
  while (!members.empty()) {
    std::string_view member = take_field(members, ',');
    member.remove_prefix(std::min(member.find_first_not_of(" \t"), member.size()));
    if (member == user) return true;
  }
  return false;
}

}  // namespace

Result<Account> find_user(const std::string& user) {
  const std::optional<unsigned> number = to_number(user);
  Result<Database> passwd = Database::open(kPasswd);
  if (!passwd) return passwd.error();
  while (passwd->next()) {
    if (user == passwd->field(0) || (number && number == passwd->number(kUid))) return to_account(*passwd);
  }
  if (!number) return Error{"there is no user \"" + user + "\" in " + kPasswd};
  Account account;
  account.uid = *number;
  account.gid = *number;
  return account;
}

Result<gid_t> find_group(const std::string& group) {
  if (const auto number = to_number(group)) return gid_t{*number};
  Result<Database> groups = Database::open(kGroup);
  if (!groups) return groups.error();
  while (groups->next()) {
    if (group != groups->field(0)) continue;
    if (const auto gid = groups->number(kGid)) return gid_t{*gid};
    return groups->no_number("gid", kGid);
  }
  return Error{"there is no group \"" + group + "\" in " + kGroup};
}

Result<std::vector<gid_t>> groups_of(const std::string& user, gid_t primary) {
  std::vector<gid_t> found{primary};
  if (user.empty()) return found;
  Result<Database> groups = Database::open(kGroup);
  if (!groups) return groups.error();
  while (groups->next()) {
    if (!has_member(*groups, user)) continue;
    const auto gid = groups->number(kGid);
    if (!gid) return groups->no_number("gid", kGid);
    if (std::find(found.begin(), found.end(), *gid) == found.end()) found.push_back(*gid);
  }
  return found;
}

}  // namespace cinit::os

#include "servicedir/fix_attrs.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <memory>
#include <utility>

#include "base/result.hpp"
#include "config/parse_value.hpp"
#include "config/quote.hpp"
#include "os/accounts.hpp"
#include "os/fd.hpp"
#include "os/glob.hpp"
#include "servicedir/value_file.hpp"

namespace cinit::servicedir {
namespace {

constexpr std::string_view kForm =
    "expected PATH, \"true\" or \"false\", ACCOUNT[,UID:GID], and the modes of files and directories";
constexpr mode_t kHighestMode = 07777;
constexpr std::size_t kMostTold = 10;  // failures of one rule

using Words = std::vector<std::string_view>;

Words split(std::string_view line) {
  Words words;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty()) return words;
    const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

// -1 means "unchanged" to chown(2).
std::optional<std::uint32_t> to_id(std::string_view digits) {
  const std::optional<std::uint32_t> id = config::parse_uint32(digits);
  return id == static_cast<std::uint32_t>(-1) ? std::nullopt : id;
}

// Reads the words of one line, each into its place. They return what is wrong, or nothing.
class RuleReader {
 public:
  RuleReader(const Words& words, AttributeRule& rule) : words_(words), rule_(rule) {}

  std::optional<std::string> read() {
    constexpr std::size_t kWords = 5;
    if (words_.size() != kWords) return std::string(kForm);
    rule_.path = words_[0];
    if (!rule_.path.starts_with('/')) return "expected an absolute path, not " + config::quote(rule_.path);
    if (words_[1] != "true" && words_[1] != "false") return "expected true or false, not " + config::quote(words_[1]);
    rule_.recurses = words_[1] == "true";
    if (!read_account(words_[2]))
      return "expected USER, USER:GROUP or one of them with ,UID:GID, not " + config::quote(words_[2]);
    if (auto mistake = read_mode(words_[3], rule_.file_mode)) return mistake;
    return read_mode(words_[4], rule_.directory_mode);
  }

 private:
  bool read_account(std::string_view text) {
    const std::size_t comma = text.find(',');
    if (comma != std::string_view::npos && !read_fallback(text.substr(comma + 1))) return false;
    const std::string_view account = text.substr(0, comma);
    const std::size_t colon = account.find(':');
    rule_.user = account.substr(0, colon);
    if (colon != std::string_view::npos) rule_.group = account.substr(colon + 1);
    return !rule_.user.empty() && rule_.group != "";
  }

  // A user alone is of group 0: s6-envuidgid(8), option -D.
  bool read_fallback(std::string_view text) {
    const std::size_t colon = text.find(':');
    rule_.fallback_uid = to_id(text.substr(0, colon));
    rule_.fallback_gid = colon == std::string_view::npos ? 0 : to_id(text.substr(colon + 1));
    return rule_.fallback_uid && rule_.fallback_gid;
  }

  static std::optional<std::string> read_mode(std::string_view text, std::optional<mode_t>& mode) {
    if (text == "-") return std::nullopt;
    mode = config::parse_octal(text);
    if (mode && *mode <= kHighestMode) return std::nullopt;
    return "expected a mode such as 0644, or -, not " + config::quote(text);
  }

  const Words& words_;
  AttributeRule& rule_;
};

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

Result<gid_t> group_of(const Result<os::Account>& user) {
  if (user) return user->gid;
  return user.error();
}

// One rule at work. Everything is done by name in a directory that is open, and on links themselves: a link that somebody
// puts into its place meanwhile leads nowhere.
class Fixer {
 public:
  Fixer(const AttributeRule& rule, bool hidden, std::vector<std::string>& messages)
      : rule_(rule), hidden_(hidden), messages_(messages) {}

  void run();

 private:
  bool find_owner();
  void fix_path(std::string path);
  std::optional<struct stat> look_at(int directory, const std::string& name, const std::string& path);
  void fix(int directory, const std::string& name, const std::string& path, const struct stat& status);
  void give(int directory, const std::string& name, const std::string& path, const struct stat& status);
  void set_mode(int directory, const std::string& name, const std::string& path, const struct stat& status);
  void descend(int directory, const std::string& name, const std::string& path);
  void tell(const std::string& path, const std::string& what);
  void tell_error(const std::string& path, const std::string& what) { tell(path, what + ": " + strerror(errno)); }

  const AttributeRule& rule_;
  const bool hidden_;
  std::vector<std::string>& messages_;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  std::size_t failures_ = 0;
};

void Fixer::run() {
  if (find_owner()) {
    for (const std::string& path : os::expand("", rule_.path.substr(1))) fix_path("/" + path);
  }
  if (failures_ > kMostTold) {
    messages_.push_back(rule_.where.file + ":" + std::to_string(rule_.where.line) + ": " +
                        std::to_string(failures_ - kMostTold) + " more failures");
  }
}

void Fixer::tell(const std::string& path, const std::string& what) {
  if (++failures_ > kMostTold) return;
  messages_.push_back(rule_.where.file + ":" + std::to_string(rule_.where.line) + ": " + path + ": " + what);
}

bool Fixer::find_owner() {
  const Result<os::Account> user = os::find_user(rule_.user);
  const Result<gid_t> group = rule_.group ? os::find_group(*rule_.group) : group_of(user);
  const auto uid = user ? std::optional<uid_t>(user->uid) : rule_.fallback_uid;
  const auto gid = group ? std::optional<gid_t>(*group) : rule_.fallback_gid;
  if (!uid || !gid) tell(rule_.path, uid ? group.error().message : user.error().message);
  uid_ = uid.value_or(0);
  gid_ = gid.value_or(0);
  return uid && gid;
}

void Fixer::fix_path(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t begin = path.rfind('/') + 1;
  const std::string name = begin == path.size() ? "." : path.substr(begin);  // the root directory has no name
  const os::Fd parent(os::sys::open(AT_FDCWD, path.substr(0, begin).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (parent.error() == ENOENT) return;
  if (!parent) return tell(path, std::string("cannot be looked at: ") + strerror(parent.error()));
  const auto status = look_at(parent.get(), name, path);
  if (!status) return;
  if (S_ISLNK(status->st_mode)) return tell(path, "is a link, and none is followed: name what it leads to");
  fix(parent.get(), name, path, *status);
}

// Nothing: it is not there any more, or it is told why not.
std::optional<struct stat> Fixer::look_at(int directory, const std::string& name, const std::string& path) {
  struct stat status {};
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (errno != ENOENT) tell_error(path, "cannot be looked at");
  return std::nullopt;
}

// A directory gets its mode last: it may be one that lets nobody in but root. But one that does not let its owner in now gets
// it first.
void Fixer::fix(int directory, const std::string& name, const std::string& path, const struct stat& status) {
  constexpr mode_t kEntry = S_IRUSR | S_IXUSR;
  give(directory, name, path, status);
  if (S_ISLNK(status.st_mode)) return;
  const bool descends = S_ISDIR(status.st_mode) && rule_.recurses;
  const bool is_open = (status.st_mode & kEntry) == kEntry;
  if (descends && is_open) descend(directory, name, path);
  set_mode(directory, name, path, status);
  if (descends && !is_open) descend(directory, name, path);
}

// What is right is not touched: it may be on a file system that is read-only, or would copy it.
void Fixer::give(int directory, const std::string& name, const std::string& path, const struct stat& status) {
  if (status.st_uid == uid_ && status.st_gid == gid_) return;
  if (fchownat(directory, name.c_str(), uid_, gid_, AT_SYMLINK_NOFOLLOW) == 0) return;
  tell_error(path, "cannot be given to " + std::to_string(uid_) + ":" + std::to_string(gid_));
}

// After a change of owner, which takes away the set-user-id bit.
void Fixer::set_mode(int directory, const std::string& name, const std::string& path, const struct stat& status) {
  const std::optional<mode_t>& mode = S_ISDIR(status.st_mode) ? rule_.directory_mode : rule_.file_mode;
  if (!mode || ((status.st_mode & 07777) == *mode && status.st_uid == uid_ && status.st_gid == gid_)) return;
  if (fchmodat(directory, name.c_str(), *mode, AT_SYMLINK_NOFOLLOW) == 0) return;
  tell_error(path, "cannot get mode " + octal(*mode));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

OpenDirectory open_directory(int directory, const std::string& name) {
  const int fd = openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return nullptr;
  OpenDirectory opened(fdopendir(fd));
  if (!opened) close(fd);
  return opened;
}

void Fixer::descend(int directory, const std::string& name, const std::string& path) {
  const OpenDirectory opened = open_directory(directory, name);
  if (!opened) return tell_error(path, "cannot be opened");
  std::vector<std::string> names;
  while (const dirent* entry = readdir(opened.get())) {
    const std::string_view found = entry->d_name;
    if (found != "." && found != ".." && (hidden_ || !found.starts_with('.'))) names.emplace_back(found);
  }
  std::ranges::sort(names);
  for (const std::string& each : names) {
    const std::string below = std::string(path).append("/").append(each);
    if (const auto status = look_at(dirfd(opened.get()), each, below)) fix(dirfd(opened.get()), each, below, *status);
  }
}

}  // namespace

AttributeRules parse_attributes(const std::string& file, std::string_view text) {
  AttributeRules found;
  for (config::Location where{file, 1, 1}; !text.empty(); ++where.line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const Words words = split(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty() || words[0].starts_with('#')) continue;
    AttributeRule rule{.where = where};
    if (auto mistake = RuleReader(words, rule).read()) {
      found.problems.push_back({config::Severity::Error, where, *std::move(mistake)});
    } else {
      found.rules.push_back(std::move(rule));
    }
  }
  return found;
}

AttributeRules read_attributes(const std::string& directory) {
  AttributeRules all;
  for (const ListedName& file : read_directory(directory, all.problems)) {
    AttributeRules found =
        parse_attributes(file.where.file, read_text(file.where.file, all.problems).value_or(std::string()));
    std::ranges::move(found.rules, std::back_inserter(all.rules));
    std::ranges::move(found.problems, std::back_inserter(all.problems));
  }
  return all;
}

std::vector<std::string> apply_attributes(std::span<const AttributeRule> rules, bool hidden) {
  std::vector<std::string> messages;
  for (const AttributeRule& rule : rules) Fixer(rule, hidden, messages).run();
  return messages;
}

}  // namespace cinit::servicedir

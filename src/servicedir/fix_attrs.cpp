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
#include "os/trusted_path.hpp"
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
  std::string digits;
  for (const unsigned shift : {9U, 6U, 3U, 0U}) digits += static_cast<char>('0' + (mode >> shift & 7U));
  return digits;
}

Result<gid_t> group_of(const Result<os::Account>& user) {
  if (user) return user->gid;
  return user.error();
}

// What is meant where there is no such user or group: an error of looking does not say that.
std::optional<std::uint32_t> or_fallback(const Result<std::uint32_t>& id, std::optional<std::uint32_t> fallback) {
  if (id) return *id;
  return id.error().code == 0 ? fallback : std::nullopt;
}

// What has been looked at: what is done to it is done to this, whatever has its name by then.
struct Entry {
  os::Fd file;  // O_PATH; of a link itself
  struct stat status {};
};

// One rule at work.
class Fixer {
 public:
  Fixer(const AttributeRule& rule, bool hidden, std::vector<std::string>& messages)
      : rule_(rule), hidden_(hidden), messages_(messages) {}

  void run();

 private:
  bool find_owner();
  void fix_path(std::string path);
  std::optional<Entry> look_at(int directory, const struct stat& place, const std::string& name,
                               const std::string& path);
  void fix(const Entry& entry, const std::string& path);
  bool is_planted(const struct stat& place, const struct stat& status) const;
  void give(const Entry& entry, const std::string& path);
  void set_mode(const Entry& entry, const std::string& path);
  void descend(const Entry& entry, const std::string& path);
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
    const Result<std::vector<std::string>> paths = os::expand("", rule_.path.substr(1));
    if (!paths) tell(rule_.path, paths.error().message);
    for (const std::string& path : paths ? *paths : std::vector<std::string>()) fix_path("/" + path);
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
  const auto uid = or_fallback(user ? Result<uid_t>(user->uid) : user.error(), rule_.fallback_uid);
  const auto gid = or_fallback(group, rule_.fallback_gid);
  if (!uid || !gid) tell(rule_.path, uid ? group.error().message : user.error().message);
  uid_ = uid.value_or(0);
  gid_ = gid.value_or(0);
  return uid && gid;
}

void Fixer::fix_path(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t begin = path.rfind('/') + 1;
  const std::string name = begin == path.size() ? "." : path.substr(begin);  // the root directory has no name
  const os::Fd parent = os::open_directory(path.substr(0, begin));
  if (parent.error() == ENOENT) return;
  if (!parent) return tell(path, std::string("cannot be looked at: ") + strerror(parent.error()));
  struct stat place {};
  if (fstat(parent.get(), &place) != 0) return tell_error(path, "cannot be looked at");
  const std::optional<Entry> entry = look_at(parent.get(), place, name, path);
  if (!entry) return;
  if (S_ISLNK(entry->status.st_mode)) return tell(path, "is a link, and none is followed: name what it leads to");
  fix(*entry, path);
}

// In a directory that had this status before anything was done to it. Nothing: it is not there any more, or it is told why not.
std::optional<Entry> Fixer::look_at(int directory, const struct stat& place, const std::string& name,
                                    const std::string& path) {
  Entry entry{os::Fd(os::sys::open(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC))};
  const int error = !entry.file ? entry.file.error() : fstat(entry.file.get(), &entry.status) != 0 ? errno : 0;
  if (error != 0 && error != ENOENT) tell(path, std::string("cannot be looked at: ") + strerror(error));
  if (error != 0) return std::nullopt;
  if (!is_planted(place, entry.status)) return entry;
  tell(path, "is left alone: it has a second name, and another user may have made this one");
  return std::nullopt;
}

// A hard link to a file of root's, for example: any user can make one in a directory of his own.
bool Fixer::is_planted(const struct stat& place, const struct stat& status) const {
  if (S_ISDIR(status.st_mode) || status.st_nlink == 1 || status.st_uid == uid_) return false;
  return !os::names_are_ours(place) && place.st_uid != status.st_uid;
}

// A directory gets its mode last: it may be one that lets nobody in but root. But one that does not let its owner in now gets
// it first.
void Fixer::fix(const Entry& entry, const std::string& path) {
  constexpr mode_t kEntry = S_IRUSR | S_IXUSR;
  const mode_t mode = entry.status.st_mode;
  give(entry, path);
  if (S_ISLNK(mode)) return;
  const bool descends = S_ISDIR(mode) && rule_.recurses;
  const bool is_open = (mode & kEntry) == kEntry;
  if (descends && is_open) descend(entry, path);
  set_mode(entry, path);
  if (descends && !is_open) descend(entry, path);
}

// What is right is not touched: it may be on a file system that is read-only, or would copy it.
void Fixer::give(const Entry& entry, const std::string& path) {
  if (entry.status.st_uid == uid_ && entry.status.st_gid == gid_) return;
  if (fchownat(entry.file.get(), "", uid_, gid_, AT_EMPTY_PATH) == 0) return;
  tell_error(path, "cannot be given to " + std::to_string(uid_) + ":" + std::to_string(gid_));
}

// After a change of owner, which takes away the set-user-id bit. fchmod(2) does not take a descriptor with O_PATH.
void Fixer::set_mode(const Entry& entry, const std::string& path) {
  const struct stat& status = entry.status;
  const std::optional<mode_t>& mode = S_ISDIR(status.st_mode) ? rule_.directory_mode : rule_.file_mode;
  if (!mode || ((status.st_mode & 07777) == *mode && status.st_uid == uid_ && status.st_gid == gid_)) return;
  if (chmod(("/proc/self/fd/" + std::to_string(entry.file.get())).c_str(), *mode) == 0) return;
  tell_error(path, "cannot get mode " + octal(*mode));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

OpenDirectory open_directory(const Entry& entry) {
  const int fd = openat(entry.file.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  OpenDirectory opened(fdopendir(fd));
  if (!opened) close(fd);
  return opened;
}

void Fixer::descend(const Entry& entry, const std::string& path) {
  const OpenDirectory opened = open_directory(entry);
  if (!opened) return tell_error(path, "cannot be opened");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* found = readdir(opened.get())) {
    const std::string_view name = found->d_name;
    if (name != "." && name != ".." && (hidden_ || !name.starts_with('.'))) names.emplace_back(name);
  }
  if (errno != 0) tell_error(path, "cannot be read to its end");
  std::ranges::sort(names);
  for (const std::string& name : names) {
    const std::string below = std::string(path).append("/").append(name);
    if (const auto each = look_at(dirfd(opened.get()), entry.status, name, below)) fix(*each, below);
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

// /etc/passwd and /etc/group. The input is the name that is looked up, in a line of its own, then the one file, a line
// "# group", and the other. It needs root: the process gets a mount namespace of its own, with files of its own there.
#include "os/accounts.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "directory.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr std::array<const char*, 2> kFiles{"/etc/passwd", "/etc/group"};
constexpr auto kUnchanged = static_cast<unsigned>(-1);  // to setresuid(2)

// Two files over those of the machine, for this process alone.
class Overlay {
 public:
  Overlay() {
    const std::string& directory = empty_directory();
    require(unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0,
            "there is a mount namespace; are you root?");
    for (const char* file : kFiles) {
      const std::string own = directory + file;
      make_file(own, "");
      require(mount(own.c_str(), file, nullptr, MS_BIND, nullptr) == 0, "a file can be mounted");
    }
  }

  static void write(std::size_t i, std::string_view text) {
    const int fd = open(kFiles[i], O_WRONLY | O_TRUNC | O_CLOEXEC);
    require(fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
            "a file can be written");
    close(fd);
  }
};

// Whether a line of the file has `name` as its first field and `id`, in digits, as its third, which is read as the kernel's
// ids are: an id that is no such number makes no entry, and least of all root.
bool says(std::string_view file, std::string_view name, unsigned id) {
  const auto is_entry = [&](std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t\n\v\f\r"), line.size()));
    const auto fields = split(line, ":");
    if (fields.size() < 3 || fields[0] != name) return false;
    std::string_view digits = fields[2];
    digits.remove_prefix(std::min(digits.find_first_not_of(" \t\n\v\f\r+"), digits.size()));
    unsigned number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && end == digits.data() + digits.size() && number == id;
  };
  return std::ranges::any_of(split(file, "\n"), is_entry);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

void check_user(const std::string& name, std::string_view passwd) {
  const Result<os::Account> user = os::find_user(name);
  if (!user) {
    require(!user.error().message.empty(), "an error says why");
    return;
  }
  require(user->uid != kUnchanged && user->gid != kUnchanged, "an id is one", name);
  if (is_number(name)) return;
  require(user->name == name, "a user is the one that is asked for", name);
  require(says(passwd, name, user->uid), "a user has the id that the file says",
          name + " " + std::to_string(user->uid));
  require(!name.starts_with('+') && !name.starts_with('-'), "a line of NIS is no user", name);
}

void check_group(const std::string& name, std::string_view file) {
  const Result<gid_t> group = os::find_group(name);
  if (!group) return;
  require(*group != kUnchanged, "an id is one", name);
  require(is_number(name) || says(file, name, *group), "a group has the id that the file says",
          name + " " + std::to_string(*group));
}

void check_groups(const std::string& name) {
  constexpr gid_t kPrimary = 12345;
  Result<std::vector<gid_t>> found = os::groups_of(name, kPrimary);
  if (!found) return;
  std::vector<gid_t>& groups = *found;
  require(!groups.empty() && groups[0] == kPrimary, "the primary group is the first");
  require(std::ranges::find(groups, kUnchanged) == groups.end(), "an id is one", name);
  std::ranges::sort(groups);
  require(std::ranges::adjacent_find(groups) == groups.end(), "each group is there once", name);
}

}  // namespace

void take_accounts(std::string_view input) {
  static const Overlay overlay;
  const auto parts = split(input, "\n", 2);
  if (parts.size() < 2) return;
  const std::string name(parts[0]);
  const auto files = split(parts[1], "# group\n", 2);
  const std::string_view passwd = files[0];
  const std::string_view group = files.size() > 1 ? files[1] : "";
  Overlay::write(0, passwd);
  Overlay::write(1, group);
  check_user(name, passwd);
  check_group(name, group);
  check_groups(name);
}

}  // namespace cinit::fuzz

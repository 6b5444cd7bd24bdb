#include "os/oom_kills.hpp"

#include <charconv>
#include <string_view>

#include "os/file.hpp"

namespace cinit::os {
namespace {

constexpr std::size_t kMostCgroupText = 16 * 1024;

struct MemoryController {
  const char* mount;
  const char* in_proc;  // how its line in /proc/self/cgroup goes on behind the number: cgroups(7)
  const char* events;
  const char* limit;
};
constexpr MemoryController kControllers[] = {
    {"/sys/fs/cgroup", "::", "/memory.events", "/memory.max"},
    {"/sys/fs/cgroup/memory", ":memory:", "/memory.oom_control", "/memory.limit_in_bytes"}};

std::optional<std::string> read_text(const std::string& path) {
  const Result<std::string> text = read_file(path, kMostCgroupText);
  return text ? std::optional(*text) : std::nullopt;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

// The rest of the line that begins so.
std::optional<std::string_view> find_line(std::string_view text, std::string_view beginning) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(beginning)) return line.substr(beginning.size());
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return std::nullopt;
}

// Where the process is below the mount, as far as the container sees it: "/docker/4f1", or "" for the mount itself.
std::string find_group(std::string_view cgroups, std::string_view in_proc) {
  for (; !cgroups.empty(); cgroups.remove_prefix(std::min(cgroups.find('\n'), cgroups.size() - 1) + 1)) {
    const std::string_view line = cgroups.substr(0, cgroups.find('\n'));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !line.substr(colon).starts_with(in_proc)) continue;
    const std::string_view path = line.substr(colon + in_proc.size());
    return path == "/" ? "" : std::string(path);
  }
  return "";
}

std::optional<OomKills> read_kills(const std::string& group, const MemoryController& controller) {
  const std::optional<std::string> events = read_text(group + controller.events);
  const auto counted = events ? find_line(*events, "oom_kill ") : std::nullopt;
  const auto count = counted ? parse_count(*counted) : std::nullopt;
  if (!count) return std::nullopt;
  OomKills kills{*count, std::nullopt};
  const std::optional<std::string> limit = read_text(group + controller.limit);
  // Without a limit cgroup v2 says "max", and v1 the highest number of pages.
  constexpr std::uint64_t kNone = std::uint64_t{1} << 62;
  if (limit) kills.limit = parse_count(*limit);
  if (kills.limit && *kills.limit >= kNone) kills.limit.reset();
  return kills;
}

}  // namespace

std::optional<OomKills> read_oom_kills(const std::string& root) {
  const std::string cgroups = read_text(root + "/proc/self/cgroup").value_or("");
  for (const MemoryController& controller : kControllers) {
    const std::string mount = root + controller.mount;
    const std::string group = find_group(cgroups, controller.in_proc);
    // A container has its own group at the mount, whatever the host calls it.
    auto kills = group.empty() ? std::nullopt : read_kills(mount + group, controller);
    if (!kills) kills = read_kills(mount, controller);
    if (kills) return kills;
  }
  return std::nullopt;
}

}  // namespace cinit::os

#include "os/mark.hpp"

#include <string_view>

#include "os/syscall.hpp"

namespace cinit::os {
namespace {

constexpr std::uint64_t kTop = std::uint64_t{1} << 62;
// Steps of marks, of those inside a mark, and of those inside one of these.
constexpr std::uint64_t kSteps[] = {std::uint64_t{1} << 42, std::uint64_t{1} << 22, std::uint64_t{1} << 2};
static_assert(kSteps[0] > kSteps[1] * Marks::kMost && kSteps[1] > kSteps[2] * Marks::kMost);

// "Max file locks            4611681620380876800  4611681620380876800  locks": the second number is the hard limit.
std::optional<std::uint64_t> hard_limit(std::string_view text, std::string_view name) {
  const std::size_t start = text.find(name);
  if (start == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(start + name.size());
  rest = rest.substr(0, rest.find('\n'));
  const auto skip = [&rest](bool blanks) {
    while (!rest.empty() && (rest.front() == ' ') == blanks) rest.remove_prefix(1);
  };
  skip(true);
  skip(false);
  skip(true);
  std::uint64_t value = 0;
  if (rest.empty() || rest.front() < '0' || rest.front() > '9') return std::nullopt;  // "unlimited"
  for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1)) {
    value = value * 10 + static_cast<std::uint64_t>(rest.front() - '0');
  }
  return value;
}

}  // namespace

Marks::Axis Marks::axis_of(int resource) {
  rlimit64 limit{};
  if (sys::getrlimit(resource, &limit) != 0) return {};
  if (limit.rlim_max == RLIM64_INFINITY) return {kTop, kSteps[0]};
  if (limit.rlim_max <= kSteps[0]) return {};
  for (int level = 0; level < 2; ++level) {
    if (limit.rlim_max % kSteps[level] == 0) return {limit.rlim_max, kSteps[level + 1]};
  }
  return {};
}

Marks::Marks() : locks_(axis_of(RLIMIT_LOCKS)), size_(axis_of(RLIMIT_RSS)) {}

std::optional<std::array<ResourceLimit, 2>> Marks::limits_of(const Mark& mark) const {
  if (locks_.step == 0 || size_.step == 0 || mark.number >= kMost - 1) return std::nullopt;
  const auto kind = static_cast<std::uint64_t>(mark.kind);
  const rlim64_t locks = locks_.base - (mark.number + 1) * locks_.step - kind;
  const rlim64_t size = size_.base - (kMost - mark.number) * size_.step - kind;
  return std::array<ResourceLimit, 2>{{{RLIMIT_LOCKS, {locks, locks}}, {RLIMIT_RSS, {size, size}}}};
}

std::optional<Mark> Marks::of(const Processes& processes, pid_t pid) const {
  if (locks_.step == 0 || size_.step == 0) return std::nullopt;
  char buffer[2048];
  const long length = processes.read_text(pid, "limits", buffer, sizeof(buffer));
  if (length <= 0) return std::nullopt;
  const std::string_view text(buffer, static_cast<std::size_t>(length));
  const auto locks = hard_limit(text, "Max file locks ");
  const auto size = hard_limit(text, "Max resident set ");
  if (!locks || !size || *locks > locks_.base || *size > size_.base) return std::nullopt;
  const std::uint64_t first = (locks_.base - *locks) / locks_.step;
  const std::uint64_t second = (size_.base - *size) / size_.step;
  if (first == 0 || first >= kMost || first - 1 + second != kMost) return std::nullopt;
  const bool is_probe = (locks_.base - *locks) % locks_.step == static_cast<std::uint64_t>(MarkKind::Probe);
  return Mark{static_cast<std::uint32_t>(first - 1), is_probe ? MarkKind::Probe : MarkKind::Service};
}

}  // namespace cinit::os

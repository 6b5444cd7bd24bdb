#include "process.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iterator>
#include <sstream>

namespace cinit::reliability {

namespace {

std::string place(pid_t pid) { return "/proc/" + std::to_string(pid); }

}  // namespace

Effort effort_of(pid_t pid) {
  const std::string stat = read_file(place(pid) + "/stat");
  if (stat.rfind(')') == std::string::npos) return {};
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  const Strings field{std::istream_iterator<std::string>(fields), {}};
  const long ticks = std::stol(field.at(11)) + std::stol(field.at(12));  // utime and stime: proc(5), fields 14 and 15
  Effort effort;
  effort.processor_time = std::chrono::milliseconds(ticks * 1000 / sysconf(_SC_CLK_TCK));
  // The kernel's Documentation/scheduler/sched-stats.rst: nanoseconds that it ran, and that it waited for a processor.
  std::istringstream sched(read_file(place(pid) + "/schedstat"));
  long ran = 0;
  long waited = 0;
  sched >> ran >> waited;
  effort.wanted = std::chrono::nanoseconds(ran + waited);
  for (const std::string& line : split_lines(read_file(place(pid) + "/io"))) {
    if (line.starts_with("syscr: ") || line.starts_with("syscw: ")) effort.transfers += std::atol(line.c_str() + 7);
  }
  effort.resident_kb = std::atol(status_of(pid, "VmRSS").c_str());
  return effort;
}

std::string is_busy(const Effort& before, const Effort& after, Duration span) {
  const long transfers = after.transfers - before.transfers;
  const double part = milliseconds(after.wanted - before.wanted) / milliseconds(span);
  if (part < 0.7 && static_cast<double>(transfers) < milliseconds(span) * 2) return "";
  return "busy: wanted to run for " + std::to_string(static_cast<int>(part * 100)) + " % of the time, and made " +
         std::to_string(transfers) + " reads and writes in " + std::to_string(static_cast<int>(milliseconds(span))) +
         " ms of quiet";
}

std::string status_of(pid_t pid, const std::string& key) {
  for (const std::string& line : split_lines(read_file(place(pid) + "/status"))) {
    if (!line.starts_with(key + ":")) continue;
    const std::size_t begin = line.find_first_not_of(" \t", key.size() + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::vector<pid_t> children_of(pid_t pid) {
  std::istringstream text(read_file(place(pid) + "/task/" + std::to_string(pid) + "/children"));
  return {std::istream_iterator<pid_t>(text), {}};
}

std::optional<pid_t> find_child(pid_t parent, pid_t pid) {
  for (const pid_t child : children_of(parent)) {
    const std::string numbers = status_of(child, "NSpid");
    if (std::atoi(numbers.substr(numbers.find_last_of(" \t") + 1).c_str()) == pid) return child;
  }
  return std::nullopt;
}

}  // namespace cinit::reliability

// What commands may see and ask for.
#include <algorithm>
#include <utility>

#include "init/init.hpp"
#include "os/clock.hpp"

namespace cinit::init {

Time Init::now() const { return os::now(); }

void Init::ask(const core::Requested& request) { tell(request); }

void Init::shut_down(std::optional<int> code) {
  carry_out(supervisor_.shut_down(code, os::now()));
  tell_answers();
}

bool Init::send_signal(core::ServiceId service, Signal signal, bool group) {
  if (group) children_.look_at_group(service);
  const ServiceProcesses& processes = children_.of(service);
  const pid_t pid = group ? -processes.group : processes.main;
  if (!group && processes.is_one_of_many) {
    leftovers_.look(os::now());
    for (const os::Process& process : leftovers_.of(service)) os::sys::kill(process.pid, signal.number);
  }
  return pid != 0 && os::sys::kill(pid, signal.number) == 0;
}

// Who goes on with its main process, or after it. More than a few would make an answer of what a service can make as
// long as it likes.
std::vector<control::Process> Init::background(core::ServiceId service) {
  constexpr std::size_t kMost = 20;
  if (std::exchange(shown_at_, awake_) != awake_) leftovers_.look(os::now());  // once for all services of an answer
  std::vector<control::Process> found;
  for (const os::Process& process : leftovers_.of(service)) {
    if (found.size() < kMost) found.push_back({process.pid, static_cast<const char*>(process.name)});
  }
  return found;
}

std::vector<control::LogLine> Init::recent_lines(core::ServiceId service, std::size_t most) const {
  std::vector<control::LogLine> lines;
  listener_.relay().for_each_record(static_cast<output::Service>(core::index_of(service)),
                                    [&](const output::Record& record) {
                                      lines.push_back({record.number, std::string(record.text)});
                                    });
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  return lines;
}

}  // namespace cinit::init

// What commands may see and ask for.
#include <algorithm>

#include "init/init.hpp"
#include "os/clock.hpp"

namespace cinit::init {

Time Init::now() const { return os::now(); }

void Init::ask(const core::Requested& request) { tell(request); }

bool Init::send_signal(core::ServiceId service, Signal signal, bool group) {
  const ServiceProcesses& processes = children_.of(service);
  const pid_t pid = group ? -processes.group : processes.main;
  return pid != 0 && os::sys::kill(pid, signal.number) == 0;
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

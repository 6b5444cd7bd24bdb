// How a service is kept in ways for which there are no keys. The initialisers are what every [service.NAME] has; the suites of
// service directories (runit, s6) have their own values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "config/config.hpp"

namespace cinit::config {

struct Policy {
  // Set: the service is started again for ever, at most once in this time, and also when its program cannot be run. Unset:
  // with back-off, within its start limit.
  std::optional<Duration> restart_interval;
  // How long its post-stop commands may take, unless everything is stopped. Unset: the time of its stop.
  std::optional<Duration> post_stop_time;
  // When everything is stopped, its post-stop commands get SIGTERM when their time is over, and SIGKILL after that.
  bool asks_post_stop = false;
  // A post-stop command that exits with this code says that the service is not to be started again.
  std::optional<int> give_up_code;
  // Its commands are scripts whose exit codes do not count.
  bool ignores_exit_codes = false;
  // When the service alone is stopped, SIGKILL follows only after its own stop-timeout, if it has one.
  bool waits_for_its_end = false;
  // What delivers the stop signal to its main process delivers SIGCONT as well.
  bool delivers_continue = false;
  // What it requires counts for its first start only.
  bool requires_at_first = false;
  // The container does not end because this service has ended.
  bool keeps_container = false;
};

Policy policy_of(const Service& service);

// What tells a service that comes and goes (a scanned service directory) from all others, whatever its name is: st_dev and
// st_ino of stat(2).
using Identity = std::pair<std::uint64_t, std::uint64_t>;

// std::nullopt: the service does not come and go.
std::optional<Identity> identity_of(const Service& service);

// The service is where `moved` is now, and keeps everything else.
void follow(Service& service, const Service& moved);

}  // namespace cinit::config

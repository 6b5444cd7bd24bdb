#include "servicedir/s6.hpp"

#include "config/keys.hpp"
#include "config/quote.hpp"
#include "servicedir/value_file.hpp"

namespace cinit::servicedir {
namespace {

constexpr std::uint32_t kHighestDeathTally = 4096;
constexpr std::uint32_t kDefaultDeathTally = 100;
constexpr Duration kDefaultFinishTimeout = std::chrono::seconds(5);

constexpr const char* kWithoutEffect[] = {"lock-fd", "flag-newpidns", "reload-signal", "flag-timeout-killpg"};

std::optional<config::Ready> read_notification_fd(const std::string& path, Problems& problems) {
  const auto fd = read_number(path, config::kLowestReadyFd, config::kHighestReadyFd, problems);
  if (!fd) return std::nullopt;
  return config::Ready{config::FdReady{static_cast<int>(*fd)}};
}

Signal read_down_signal(const std::string& path, Problems& problems) {
  const std::optional<std::string> value = read_value(path, problems);
  if (!value) return kTerminate;
  const std::optional<Signal> signal = parse_signal(*value);
  if (!signal) {
    add_error(problems, path,
              "expected the name or the number of a signal such as SIGTERM, not " + config::quote(*value));
  }
  return signal.value_or(kTerminate);
}

std::optional<Duration> read_finish_timeout(const std::string& path, Problems& problems) {
  return exists(path, problems) ? read_timeout(path, problems) : kDefaultFinishTimeout;
}

void warn_of_files_without_effect(const std::string& directory, Problems& problems) {
  for (const char* name : kWithoutEffect) {
    const std::string path = directory + "/" + name;
    if (!exists(path, problems)) continue;
    problems.push_back({config::Severity::Warning, {path, 0, 0}, "this file has no effect with cinit"});
  }
}

}  // namespace

config::Service read_s6_service(const Directory& directory, const std::string& name, Problems& problems) {
  config::Service service = make_service(directory, name, config::ServiceDirectory::Suite::S6);
  const auto path = [&](const char* file) { return directory.path + "/" + file; };
  service.command = {"./run", name};
  service.input = config::Input::Null;
  service.ready = read_notification_fd(path("notification-fd"), problems);
  service.stop_timeout = read_timeout(path("timeout-kill"), problems);
  service.stop_signal = read_down_signal(path("down-signal"), problems);
  service.directory->finish_timeout = read_finish_timeout(path("timeout-finish"), problems);
  service.directory->death_tally =
      read_number(path("max-death-tally"), 0, kHighestDeathTally, problems).value_or(kDefaultDeathTally);
  warn_of_files_without_effect(directory.path, problems);
  return service;
}

Found read_s6(const std::string& path) {
  Found found;
  const auto add = [&](const Directory& directory, const std::string& name) -> config::Service& {
    config::Service& service = found.services.emplace_back(read_s6_service(directory, name, found.problems));
    service.autostart = !exists(directory.path + "/down", found.problems);
    return service;
  };
  for (const Directory& directory : list_services(path, found.problems)) {
    config::Service& service = add(directory, directory.name);
    const auto log = find_directory(directory.path + "/log", found.problems);
    if (!log) continue;
    service.pipes_into = directory.name + "/log";
    add(*log, directory.name + "/log");
  }
  return found;
}

}  // namespace cinit::servicedir

#include "my_init/words.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/overloaded.hpp"
#include "my_init/options.hpp"

namespace cinit::my_init {
namespace {

using config::LogLevel;
using core::Role;
using core::ServiceId;
using init::Narration;
using Lines = std::vector<Narration>;
namespace notice = core::notice;

Lines line(LogLevel level, const char* event, std::string message) {
  return {{level, std::nullopt, event, std::move(message)}};
}

bool is_in(const std::vector<ServiceId>& all, ServiceId id) {
  return std::find(all.begin(), all.end(), id) != all.end();
}

// my_init says nothing of its services, which leaves everybody in the dark about why one of them does not run.
Lines only_trouble(const Narration& own) { return own.level >= LogLevel::Warning ? Lines{own} : Lines{}; }

class MyInitWords final : public init::Words {
 public:
  MyInitWords(const core::Plan& plan, PidOf pid_of, pid_t own_pid)
      : plan_(plan), pid_of_(std::move(pid_of)), own_pid_(std::to_string(own_pid)) {}

  Lines about(const core::Notice& notice, const Narration& own) override {
    return match(Overloaded{
                     [&](const notice::Starting& n) { return starting(n.service); },
                     [&](const notice::Exited& n) { return exited(n, own); },
                     [&](const notice::StartFailed& n) { return start_failed(n, own); },
                     [&](const notice::Failed& n) { return is_service(n.service) ? Lines{own} : Lines{}; },
                     [&](const notice::Stopping& n) { return stopping(n.service); },
                     [&](const notice::Killing& n) { return killing(n, own); },
                     [&](const notice::ShutdownBegun& n) {
                       is_aborted_ = n.cause == notice::StopCause::StopSignal;
                       return Lines{};
                     },
                     [&](const notice::SweepBegun& n) { return killing_all(n.sweeps); },
                     [&](const notice::SweepOver&) {
                       return line(LogLevel::Warning, "killing",
                                   "Not all processes have exited in time. Forcing them to exit.");
                     },
                     [&](const auto&) { return only_trouble(own); },
                 },
                 notice);
  }

  // There is no daemon: cinit looks after the services itself, so the pid is its own.
  Lines about_begin_of_services() override {
    if (!plan_.is_kept_open) return {};
    services_run_ = true;
    return {{LogLevel::Info, std::nullopt, "started", "Booting runit daemon..."},
            {LogLevel::Info, std::nullopt, "started", "Runit started as PID " + own_pid_}};
  }

 private:
  bool is_service(ServiceId id) const { return plan_[id].role == Role::Service; }
  const std::string& program(ServiceId id) const { return plan_[id].spec.command.front(); }
  std::string process(ServiceId id) const { return program(id) + " (PID " + std::to_string(pid_of_(id)) + ")"; }

  Lines starting(ServiceId id) {
    if (is_service(id)) return {};
    if (program(id) == kInsecureKey)
      return line(LogLevel::Info, "started", "Installing insecure SSH key for user root");
    std::string command;
    for (const std::string& word : plan_[id].spec.command) command += (command.empty() ? "" : " ") + word;
    Lines lines;
    if (is_in(plan_.post_stop_hooks, id)) lines = end_of_services();
    lines.push_back({LogLevel::Info, std::nullopt, "started", "Running " + command + "..."});
    return lines;
  }

  Lines exited(const notice::Exited& n, const Narration& own) const {
    if (is_service(n.service)) return only_trouble(own);
    const std::string code = std::to_string(n.status.shell_code());
    const std::string how = n.status.by_signal() ? " (" + to_string(n.status) + ")" : "";
    if (plan_.is_main(n.service)) {
      if (is_aborted_) return {};
      return line(LogLevel::Info, "exited", program(n.service) + " exited with status " + code + "." + how);
    }
    const bool was_stopped = plan_[n.service].role == Role::BootHook && is_aborted_;
    if (n.status == WaitStatus::exited(0) || was_stopped) return {};
    return line(LogLevel::Error, "failed", program(n.service) + " failed with status " + code + how);
  }

  Lines start_failed(const notice::StartFailed& n, const Narration& own) const {
    if (is_service(n.service)) return {own};
    const std::string code = std::to_string(n.failure.exit_code());
    const char* const what = plan_.is_main(n.service) ? " exited with status " : " failed with status ";
    return line(LogLevel::Error, "failed", program(n.service) + what + code + ": " + n.failure.detail);
  }

  Lines stopping(ServiceId id) {
    if (is_service(id)) return end_of_services();
    Lines lines;
    if (!plan_.is_main(id)) lines = line(LogLevel::Warning, "stopping", "An error occurred. Aborting.");
    lines.push_back({LogLevel::Info, std::nullopt, "stopping", "Shutting down " + process(id) + "..."});
    return lines;
  }

  Lines killing(const notice::Killing& n, const Narration& own) const {
    if (is_service(n.service)) return {own};
    return line(LogLevel::Warning, "killing", process(n.service) + " did not shut down in time. Forcing it to exit.");
  }

  // When the first of them is told to stop, or would be.
  Lines end_of_services() {
    if (!std::exchange(services_run_, false)) return {};
    return line(LogLevel::Info, "stopping", "Shutting down runit daemon (PID " + own_pid_ + ")...");
  }

  Lines killing_all(bool kills) {
    Lines lines = end_of_services();
    if (is_aborted_) lines.push_back({LogLevel::Warning, std::nullopt, "stopping", "Init system aborted."});
    if (kills) lines.push_back({LogLevel::Info, std::nullopt, "stopping", "Killing all processes..."});
    return lines;
  }

  const core::Plan& plan_;
  PidOf pid_of_;
  std::string own_pid_;
  bool is_aborted_ = false;    // by a signal
  bool services_run_ = false;  // they have been started, and nobody has been told that they are stopped
};

}  // namespace

std::unique_ptr<init::Words> make_words(const core::Plan& plan, const init::Words::PidOf& pid_of) {
  return std::make_unique<MyInitWords>(plan, pid_of, getpid());
}

}  // namespace cinit::my_init

#include "my_init/words.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>

#include "init/narrator.hpp"

using namespace cinit;
using namespace std::chrono_literals;
using config::LogLevel;
using core::Role;
using core::ServiceId;
namespace notice = core::notice;

namespace {

constexpr ServiceId kWeb{0};
constexpr ServiceId kHook{1};
constexpr ServiceId kKey{2};
constexpr ServiceId kPre{3};
constexpr ServiceId kPost{4};
constexpr ServiceId kMain{5};

void add(core::Plan& plan, config::Command command, Role role) {
  core::PlannedService& service = plan.services.emplace_back();
  service.spec.name = command.front();
  service.spec.command = std::move(command);
  service.role = role;
}

core::Plan make_plan() {
  core::Plan plan;
  add(plan, {"web"}, Role::Service);
  add(plan, {"/etc/my_init.d/10"}, Role::BootHook);
  add(plan, {"/usr/sbin/enable_insecure_key"}, Role::BootHook);
  add(plan, {"/etc/my_init.pre_shutdown.d/10"}, Role::StopHook);
  add(plan, {"/etc/my_init.post_shutdown.d/10"}, Role::StopHook);
  add(plan, {"app", "--port", "80"}, Role::MainCommand);
  plan.post_stop_hooks = {kPost};
  plan.main_command = kMain;
  plan.is_kept_open = true;
  return plan;
}

std::string text_of(const std::vector<init::Narration>& lines) {
  std::string text;
  for (const init::Narration& line : lines) {
    const char* const levels[] = {"debug", "info", "warning", "error"};
    text += std::string(levels[static_cast<int>(line.level)]) + ": " + line.message + "\n";
  }
  return text;
}

// What my_init says, a line each with its level.
struct MyInit {
  std::string about(const core::Notice& notice) { return text_of(words->about(notice, init::narrate(notice, plan))); }
  std::string begin_services() { return text_of(words->about_begin_of_services()); }
  // The stop begins.
  std::string stop(notice::StopCause cause) { return about(notice::ShutdownBegun{cause, std::nullopt, std::nullopt}); }

  core::Plan plan = make_plan();
  std::unique_ptr<init::Words> words =
      my_init::make_words(plan, [](ServiceId id) { return 100 + static_cast<pid_t>(core::index_of(id)); });
};

const std::string kPid = std::to_string(getpid());
const std::string kEndOfServices = "info: Shutting down runit daemon (PID " + kPid + ")...\n";

notice::Exited exited(ServiceId service, WaitStatus status) { return {service, status, 1s, false, std::nullopt}; }
notice::Stopping stopping(ServiceId service) { return {service, kTerminate}; }
WaitStatus code(int value) { return WaitStatus::exited(value); }
WaitStatus killed(int signal) { return WaitStatus::signaled(Signal{signal}); }

}  // namespace

TEST_CASE("programs are announced before they run, with their arguments, and services are not") {
  MyInit my_init;
  CHECK(my_init.about(notice::Starting{kHook}) == "info: Running /etc/my_init.d/10...\n");
  CHECK(my_init.about(notice::Starting{kMain}) == "info: Running app --port 80...\n");
  CHECK(my_init.about(notice::Starting{kKey}) == "info: Installing insecure SSH key for user root\n");
  CHECK(my_init.about(notice::Starting{kWeb}).empty());
}

TEST_CASE("the services are announced as one, when there may be some") {
  MyInit my_init;
  CHECK(my_init.begin_services() == "info: Booting runit daemon...\ninfo: Runit started as PID " + kPid + "\n");
  my_init.plan.is_kept_open = false;
  CHECK(my_init.begin_services().empty());
}

TEST_CASE("how the main command ends is told with its code, and with the signal") {
  MyInit my_init;
  CHECK(my_init.about(exited(kMain, code(0))) == "info: app exited with status 0.\n");
  CHECK(my_init.about(exited(kMain, code(7))) == "info: app exited with status 7.\n");
  CHECK(my_init.about(exited(kMain, killed(9))) == "info: app exited with status 137. (killed by SIGKILL)\n");
}

TEST_CASE("a main command that is stopped is told of before, and not after") {
  MyInit my_init;
  CHECK(my_init.stop(notice::StopCause::StopSignal).empty());
  CHECK(my_init.about(stopping(kMain)) == "info: Shutting down app (PID 105)...\n");
  CHECK(my_init.about(exited(kMain, killed(15))).empty());
}

TEST_CASE("a program that fails is an error, one that succeeds is not told of") {
  MyInit my_init;
  for (const ServiceId id : {kHook, kPre, kPost}) {
    CHECK(my_init.about(exited(id, code(0))).empty());
    const std::string name = my_init.plan[id].spec.command.front();
    CHECK(my_init.about(exited(id, code(3))) == "error: " + name + " failed with status 3\n");
    CHECK(my_init.about(exited(id, killed(11))) == "error: " + name + " failed with status 139 (killed by SIGSEGV)\n");
    CHECK(my_init.about(notice::Failed{id}).empty());
  }
}

TEST_CASE("a program that cannot be run is told of with the reason") {
  MyInit my_init;
  const auto failure = [](int error, const char* why) {
    return core::StartFailure{StartStage::Exec, error, why, false};
  };
  CHECK(my_init.about(notice::StartFailed{kMain, failure(2, "app: not found")}) ==
        "error: app exited with status 127: app: not found\n");
  CHECK(my_init.about(notice::StartFailed{kHook, failure(13, "no permission")}) ==
        "error: /etc/my_init.d/10 failed with status 126: no permission\n");
}

TEST_CASE("a hook that is stopped is an abort, and no failure of its own") {
  MyInit my_init;
  my_init.stop(notice::StopCause::StopSignal);
  CHECK(my_init.about(stopping(kHook)) ==
        "warning: An error occurred. Aborting.\ninfo: Shutting down /etc/my_init.d/10 (PID 101)...\n");
  CHECK(my_init.about(notice::Killing{kHook, kTerminate, 30s, true}) ==
        "warning: /etc/my_init.d/10 (PID 101) did not shut down in time. Forcing it to exit.\n");
  CHECK(my_init.about(exited(kHook, killed(9))).empty());
  CHECK(my_init.about(notice::SweepBegun{}) == "warning: Init system aborted.\ninfo: Killing all processes...\n");
}

TEST_CASE("the end of the services is told of once, when the first is stopped") {
  MyInit my_init;
  my_init.begin_services();
  CHECK(my_init.about(notice::Starting{kPre}) == "info: Running /etc/my_init.pre_shutdown.d/10...\n");
  CHECK(my_init.about(stopping(kWeb)) == kEndOfServices);
  CHECK(my_init.about(stopping(kWeb)).empty());
  CHECK(my_init.about(notice::Starting{kPost}) == "info: Running /etc/my_init.post_shutdown.d/10...\n");
}

TEST_CASE("the end of the services is told of when there is none: before what is to run after it, or at the end") {
  MyInit my_init;
  my_init.begin_services();
  SUBCASE("before what is to run after it") {
    CHECK(my_init.about(notice::Starting{kPost}) ==
          kEndOfServices + "info: Running /etc/my_init.post_shutdown.d/10...\n");
    CHECK(my_init.about(notice::SweepBegun{}) == "info: Killing all processes...\n");
  }
  SUBCASE("at the end") {
    CHECK(my_init.about(notice::SweepBegun{}) == kEndOfServices + "info: Killing all processes...\n");
  }
}

TEST_CASE("an end by a signal is an abort, and any other is none") {
  MyInit my_init;
  const std::string end = "info: Killing all processes...\n";
  CHECK(my_init.stop(notice::StopCause::MainCommandEnded).empty());
  CHECK(my_init.about(notice::SweepBegun{}) == end);
  my_init.stop(notice::StopCause::StopSignal);
  CHECK(my_init.about(notice::SweepBegun{}) == "warning: Init system aborted.\n" + end);
  CHECK(my_init.about(notice::SweepBegun{.sweeps = false}) == "warning: Init system aborted.\n");
  CHECK(my_init.about(notice::SweepOver{}) ==
        "warning: Not all processes have exited in time. Forcing them to exit.\n");
}

TEST_CASE("of services it says what is wrong with them, in cinit's words, and nothing else") {
  MyInit my_init;
  CHECK(my_init.about(notice::Started{kWeb}).empty());
  CHECK(my_init.about(notice::Stopped{kWeb}).empty());
  CHECK(my_init.about(notice::Exited{kWeb, code(0), 1s, true, std::nullopt}).empty());
  CHECK(my_init.about(exited(kWeb, code(3))) == "warning: exited with code 3 after 1 s\n");
  CHECK(my_init.about(notice::Killing{kWeb, kTerminate, 30s, true}) ==
        "warning: still running 30 s after SIGTERM; sending SIGKILL\n");
}

TEST_CASE("signals that it has no use for are not told of") {
  MyInit my_init;
  CHECK(my_init.about(notice::SignalIgnored{Signal{1}}).empty());
}

// Real starts, from a plan to a running program.
#include "init/launcher.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <variant>

#include "files.hpp"
#include "forked.hpp"
#include "init/listener.hpp"
#include "init/s6_overlay.hpp"
#include "init/starts.hpp"
#include "os/file.hpp"

using namespace cinit;
using namespace cinit::init;
using namespace cinit::test;

namespace {

constexpr core::ServiceId kOnly{0};

// A plan of one service.
struct Container {
  explicit Container(std::vector<std::string> command) {
    plan.services.emplace_back().spec.command = std::move(command);
    service().log_max_size.bytes = 0;  // it writes by itself
    inherited.environment = {{"PATH", "/usr/bin:/bin"}};
    inherited.null = os::open_null();
  }
  config::Service& service() { return plan.services.front().spec; }
  // How the program ended, or why it was not started.
  std::string run() {
    Result<os::Poller> poller = os::Poller::make();
    REQUIRE(poller);
    os::LineWriter err(2);
    log::Log log(config::LogLevel::Error, config::LogFormat::Text, err);
    os::Discarder discarder;
    Listener listener(plan, config, *poller, discarder, {err, err, ""}, log);
    Launcher launcher(plan, config, inherited, listener);
    return launch(*poller, launcher);
  }

  // The same after a hook has ended, with what a start fails with that is prepared while cinit may have no more than that many
  // descriptors.
  std::string run_after_hook(rlim_t descriptors) {
    Result<os::Poller> poller = os::Poller::make();
    REQUIRE(poller);
    os::LineWriter err(2);
    log::Log log(config::LogLevel::Error, config::LogFormat::Text, err);
    os::Discarder discarder;
    Listener listener(plan, config, *poller, discarder, {err, err, ""}, log);
    Launcher launcher(plan, config, inherited, listener);
    const auto limit = [](rlim_t most) {
      const rlimit64 limits{most, 64};
      os::sys::setrlimit(RLIMIT_NOFILE, &limits);
    };
    limit(descriptors);
    launcher.reload_environment();
    std::string text;
    {
      const auto prepared = launcher.prepare(kOnly);
      const auto* failed = std::get_if<core::StartFailure>(&prepared);
      if (failed) text = (failed->transient ? "failed, later: " : "failed: ") + failed->detail + "; ";
    }
    limit(64);
    return text + launch(*poller, launcher);
  }

  std::string launch(os::Poller& poller, Launcher& launcher) const {
    Children children(plan.services.size());
    Starts starts(poller, 0, children);
    starts.begin({kOnly, ChildKind::Main},
                 [&](Launcher::Files files) { return launcher.prepare(kOnly, std::move(files)); });
    std::optional<Starts::Result> result = starts.take_result();
    while (!result) {
      for (const std::uint64_t number : poller.wait(kNever)) starts.look(static_cast<std::uint32_t>(number));
      result = starts.take_result();
    }
    const std::string end = result->pid == 0 ? "" : end_of(result->pid);
    return result->failure ? "failed: " + result->failure->detail : end;
  }

  core::Plan plan;
  config::Config config;
  Inherited inherited;
};

}  // namespace

TEST_CASE("a service is started as it is configured") {
  const TemporaryDirectory directory;
  Container container({"sh", "-c", "echo $A; pwd; umask; cat; echo oops >&2; exit 4"});
  container.service().env = {{"A", "value"}};
  container.service().working_dir = directory.path();
  container.service().umask = config::FileMode{0077};
  container.service().output = {config::Output::Kind::File, directory.path() + "/log"};
  container.service().error.kind = config::Output::Kind::Stdout;
  CHECK(container.run() == "code 4");
  CHECK(read_file(directory.path() + "/log") == "value\n" + directory.path() + "\n0077\noops\n");
}

TEST_CASE("everything that a start depends on is looked up anew each time") {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/env", "CODE=5\n");
  Container container({"sh", "-c", "exit $CODE"});
  container.service().env_file = config::EnvFile{directory.path() + "/env", false};
  CHECK(container.run() == "code 5");
  write_file(directory.path() + "/env", "CODE=6\n");
  CHECK(container.run() == "code 6");
}

TEST_CASE("nothing starts in an environment that hooks have changed and that cannot be read yet") {
  enum class Of { MyInit, S6 };
  const auto run = [](Of whose, rlim_t descriptors) {
    const TemporaryDirectory root;
    const char* const place = whose == Of::S6 ? "/run/s6/container_environment" : "/etc/container_environment";
    make_directories(root.path() + "/etc/cont-init.d");
    write_file(root.path() + place + "/A", "old");
    return in_child([&] {
      Container container({"sh", "-c", "test \"$A\" = new"});
      Inherited& inherited = container.inherited;
      inherited.directory = ContainerEnvironment(root.path());
      if (whose == Of::S6) inherited.image = std::make_unique<S6Overlay>(*S6Overlay::find({}, root.path()));
      if (whose == Of::S6) inherited.environment["A"] = "old";
      if (!inherited.directory.import(inherited.environment)) return std::string("not imported");
      write_file(root.path() + place + "/A", "new");
      return container.run_after_hook(descriptors);
    });
  };
  const std::string later =
      "failed, later: what hooks have made of the environment cannot be read: Too many open files";
  for (const Of whose : {Of::MyInit, Of::S6}) {
    CHECK(run(whose, 4) == later + "; code 0");
    CHECK(run(whose, 64) == "code 0");
  }
}

TEST_CASE("a start that fails says why, and leaves nothing behind") {
  Container missing({"no-such-program"});
  Container refused({"/etc/passwd"});
  const std::size_t before = names_in("/proc/self/fd").size();
  CHECK(missing.run() == "failed: no-such-program: not found in /usr/bin:/bin");
  CHECK(refused.run() == "failed: /etc/passwd is not executable (chmod +x)");
  CHECK(names_in("/proc/self/fd").size() == before);
}

TEST_CASE("a service of another user opens /dev/stdout by its name, although the pipe was made by root") {
  const auto body = [] {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[1], 1) != 1) return std::string("pipe2");
    close(ends[1]);
    Container container({"/bin/sh", "-c", "echo text >/dev/stdout"});
    container.service().user = "3000";
    container.service().error.kind = config::Output::Kind::Null;
    std::string text = container.run() + " ";
    close(1);
    return text + read_all(ends[0]);
  };
  CHECK(in_child(body) == "code 0 text\n");
}

TEST_CASE("a pipe stays its owner's while no service has another user") {
  const auto body = [] {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[1], 1) != 1) return std::string("pipe2");
    Container container({"/bin/true"});
    container.service().user = "root";
    const std::string end = container.run();
    struct stat status {};
    fstat(1, &status);
    return end + ((status.st_mode & 0777) == 0600 ? " private" : " open");
  };
  CHECK(in_child(body) == "code 0 private");
}

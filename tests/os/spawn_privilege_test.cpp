// What the child of os::spawn() may do when its program starts: nice, OOM score, capabilities, no new privileges.
#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>
#include <stdexcept>
#include <string>

#include "base/capability.hpp"
#include "files.hpp"
#include "forked.hpp"
#include "launch.hpp"
#include "os/file.hpp"
#include "os/spawn.hpp"
#include "os/syscall.hpp"

using namespace cinit::test;
namespace os = cinit::os;
namespace sys = cinit::os::sys;
using cinit::Capability;
using cinit::CapabilitySet;
using cinit::StartStage;

namespace {

constexpr char kOomScore[] = "/proc/self/oom_score_adj";

void need(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(what);
}

CapabilitySet set_of(std::initializer_list<int> numbers) {
  CapabilitySet set;
  for (const int number : numbers) set.add(Capability{number});
  return set;
}

void leave_bounding_set(int capability) { need(prctl(PR_CAPBSET_DROP, capability) == 0, "PR_CAPBSET_DROP"); }

void leave_bounding_set_but(CapabilitySet kept) {
  for (int number = 0; prctl(PR_CAPBSET_READ, number) >= 0; ++number) {
    if (!kept.has(Capability{number})) leave_bounding_set(number);
  }
}

// What this process itself may do; inheritable is what `inheritable` names of it.
void keep_only(CapabilitySet permitted, CapabilitySet inheritable = {}) {
  const auto low = static_cast<std::uint32_t>(permitted.bits);
  const auto high = static_cast<std::uint32_t>(permitted.bits >> 32);
  const sys::CapabilityWord words[2] = {{low, low, static_cast<std::uint32_t>(inheritable.bits)},
                                        {high, high, static_cast<std::uint32_t>(inheritable.bits >> 32)}};
  need(sys::capset(words) == 0, "capset");
}

CapabilitySet own_permitted() { return {std::stoull(own_status("CapPrm"), nullptr, 16)}; }

void give_up(int capability) { keep_only({own_permitted().bits & ~set_of({capability}).bits}); }

// The five sets of this process, each as "NAME: BITS" in a line.
std::string own_sets() {
  std::string text;
  for (const char* key : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    text += std::string(key) + ": " + own_status(key) + "\n";
  }
  return text;
}

std::string sets(const std::function<void(os::ChildSetup&)>& change = {}) {
  return status_fields({"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"}, change);
}

// What sets() finds where all of the five are this one.
std::string five_times(const std::string& bits) {
  std::string text;
  for (const char* key : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    text += std::string(key) + ": " + bits + "\n";
  return text;
}

void give(os::ChildSetup& setup, std::initializer_list<int> numbers) {
  setup.set_capabilities = true;
  setup.capabilities = set_of(numbers);
}

void as_nobody(os::ChildSetup& setup) {
  static constexpr gid_t kUnused = 0;
  setup.groups = &kUnused;
  setup.set_gid = setup.set_uid = true;
  setup.gid = setup.uid = kNobody;
}

// How a start with these capabilities fails: "stage N, errno N, CAPABILITY"; "" when it does not.
std::string refusal(std::initializer_list<int> numbers) {
  Launch launch({"/bin/true"});
  give(launch.setup, numbers);
  const os::SpawnResult result = launch.start();
  if (result.pid != 0) return end_of(result.pid) == "code 0" ? "" : "it failed later";
  return failed_at(result.stage, result.error) + ", " + to_string(result.capability);
}

std::string refused_with(StartStage stage, int error, const char* capability) {
  return failed_at(stage, error) + ", " + capability;
}

}  // namespace

// ---- Nice and OOM score

TEST_CASE("nice and OOM score are what the setup says, whoever the program runs as") {
  const auto run = [](bool other_user) {
    Launch launch(shell("nice; cat /proc/self/oom_score_adj"));
    launch.setup.set_nice = launch.setup.set_oom_score_adj = true;
    launch.setup.nice = 7;
    launch.setup.oom_score_adj = 1000;
    if (other_user) as_nobody(launch.setup);
    return launch.run();
  };
  CHECK(run(false) == "7\n1000\n[code 0]");
  CHECK(run(true) == "7\n1000\n[code 0]");
}

TEST_CASE("nice may be lowered with the privilege to do so, and the OOM score as far as it was allowed before") {
  const auto body = [] {
    write_file(kOomScore, "500");
    Launch launch(shell("nice; cat /proc/self/oom_score_adj"));
    launch.setup.set_nice = launch.setup.set_oom_score_adj = true;
    launch.setup.nice = -20;
    launch.setup.oom_score_adj = 0;
    return launch.run();
  };
  CHECK(in_child(body) == "-20\n0\n[code 0]");
}

TEST_CASE("nice and OOM score that the setup does not name are inherited") {
  const auto body = [] {
    write_file(kOomScore, "321");
    need(setpriority(PRIO_PROCESS, 0, 3) == 0, "setpriority");
    return Launch(shell("nice; cat /proc/self/oom_score_adj")).run();
  };
  CHECK(in_child(body) == "3\n321\n[code 0]");
}

TEST_CASE("nice and OOM score of the parent stay what they were, after a start and after a failed one") {
  const auto body = [] {
    write_file(kOomScore, "100");
    const auto own = [] {
      return read_file(kOomScore).value_or("") + std::to_string(getpriority(PRIO_PROCESS, 0)) + "; ";
    };
    const auto start = [](const char* program) {
      Launch launch({program, kOomScore});
      launch.setup.set_nice = launch.setup.set_oom_score_adj = true;
      launch.setup.nice = 5;
      launch.setup.oom_score_adj = 300;
      return launch.run();
    };
    return in_order({own(), start("/bin/cat"), own(), start("/nonexistent"), own()});
  };
  CHECK(in_child(body) == "100\n0; 300\n[code 0]100\n0; " + failed_at(StartStage::Exec, ENOENT) + "100\n0; ");
}

TEST_CASE("a limit of descriptors that leaves no room for another does not keep the OOM score from being set") {
  const os::ResourceLimit limit{RLIMIT_NOFILE, {3, 3}};
  const os::Fd null = os::open_null();
  Launch launch({"/bin/true"});
  launch.setup.stderr_fd = null.get();
  launch.setup.limits = &limit;
  launch.setup.limits_count = 1;
  launch.setup.set_oom_score_adj = true;
  launch.setup.oom_score_adj = 10;
  const os::SpawnResult result = launch.start();
  CHECK(result.error == 0);
  REQUIRE(result.pid > 0);
  end_of(result.pid);  // its loader may not have found room for a library
}

TEST_CASE("without privilege a lower nice and a lower OOM score fail, each at its own step") {
  const auto body = [] {
    give_up(CAP_SYS_NICE);
    if (own_permitted().has(Capability{CAP_SYS_RESOURCE})) give_up(CAP_SYS_RESOURCE);
    Launch nice({"/bin/true"});
    nice.setup.set_nice = true;
    nice.setup.nice = -5;
    Launch score({"/bin/true"});
    score.setup.set_oom_score_adj = true;
    score.setup.oom_score_adj = -1000;
    return in_order({nice.run(), "; ", score.run()});
  };
  CHECK(in_child(body) == failed_at(StartStage::Nice, EACCES) + "; " + failed_at(StartStage::OomScore, EACCES));
}

TEST_CASE("an OOM score fails where there is no /proc") {
  const auto body = [] {
    enter_mount_namespace();
    hide_proc();
    Launch launch({"/bin/true"});
    launch.setup.set_oom_score_adj = true;
    return launch.run();
  };
  CHECK(in_child(body) == failed_at(StartStage::OomScore, ENOENT));
}

// ---- Capabilities

TEST_CASE("the program has exactly the capabilities of the setup in every set, as root and as another user") {
  const auto start = [](std::initializer_list<int> numbers, bool other_user, bool no_new_privileges) {
    return sets([&](os::ChildSetup& setup) {
      give(setup, numbers);
      if (other_user) as_nobody(setup);
      setup.no_new_privileges = no_new_privileges;
    });
  };
  for (const bool other_user : {false, true}) {
    for (const bool no_new_privileges : {false, true}) {
      CAPTURE(other_user);
      CAPTURE(no_new_privileges);
      // One of each half.
      CHECK(start({CAP_NET_BIND_SERVICE, CAP_SYSLOG}, other_user, no_new_privileges) == five_times("0000000400000400"));
      CHECK(start({CAP_SETPCAP}, other_user, no_new_privileges) == five_times("0000000000000100"));
      CHECK(start({}, other_user, no_new_privileges) == five_times("0000000000000000"));
    }
  }
}

TEST_CASE("capabilities that the setup does not name are unchanged, and another user than root has none") {
  CHECK(sets() == own_sets());
  const std::string none = "0000000000000000\n";
  CHECK(sets(as_nobody) == "CapInh: " + own_status("CapInh") + "\nCapPrm: " + none + "CapEff: " + none +
                               "CapBnd: " + own_status("CapBnd") + "\nCapAmb: " + none);
}

TEST_CASE("the capabilities and the secrecy of the parent stay what they were") {
  const auto body = [] {
    const std::string before = own_sets();
    const std::string child = sets([](os::ChildSetup& setup) { give(setup, {}); });
    if (child != five_times("0000000000000000")) return child;
    return in_order({own_sets() == before ? "same" : own_sets(), ", dumpable ", std::to_string(prctl(PR_GET_DUMPABLE)),
                     ", keep ", std::to_string(prctl(PR_GET_KEEPCAPS))});
  };
  CHECK(in_child(body) == "same, dumpable 1, keep 0");
}

TEST_CASE("what the parent hands down by itself ends where the setup says which capabilities there are") {
  const auto body = [] {
    keep_only(own_permitted(), set_of({CAP_CHOWN, CAP_KILL}));
    for (const int number : {CAP_CHOWN, CAP_KILL}) {
      need(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) == 0, "PR_CAP_AMBIENT_RAISE");
    }
    const std::string unchanged = sets() == own_sets() ? "unchanged\n" : sets();
    return in_order({unchanged, sets([](os::ChildSetup& setup) { give(setup, {CAP_KILL}); })});
  };
  CHECK(in_child(body) == "unchanged\n" + five_times("0000000000000020"));
}

TEST_CASE(
    "a user with a capability, and the children of its program, can do what it is for, and root without it cannot") {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/file";
  write_file(file, "secret");
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  REQUIRE(chmod(file.c_str(), 0) == 0);
  const auto read = [&](std::initializer_list<int> numbers, bool other_user) {
    Launch launch(shell("cat " + file + " 2>/dev/null; true"));
    give(launch.setup, numbers);
    if (other_user) as_nobody(launch.setup);
    return launch.run();
  };
  CHECK(read({CAP_DAC_READ_SEARCH}, true) == "secret[code 0]");
  CHECK(read({CAP_CHOWN}, true) == "[code 0]");
  CHECK(read({CAP_DAC_READ_SEARCH}, false) == "secret[code 0]");
  CHECK(read({}, false) == "[code 0]");
}

TEST_CASE("the working directory is looked up with the capabilities that the program has") {
  const TemporaryDirectory directory;  // for root alone
  const std::string path = directory.path();
  const auto enter = [&](std::initializer_list<int> numbers) {
    Launch launch({"/bin/true"});
    launch.setup.working_dir = path.c_str();
    give(launch.setup, numbers);
    as_nobody(launch.setup);
    return launch.run();
  };
  CHECK(enter({CAP_DAC_READ_SEARCH}) == "[code 0]");
  CHECK(enter({}) == failed_at(StartStage::WorkingDir, EACCES));
}

TEST_CASE("a capability that the parent does not have is named") {
  const auto without = [](int missing, auto&& lose) {
    return in_child([&] {
      lose(missing);
      return refusal({CAP_CHOWN, CAP_NET_RAW, CAP_SYSLOG});
    });
  };
  CHECK(without(CAP_NET_RAW, give_up) == refused_with(StartStage::Capabilities, EPERM, "cap_net_raw"));
  CHECK(without(CAP_SYSLOG, give_up) == refused_with(StartStage::Capabilities, EPERM, "cap_syslog"));
  CHECK(without(CAP_NET_RAW, leave_bounding_set) == refused_with(StartStage::Capabilities, EPERM, "cap_net_raw"));
}

TEST_CASE("a capability that the kernel does not know is named") {
  CHECK(refusal({CAP_CHOWN, 63}) == refused_with(StartStage::Capabilities, EINVAL, "63"));
}

TEST_CASE("to take capabilities away for good needs CAP_SETPCAP, and the result says which one stayed") {
  const auto body = [] {
    give_up(CAP_SETPCAP);
    return refusal({CAP_CHOWN});
  };
  CHECK(in_child(body) == refused_with(StartStage::BoundingSet, EPERM, "cap_dac_override"));
}

TEST_CASE("what is already out of reach needs no privilege to be taken away") {
  CHECK(in_child([] {
          leave_bounding_set_but(set_of({CAP_CHOWN}));
          give_up(CAP_SETPCAP);
          return refusal({CAP_CHOWN});
        }) == "");
  CHECK(in_child([] {
          leave_bounding_set_but({});
          become_nobody();
          return sets([](os::ChildSetup& setup) { give(setup, {}); });
        }) == five_times("0000000000000000"));
  CHECK(in_child([] {
          become_nobody();
          return refusal({});
        }) == refused_with(StartStage::BoundingSet, EPERM, "cap_chown"));
}

TEST_CASE("a start that fails for its capabilities leaves no child") {
  CHECK(in_child([] {
          give_up(CAP_NET_RAW);
          return in_order({refusal({CAP_NET_RAW}), "; ",
                           waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD ? "no child" : "a child"});
        }) == refused_with(StartStage::Capabilities, EPERM, "cap_net_raw") + "; no child");
}

// ---- No new privileges

TEST_CASE("no new privileges are for the program alone, whatever its user") {
  const auto start = [](bool wanted, bool other_user) {
    return status_fields({"NoNewPrivs:"}, [&](os::ChildSetup& setup) {
      setup.no_new_privileges = wanted;
      if (other_user) as_nobody(setup);
    });
  };
  CHECK(start(true, false) == "NoNewPrivs: 1\n");
  CHECK(start(true, true) == "NoNewPrivs: 1\n");
  CHECK(start(false, false) == "NoNewPrivs: 0\n");
  CHECK(own_status("NoNewPrivs") == "0");
}

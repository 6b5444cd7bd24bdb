// my_init, row by row: signals, the stop, exit codes. Where the rows come from: my_init.hpp.
#include <doctest/doctest.h>

#include "in_order.hpp"
#include "my_init.hpp"

using namespace cinit::dropin_test;
using namespace std::chrono_literals;
using cinit::e2e::Clock;
using cinit::e2e::End;
using cinit::e2e::in_order;
using cinit::e2e::Options;

namespace {

const Part kWeb = service("web", "exec app app1 web");
const Part kPre = program("/etc/my_init.pre_shutdown.d/10", "echo pre_shutdown");
const Part kPost = program("/etc/my_init.post_shutdown.d/10", "echo post_shutdown");
const std::string kPreRuns = "*** Running /etc/my_init.pre_shutdown.d/10...\npre_shutdown\n";
const std::string kPostRuns = "*** Running /etc/my_init.post_shutdown.d/10...\npost_shutdown\n";
const std::string kWebEnds = "web: handle signal: terminated\nweb: app exit normally\n";

std::string main_begins(const std::string& main) { return kServicesBegin + "*** Running " + main + "...\n"; }

// How it is told to end, and what it says.
std::string main_obeys(const std::string& signal = "terminated") {
  return "*** Shutting down app (PID N)...\nhandle signal: " + signal + "\napp exit normally\n";
}

const Arguments kMain = {"@", "--", "app", "app1"};
const std::string kMainRuns = main_begins("app app1") + "ready\n";

}  // namespace

TEST_CASE("my_init: exit codes") {
  const auto main_is = [](const std::string& command, const std::string& end) {
    return main_begins(command) + "*** " + command.substr(0, command.find(' ')) + " exited with status " + end + "\n" +
           kServicesEnd + kEnd;
  };
  compare({
      {"the main command's", {}, {"@", "--", "app", "exit", "7"}, {7, main_is("app exit 7", "7.")}},
      {"the largest", {}, {"@", "--", "app", "exit", "255"}, {255, main_is("app exit 255", "255.")}},
      {"it is killed",
       {},
       {"@", "--", "app", "raise", "9"},
       {0, main_is("app raise 9", "0.")},
       {},
       {},
       {{"whom the OOM killer has ended was no success", {137, main_is("app raise 9", "137. (killed by SIGKILL)")}}}},
      {"it is not there",
       {},
       {"@", "--", "nosuch"},
       {127, main_is("nosuch", "127.")},
       {},
       {},
       {{"it says why",
         {127, main_is("nosuch",
                       "127: nosuch: not found in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")}}}},
      {"it is a directory",
       {},
       {"@", "--", "/etc"},
       {127, main_is("/etc", "127.")},
       {},
       {},
       {{"126, as with every shell", {126, main_is("/etc", "126: /etc is a directory")}}}},
      {"stopped by SIGTERM",
       {},
       kMain,
       {2, kMainRuns + main_obeys() + kServicesEnd + kStopped},
       {},
       stop_after("ready")},
      {"stopped by SIGINT, which is SIGTERM for everybody else",
       {},
       kMain,
       {2, kMainRuns + main_obeys() + kServicesEnd + kStopped},
       {},
       signal_after("ready", SIGINT)},
      {"stopped, whatever the main command's code is then",
       {},
       {"@", "--quiet", "--", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do app wait-for /tmp/x; done"},
       {2, "ready\n*** Init system aborted.\n"},
       {},
       [](Container& container) {
         container.wait_for("ready");
         container.signal(SIGTERM);
         container.exec({"touch", "/tmp/x"});  // a shell waits for its command before it runs a trap
       }},
  });
}

TEST_CASE("my_init: the order of the stop") {
  compare({
      {"SIGTERM: main command, pre_shutdown, services, post_shutdown, everything else",
       {hook("10", "app daemon left"), service("web", "app wait-for /etc/go; exec app app1 web"), kPre, kPost,
        program("/bin/main", "touch /etc/go; app wait-for /tmp/go; exec app app1 main")},
       {"@", "--", "main"},
       {2, "*** Running /etc/my_init.d/10...\nleft: ready\n" + main_begins("main") + "web: ready\nmain: ready\n" +
               "*** Shutting down main (PID N)...\nmain: handle signal: terminated\nmain: app exit normally\n" +
               kPreRuns + kServicesEnd + kWebEnds + kPostRuns + kStopped +
               "left: handle signal: terminated\nleft: app exit normally\n"},
       {},
       [](Container& container) {
         go_after("web: ready")(container);
         stop_after("main: ready")(container);
       }},
  });
}

TEST_CASE("my_init: a script of the shutdown fails: code 1") {
  const Part pre = program("/etc/my_init.pre_shutdown.d/10", "exit 4");
  const Part post = program("/etc/my_init.post_shutdown.d/10", "exit 5");
  const std::string pre_fails = "*** /etc/my_init.pre_shutdown.d/10 failed with status 4\n";
  const std::string post_fails = "*** /etc/my_init.post_shutdown.d/10 failed with status 5\n";
  const std::string later =
      "a script that fails prevents nothing: services are stopped, and what is to run after that runs";
  compare({
      {"before the services are stopped",
       {kWeb, pre, kPost},
       {"@", "--quiet"},
       {1, "web: ready\n" + pre_fails + kWebEnds},
       {},
       stop_after("web: ready"),
       {{later, {1, "web: ready\n" + pre_fails + kWebEnds + "post_shutdown\n*** Init system aborted.\n"}}}},
      {"and when the main command has ended",
       {pre, kPost},
       {"@", "--quiet", "--", "app", "exit", "7"},
       {1, pre_fails},
       {},
       {},
       {{later, {1, pre_fails + "post_shutdown\n"}}}},
      {"after it", {kPre, post}, {"@", "--quiet", "--", "app", "exit", "7"}, {1, "pre_shutdown\n" + post_fails}},
      {"one of several",
       {pre, program("/etc/my_init.pre_shutdown.d/20", "echo later ran")},
       {"@", "--quiet", "--", "true"},
       {1, pre_fails},
       {},
       {},
       {{later, {1, pre_fails + "later ran\n"}}}},
      {"it is not executable",
       {file("/etc/my_init.pre_shutdown.d/10", "exit 4\n"), file("/etc/my_init.post_shutdown.d/10", "exit 5\n")},
       {"@", "--quiet", "--", "true"},
       {0, ""},
       {},
       {},
       {{"a forgotten chmod is named",
         {0,
          "*** /etc/my_init.pre_shutdown.d/10 is not executable, so it is not run (chmod +x)\n"
          "*** /etc/my_init.post_shutdown.d/10 is not executable, so it is not run (chmod +x)\n"}}}},
  });
}

TEST_CASE("my_init: services") {
  compare({
      {"one that crashes is started again and again, and never ends the container",
       {service("crash", "echo crash; exit 3")},
       {"@", "--quiet"},
       {2, "crash\ncrash\n*** Init system aborted.\n"},
       {},
       [](Container& container) {
         container.wait_for("exited with code 3", 2);
         container.signal(SIGTERM);
       },
       {{"who crashes is named, and how",
         {2,
          "crash\ncrash\n*** Init system aborted.\n"
          "*** crash: exited with code 3 after N ms, restarting in N ms\n"
          "*** crash: exited with code 3 after N ms, restarting in N ms\n"}}},
       true},
      {"one whose run script does not exec",
       {service("web", "app app1 web\necho never")},
       {"@", "--quiet"},
       {2, "web: ready\n*** Init system aborted.\n" + kWebEnds},
       {},
       stop_after("web: ready"),
       {},
       true},
      {"those that a hook adds are started",
       {hook("10", "mkdir -p /etc/service; busybox cp -r /opt/web /etc/service/web"),
        program("/opt/web/run", "echo added; touch /tmp/up; exec app wait-for /never")},
       {"@", "--quiet", "--", "app", "wait-for", "/tmp/up"},
       {0, "added\n"}},
      {"those that a hook marks as down are not",
       {hook("10", "touch /etc/service/web/down"), kWeb},
       {"@", "--quiet", "--", "true"},
       {0, ""}},
  });
}

TEST_CASE("my_init: signals that it does not know have no effect, and reach nobody") {
  const std::vector<int> sent = {SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH, 34};
  const auto send_all = [=](Container& container) {
    container.wait_for("ready");
    for (const int signal : sent) container.signal(signal);
    container.signal(SIGTERM);
  };
  compare({
      {"with a main command",
       {},
       {"@", "--quiet", "--", "app", "print-signals"},
       {2, "ready\ngot 15 (1 times)\n*** Init system aborted.\n"},
       {},
       send_all},
      {"with services",
       {service("web", "exec app print-signals")},
       {"@", "--quiet"},
       {2, "ready\ngot 15 (1 times)\n*** Init system aborted.\n"},
       {},
       send_all},
  });
}

TEST_CASE("my_init: a second stop signal is ignored") {
  const auto stop_twice = [](int first, int second) {
    return [=](Container& container) {
      container.wait_for("ready");
      container.signal(first);
      container.wait_for("got 15");
      container.signal(second);
    };
  };
  const Options patient = {.env = {{"KILL_PROCESS_TIMEOUT", "1"}}};
  // It never ends by itself, and tells each signal that it gets.
  const std::string main = "app print-signals 10";
  const Outcome measured = {2, main_begins(main) + "ready\n*** Shutting down app (PID N)...\ngot 15 (1 times)\n" +
                                   "*** app (PID N) did not shut down in time. Forcing it to exit.\n" + kServicesEnd +
                                   kStopped};
  const Arguments command = {"@", "--", "app", "print-signals", "10"};
  compare({
      {"TERM, TERM", {}, command, measured, patient, stop_twice(SIGTERM, SIGTERM)},
      {"TERM, INT", {}, command, measured, patient, stop_twice(SIGTERM, SIGINT)},
  });
}

TEST_CASE("my_init: a stop signal during a stop that has begun because the main command has ended") {
  const std::string main = "sh -c app slow 300 left & app wait-for /tmp/go; exit 7";
  const std::string begins = main_begins(main) + "left: ready\n*** sh exited with status 7.\n" + kServicesEnd + kEnd +
                             "left: handle signal: terminated\n";
  const std::string kept = "it has ended with that code, and its stop goes on as it has begun";
  compare({
      {"while services are stopped",
       {service("web", "exec app slow 300 web"), kPost},
       {"@", "--quiet", "--", "sh", "-c", "app wait-for /tmp/go; exit 7"},
       {2, "web: ready\nweb: handle signal: terminated\n*** Init system aborted.\n"},
       {},
       [](Container& container) {
         go_after("web: ready")(container);
         stop_after("web: handle signal")(container);
       },
       {{kept, {7, "web: ready\nweb: handle signal: terminated\nweb: app exit normally\npost_shutdown\n"}}}},
      {"while everything else is told to end",
       {},
       {"@", "--", "sh", "-c", "app slow 300 left & app wait-for /tmp/go; exit 7"},
       {130, begins},
       {},
       [](Container& container) {
         go_after("left: ready")(container);
         stop_after("left: handle signal")(container);
       },
       {{kept, {7, begins + "left: app exit normally\n"}}}},
  });
}

TEST_CASE("my_init: a stop signal while a hook runs ends it, and nothing else is started") {
  const std::vector<Part> rest = {hook("20", "echo later ran"), kWeb, kPre, kPost};
  const auto image = [&](const Part& part) {
    std::vector<Part> parts = rest;
    parts.push_back(part);
    return parts;
  };
  const std::string begins = "*** Running /etc/my_init.d/10...\nhook: ready\n";
  const std::string aborting = "*** An error occurred. Aborting.\n*** Shutting down /etc/my_init.d/10 (PID N)...\n";
  compare({
      {"one that obeys",
       image(hook("10", "exec app app1 hook")),
       kMain,
       {2, begins + aborting + "hook: handle signal: terminated\nhook: app exit normally\n" + kStopped},
       {},
       stop_after("hook: ready")},
      {"one that does not",
       image(hook("10", "exec app app2 hook")),
       {"@"},
       {2, begins + aborting + "hook: handle signal: terminated\n" +
               "*** /etc/my_init.d/10 (PID N) did not shut down in time. Forcing it to exit.\n" + kStopped},
       {.env = {{"KILL_PROCESS_TIMEOUT", "1"}}},
       signal_after("hook: ready", SIGINT)},
  });
}

TEST_CASE("my_init: who does not end in time is killed") {
  const Options one_second = {.env = {{"KILL_PROCESS_TIMEOUT", "1"}, {"KILL_ALL_PROCESSES_TIMEOUT", "1"}}};
  const std::string too_late = "*** Not all processes have exited in time. Forcing them to exit.\n";
  const std::string too_late_and_who =
      too_late + "*** process N (app), state S (sleeping), is still running after SIGTERM; sending SIGKILL\n";
  const std::string named = "who is deaf is named";
  const std::string leaves_somebody = "app app2 left & app wait-for /tmp/go; exit 7";
  const std::string main_leaves_somebody =
      main_begins("sh -c " + leaves_somebody) + "left: ready\n*** sh exited with status 7.\n" + kServicesEnd;
  compare({
      {"KILL_PROCESS_TIMEOUT: the main command",
       {},
       {"@", "--", "app", "app2"},
       {2, main_begins("app app2") + "ready\n*** Shutting down app (PID N)...\nhandle signal: terminated\n" +
               "*** app (PID N) did not shut down in time. Forcing it to exit.\n" + kServicesEnd + kStopped},
       one_second,
       stop_after("ready")},
      {"KILL_PROCESS_TIMEOUT: a service",
       {service("web", "exec app app2 web"), kPost},
       {"@"},
       {2, kServicesBegin + "web: ready\n" + kServicesEnd + "web: handle signal: terminated\n" + kPostRuns + kStopped},
       one_second,
       stop_after("ready"),
       {{named,
         {2, kServicesBegin + "web: ready\n" + kServicesEnd + "web: handle signal: terminated\n" +
                 "*** web: still running 1 s after SIGTERM; sending SIGKILL\n" + kPostRuns + kStopped}}}},
      {"KILL_ALL_PROCESSES_TIMEOUT: everything else, after SIGTERM",
       {hook("10", "app app2 left & app wait-for /tmp/go")},
       kMain,
       {2, "*** Running /etc/my_init.d/10...\nleft: ready\n" + kMainRuns + main_obeys() + kServicesEnd + kStopped +
               "left: handle signal: terminated\n" + too_late},
       one_second,
       [](Container& container) {
         go_after("left: ready")(container);
         stop_after("\nready")(container);
       },
       {{named,
         {2, "*** Running /etc/my_init.d/10...\nleft: ready\n" + kMainRuns + main_obeys() + kServicesEnd + kStopped +
                 "left: handle signal: terminated\n" + too_late_and_who}}}},
      {"KILL_ALL_PROCESSES_TIMEOUT: after the main command has ended by itself",
       {},
       {"@", "--", "sh", "-c", leaves_somebody},
       {7, main_leaves_somebody + kEnd + "left: handle signal: terminated\n" + too_late},
       one_second,
       go_after("left: ready"),
       {{named, {7, main_leaves_somebody + kEnd + "left: handle signal: terminated\n" + too_late_and_who}}}},
      {"--no-kill-all-on-exit: nobody is told anything",
       {},
       {"@", "--no-kill-all-on-exit", "--", "sh", "-c", leaves_somebody},
       {7, main_leaves_somebody},
       {},
       go_after("left: ready")},
      {"--no-kill-all-on-exit, stopped",
       {hook("10", "app daemon left")},
       {"@", "--no-kill-all-on-exit", "--", "app", "app1"},
       {2, "*** Running /etc/my_init.d/10...\nleft: ready\n" + kMainRuns + main_obeys() + kServicesEnd +
               "*** Init system aborted.\n"},
       {},
       stop_after("\nready")},
      {"a script of the shutdown has as long, and not as cinit's own",
       {program("/etc/my_init.pre_shutdown.d/10", "sleep 2.3; echo whole"), kPost},
       {"@", "--quiet", "--", "true"},
       {0, "whole\npost_shutdown\n"}},
  });
}

TEST_CASE("my_init: what has for ever to end is not killed") {
  // Four times the last one would be more nanoseconds than there is room for.
  for (const char* seconds : {"0", "1000000000", "4000000000"}) {
    compare({
        {std::string(seconds) + " seconds",
         {hook("10", "app slow 300 left &"), service("web", "exec app slow 300 web")},
         {"@", "--quiet", "--", "app", "slow", "300", "main"},
         {2, "left: ready\nweb: ready\nmain: ready\nmain: handle signal: terminated\nmain: app exit normally\n" +
                 kWebEnds + "left: handle signal: terminated\nleft: app exit normally\n*** Init system aborted.\n"},
         {.env = {{"KILL_PROCESS_TIMEOUT", seconds}, {"KILL_ALL_PROCESSES_TIMEOUT", seconds}}},
         [](Container& container) {
           container.wait_for("ready", 3);
           container.signal(SIGTERM);
         },
         {},
         true},
    });
  }
}

TEST_CASE("my_init, whose children all ignore SIGPIPE and SIGXFSZ: no signal is ignored or blocked in what it starts") {
  const std::string show = "echo $0 $(grep -E 'Sig(Blk|Ign)' /proc/self/status)";
  const auto all = [&](const std::string& normal, const std::string& stopping) {
    const auto line = [](const std::string& who, const std::string& ignored) {
      return who + " SigBlk: 0000000000000000 SigIgn: " + ignored + "\n";
    };
    return line("/etc/my_init.d/10", normal) + line("./run", normal) + line("sh", normal) +
           line("/etc/my_init.pre_shutdown.d/10", stopping) + line("/etc/my_init.post_shutdown.d/10", stopping) +
           "*** Init system aborted.\n";
  };
  compare({{"in the boot and in the stop",
            {hook("10", show), service("web", show + "; touch /tmp/up; exec app wait-for /never"),
             program("/etc/my_init.pre_shutdown.d/10", show), program("/etc/my_init.post_shutdown.d/10", show)},
            {"@", "--quiet", "--", "sh", "-c", "app wait-for /tmp/up; " + show + "; exec app wait-for /never"},
            {2, all("0000000001001000", "0000000001005002")},
            {},
            [](Container& container) {
              container.wait_for("sh SigBlk");
              container.signal(SIGTERM);
            },
            {{"they start as if there were no init", {2, all("0000000000000000", "0000000000000000")}}}}});
}

TEST_CASE("my_init, which kills its neighbours then: it is not PID 1") {
  compare({
      {"neighbours are left alone",
       {},
       {"sh", "-c",
        "app app1 neighbour & app wait-for /tmp/go; \"$0\" --quiet -- sh -c 'app daemon left; exit 3'; echo code $?; "
        "app wait-for /tmp/end",
        "@"},
       {0,
        "neighbour: ready\nleft: ready\nneighbour: handle signal: terminated\nneighbour: app exit normally\n"
        "left: handle signal: terminated\nleft: app exit normally\ncode 3\n"},
       {},
       [](Container& container) {
         container.wait_for("neighbour: ready");
         container.exec({"touch", "/tmp/go"});
         container.wait_for("code 3");
         container.exec({"touch", "/tmp/end"});
       },
       {{"only PID 1 may speak to everybody",
         {0, "neighbour: ready\nleft: ready\nleft: handle signal: terminated\nleft: app exit normally\ncode 3\n"}}},
       true},
  });
}

TEST_CASE("my_init, when it is not PID 1: what looks after the services is told of with its own pid") {
  Container container;
  container.link("cinit", "/sbin/my_init");
  container.start({"sh", "-c", "my_init -- sh -c 'echo parent $PPID.'; echo code $?"});
  CHECK(container.wait_exit().code == 0);
  const std::string log = container.log();
  const std::size_t begin = log.find("\nparent ");
  REQUIRE(begin != std::string::npos);
  const std::size_t number = begin + std::string("\nparent ").size();
  const std::string pid = log.substr(number, log.find('.', number) - number);
  CHECK(pid != "1");
  CHECK(container.logged("*** Runit started as PID " + pid + "\n"));
  CHECK(container.logged("*** Shutting down runit daemon (PID " + pid + ")...\n"));
}

TEST_CASE("my_init, which does not, when it is not PID 1: orphans of its own are reaped") {
  Container container;
  container.link("cinit", "/sbin/my_init");
  container.start({"sh", "-c",
                   "my_init --quiet -- sh -c 'for i in $(seq 9); do (true &); done; echo left; app wait-for /tmp/end'; "
                   "echo code $?"});
  container.wait_for("left");
  container.wait_until([&] { return container.zombies() == 0; }, "the orphans are reaped");
  CHECK(container.processes().size() >= 3);
  container.exec({"touch", "/tmp/end"});
  container.wait_exit();
  CHECK(container.log() == "left\ncode 0\n");
}

TEST_CASE("my_init, which waits for ever: a script before the stop that does not end has KILL_PROCESS_TIMEOUT") {
  Container container;
  container.link("cinit", "/sbin/my_init");
  for (const Part& part : {program("/etc/my_init.pre_shutdown.d/10", "exec app app2 script"), kWeb, kPost})
    part(container);
  container.start({"my_init", "--quiet"}, {.env = {{"KILL_PROCESS_TIMEOUT", "1"}}}).wait_for("web: ready");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 2);
  CHECK(end.took >= 2s);
  CHECK(in_order(container.log(), {"script: ready\n", "web: handle signal: terminated\n",
                                   "/etc/my_init.pre_shutdown.d/10 (PID ", "post_shutdown\n"}));
}

TEST_CASE("my_init, which needs 5 s for it: a main command that ends at once") {
  Container container;
  container.link("cinit", "/sbin/my_init");
  kWeb(container);
  container.start({"my_init", "--", "true"});
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 3s);
}

TEST_CASE("my_init, which looks for new services every 5 s: nothing happens, nothing is done") {
  Container container;
  container.link("cinit", "/sbin/my_init");
  kWeb(container);
  container.start({"my_init"}).wait_for("web: ready");
  const auto is_idle = [&] { return container.processes().front().state == 'S'; };
  container.wait_until(is_idle, "it sleeps");
  const long before = container.effort().waits;
  container.watch_for(6s);
  CHECK(container.effort().waits == before);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 2);
}

TEST_CASE("my_init, whom it would end as well: Ctrl-C reaches the main command alone") {
  Container container;
  container.link("cinit", "/sbin/my_init");
  container.start({"my_init", "--quiet", "--", "app", "print-signals"}, kTerminal);
  container.wait_for("ready");
  container.write("\x03");
  container.wait_for("got 2 (1 times)");
  container.signal(SIGTERM);
  container.wait_for("got 15");
  CHECK(container.wait_exit().code == 2);
  CHECK(!container.logged("got 2 (2 times)"));
}

TEST_CASE("beside cinit in the place of my_init, cinit status and the like work") {
  Container container;
  container.link("cinit", "/sbin/my_init");
  kWeb(container);
  container.start({"my_init"}).wait_for("web: ready");
  const cinit::e2e::Output status = container.exec({"cinit", "status", "web"});
  CHECK(status.code == 0);
  CHECK(status.text.find("running") != std::string::npos);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 2);
}

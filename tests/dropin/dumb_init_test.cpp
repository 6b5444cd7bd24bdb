// dumb-init, row by row.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>

#include "comparison.hpp"

using namespace cinit::dropin_test;

namespace {

constexpr const char* kDumbInit = "/usr/bin/dumb-init";

void end_with_file(Container& container, std::string_view last_line) {
  container.wait_for(last_line);
  container.exec({"touch", "/tmp/done"});
}

// Next to a shell that is PID 1: a job control signal suspends dumb-init, too.
void suspend_itself(Container& container) {
  container.wait_for("ready");
  const auto find = [&] {
    const std::vector<cinit::e2e::Process> all = container.processes();
    return *std::find_if(all.begin(), all.end(), [](const auto& one) { return one.command.starts_with("/drop/"); });
  };
  kill(find().host_pid, SIGTSTP);
  container.wait_for("got 20");
  container.wait_until([&] { return find().state == 'T'; }, "it is suspended");
  kill(find().host_pid, SIGCONT);
  end_with_file(container, "got 18");
}

}  // namespace

TEST_CASE("dumb-init: exit codes") {
  compare(kDumbInit, {
                         {"success", {"@", "true"}},
                         {"a code", {"@", "--", "app", "exit", "3"}},
                         {"killed", {"@", "app", "raise", "9"}},
                         {"ended by a fault", {"@", "app", "raise", "11"}},
                         {"with -c", {"@", "-c", "app", "raise", "15"}},
                         {"a script without a shebang",
                          script("echo 'echo a script; exit 9' >/tmp/s; chmod +x /tmp/s; exec \"$0\" /tmp/s")},
                         {"no such program", {"@", "nosuch"}},
                         {"no such file, with -c", {"@", "-c", "/no/such"}},
                         {"a directory", {"@", "/etc"}},
                         {"a path through a file", {"@", "/etc/passwd/x"}},
                     });
}

TEST_CASE("dumb-init: the command line") {
  compare(kDumbInit, {
                         {"-V", {"@", "-V"}},
                         {"-V: on standard error", script("\"$0\" -V 2>/dev/null; echo $?")},
                         {"--vers", {"@", "--vers"}},
                         {"-h: on standard error",
                          script("\"$0\" -h 2>/dev/null; echo $?; \"$0\" --help 2>&1 | grep -c '^Usage: '")},
                         {"nothing", {"@"}},
                         {"options alone", {"@", "-c", "--"}},
                         {"an unknown option", {"@", "-x", "true"}},
                         {"an unknown long option", {"@", "--foo", "true"}},
                         {"an ambiguous abbreviation", {"@", "--ver", "true"}},
                         {"an abbreviation", {"@", "--sing", "true"}},
                         {"a value too much", {"@", "--verbose=3", "true"}},
                         {"a value is missing", {"@", "-r"}},
                         {"a value is missing, long", {"@", "--rewrite"}},
                         {"-r: no signal", {"@", "-r", "0:3", "true"}},
                         {"-r: beyond 31", {"@", "-r", "32:3", "true"}},
                         {"-r: to beyond 31", {"@", "-r", "3:32", "true"}},
                         {"-r: a name", {"@", "-r", "TERM:3", "true"}},
                         {"-r: one number", {"@", "-r", "3", "true"}},
                         {"-r: empty", {"@", "-r", "", "true"}},
                         {"-r: something behind", {"@", "-r", "15:3x", "true"}},
                         {"options in one word", {"@", "-cr15:3", "true"}},
                         {"options behind the program", {"@", "echo", "-v", "--", "-c"}},
                     });
}

TEST_CASE("dumb-init: what it says") {
  compare(
      kDumbInit,
      {
          {"nothing", {"@", "true"}},
          {"-v", {"@", "-v", "app", "exit", "3"}, {}, {}, {}, true},
          {"-v -c", {"@", "-v", "-c", "app", "raise", "9"}, {}, {}, {}, true},
          {"-v -r", {"@", "-v", "-r", "15:10", "-r", "1:0", "app", "print-signals", "10"}, {}, send({1, 2}), {}, true},
          {"DUMB_INIT_DEBUG=1", {"@", "true"}, env({{"DUMB_INIT_DEBUG", "1"}}), {}, {}, true},
          {"DUMB_INIT_DEBUG=yes", {"@", "true"}, env({{"DUMB_INIT_DEBUG", "yes"}})},
          {"-v on a terminal", {"@", "-v", "app", "print-signals"}, kTerminal, send({SIGUSR1}), {}, true},
          {"-v on a terminal whose session somebody else leads",
           script("\"$0\" -v true; true"),
           kTerminal,
           {},
           {},
           true},
          {"-v: a program that is not there",
           {"@", "-v", "-c", "nosuch"},
           {},
           {},
           {{"there is no child that did not become the program",
             {2,
              "[dumb-init] A child with PID N exited with exit status 2.\n[dumb-init] Child exited with status 2. "
              "Goodbye.\n"
              "[dumb-init] Child spawned with PID N.\n[dumb-init] Forwarded signal 15 to children.\n"
              "[dumb-init] Received signal 17.\n[dumb-init] nosuch: No such file or directory\n"},
             {2, "[dumb-init] nosuch: No such file or directory\n"}}},
           true},
      });
}

TEST_CASE("dumb-init: signals") {
  const std::vector<int> others = all_signals({SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU});
  const Arguments print{"@", "app", "print-signals"};
  compare(
      kDumbInit,
      {
          {"each reaches the program once", print, {}, send(others)},
          {"with -c, those of job control, too", {"@", "-c", "app", "print-signals"}, {}, send(all_signals({SIGTERM}))},
          {"SIGTSTP", print, {}, suspend_and_resume(SIGTSTP)},
          {"SIGTTIN", print, {}, suspend_and_resume(SIGTTIN)},
          {"SIGTTOU", print, {}, suspend_and_resume(SIGTTOU)},
          {"the whole group", {"@", "app", "pair"}, {}, stop_pair(2), {}, true},
          {"with -c the program alone", {"@", "-c", "app", "pair"}, {}, stop_pair(1), {}, true},
          {"DUMB_INIT_SETSID=0", {"@", "app", "pair"}, env({{"DUMB_INIT_SETSID", "0"}}), stop_pair(1), {}, true},
          {"DUMB_INIT_SETSID=no", {"@", "app", "pair"}, env({{"DUMB_INIT_SETSID", "no"}}), stop_pair(2), {}, true},
          {"-r", {"@", "-r", "15:2", "app", "print-signals", "2"}, {}, send({1})},
          {"-r: to 0", {"@", "-r", "2:0", "--rewrite=10:0", "app", "print-signals"}, {}, send({1, 2, 10, 12})},
          {"-r: the last one wins", {"@", "-r", "1:2", "-r", "1:3", "app", "print-signals"}, {}, send({1, 4})},
          {"-r: SIGTSTP as it is", {"@", "-r", "20:20", "app", "print-signals"}, {}, send({20})},
          {"-r: SIGCHLD", {"@", "-r", "17:10", "app", "print-signals"}, {}, send({17})},
          {"a hang-up that comes later is passed on", print, kTerminal, send({SIGUSR2, 1, 18, 1})},
          {"not PID 1: it suspends itself",
           script("\"$0\" -c app print-signals 18 & exec app wait-for /tmp/done"),
           {},
           suspend_itself},
          {"not PID 1: the same with a session",
           script("\"$0\" -r 20:20 app print-signals 18 & exec app wait-for /tmp/done"),
           {},
           suspend_itself},
      });
}

TEST_CASE("dumb-init: what the program starts with") {
  const Arguments inherited{"app",       "with",      "block=10",  "block=40", "ignore=1",
                            "ignore=17", "ignore=21", "ignore=41", "fd=7",     "--"};
  const auto with = [&](Arguments command) {
    command.insert(command.begin(), inherited.begin(), inherited.end());
    return command;
  };
  compare(
      kDumbInit,
      {
          {"its place", {"@", "app", "place"}},
          {"its place, with -c", {"@", "-c", "app", "place"}},
          {"masks, ignored signals and descriptors, inherited", with({"@", "app", "place"})},
          {"the same with -c", with({"@", "-c", "app", "place"})},
          {"LISTEN_PID stays", {"@", "app", "place"}, env({{"LISTEN_PID", "1"}})},
          {"its directory, and that of PID 1",
           script("cd /tmp; exec \"$0\" sh -c 'pwd; until [ $(cd -P /proc/1/cwd; pwd) = / ]; do :; done'")},
          {"on a terminal", {"@", "app", "place"}, kTerminal},
          {"on a terminal, with -c", {"@", "-c", "app", "place"}, kTerminal},
          {"on a terminal that is not its input", {"app", "with", "no-stdin=0", "--", "@", "app", "place"}, kTerminal},
          {"on a terminal that is somebody else's", script("\"$0\" app place; true"), kTerminal},
          {"on a terminal that is somebody else's, with -c", script("\"$0\" -c app place; true"), kTerminal},
      });
}

TEST_CASE("dumb-init: the end") {
  const auto leave_behind = [](const std::string& options) {
    return script("\"$0\" " + options +
                  " app with block=15 -- sh -c 'app app1 rest & exit 3'; echo code $?; app wait-for /tmp/done");
  };
  const auto after = [](std::string_view line) {
    return [=](Container& container) { end_with_file(container, line); };
  };
  compare(
      kDumbInit,
      {
          {"what is left in the group gets SIGTERM", leave_behind(""), {}, after("rest: app exit normally"), {}, true},
          {"with -c it gets nothing", leave_behind("-c"), {}, after("rest: ready"), {}, true},
          {"nor with that signal rewritten to 0", leave_behind("-r 15:0"), {}, after("rest: ready"), {}, true},
          {"nobody is waited for", {"@", "sh", "-c", "app wait-for /never & exit 6"}},
      });
}

TEST_CASE("dumb-init: a terminal's keys and its end") {
  compare(kDumbInit, {
                         {"Ctrl-C", {"@", "app", "print-signals"}, kTerminal, interrupt},
                         {"it hangs up",
                          {"@", "sh", "-c", "exec app print-signals 18 >/shared/log"},
                          kTerminal,
                          hang_up,
                          {},
                          false,
                          "log"},
                         {"it hangs up, with -c",
                          {"@", "-c", "sh", "-c", "exec app print-signals 18 >/shared/log"},
                          kTerminal,
                          hang_up,
                          {},
                          false,
                          "log"},
                     });
}

TEST_CASE("dumb-init -c, which sends it twice: Ctrl-C reaches the program once") {
  const Row row{"", {"@", "-c", "app", "print-signals"}, kTerminal, interrupt};
  CHECK(run_ours(kDumbInit, row).log == "ready\n^Cgot 2 (1 times)\ngot 12 (1 times)\ngot 15 (1 times)\n");
}

TEST_CASE("dumb-init, which loses them: signals that come before the program runs reach it") {
  const Row row{"", {"app", "with", "raise=10", "--", "@", "app", "print-signals", "10"}};
  // The program begins with no signal blocked, so it may die of this one before it is ready for it.
  const Outcome ours = run_ours(kDumbInit, row);
  CHECK((ours.code == 0 || ours.code == 138));
}

// tini, row by row. docker-init is the same program.
#include <doctest/doctest.h>

#include <stdexcept>

#include "comparison.hpp"
#include "spawn.hpp"

using namespace cinit::dropin_test;
using namespace std::chrono_literals;

namespace {

constexpr const char* kTini = "/usr/bin/tini-static";

// A shell starts it, and ends when the program runs.
const char* const kParentEnds =
    "app with block=10 -- sh -c '\"$0\" -s -p SIGUSR1 -- sh -c \"touch /tmp/ready; exec app print-signals 10\" & "
    "app wait-for /tmp/ready' \"$0\"; app wait-for /tmp/done";

void wait_for_end_of_parent(Container& container) {
  container.wait_for("got 10");
  container.exec({"touch", "/tmp/done"});
}

// How often a process has gone to sleep.
long context_switches(pid_t pid) {
  const std::string status = cinit::e2e::read_file("/proc/" + std::to_string(pid) + "/status");
  const std::string key = "\nvoluntary_ctxt_switches:\t";
  const std::size_t at = status.find(key);
  return at == std::string::npos ? -1 : std::stol(status.substr(at + key.size()));
}

}  // namespace

TEST_CASE("tini: exit codes") {
  compare(kTini, {
                     {"success", {"@", "--", "true"}},
                     {"a code", {"@", "--", "sh", "-c", "exit 3"}},
                     {"the largest code", {"@", "--", "app", "exit", "255"}},
                     {"without --", {"@", "app", "exit", "4"}},
                     {"a script without a shebang",
                      script("echo 'echo a script; exit 9' >/tmp/s; chmod +x /tmp/s; exec \"$0\" /tmp/s")},
                     {"killed", {"@", "--", "app", "raise", "9"}},
                     {"ended by SIGTERM", {"@", "--", "app", "raise", "15"}},
                     {"ended by a fault", {"@", "--", "app", "raise", "11"}},
                     {"ended by a real-time signal", {"@", "--", "app", "raise", "40"}},
                     {"no such program", {"@", "--", "nosuch"}},
                     {"no such file", {"@", "--", "/no/such"}},
                     {"a directory", {"@", "--", "/etc"}},
                     {"not executable", {"@", "--", "/etc/passwd"}},
                     {"a path through a file", {"@", "--", "/etc/passwd/x"}},
                     {"-e: the code", {"@", "-e", "3", "--", "app", "exit", "3"}},
                     {"-e: another code", {"@", "-e", "3", "--", "app", "exit", "4"}},
                     {"-e: a signal", {"@", "-e", "143", "--", "app", "raise", "15"}},
                     {"-e: attached, and more than one", {"@", "-e143", "-e", "5", "app", "exit", "5"}},
                     {"-e: of a program that is not there", {"@", "-e", "127", "--", "nosuch"}},
                     {"-e: empty is 0", {"@", "-e", "", "--", "app", "exit", "1"}},
                     {"-e: too large", {"@", "-e", "256", "--", "true"}},
                     {"-e: negative", {"@", "-e", "-1", "--", "true"}},
                     {"-e: no number", {"@", "-e", "3x", "--", "true"}},
                 });
}

TEST_CASE("tini: the command line") {
  const std::string usage = "2>&1 >/dev/null | grep -c 'supervision of a valid init process'; ";
  compare(
      kTini,
      {
          {"--version, as Docker reads it", script("\"$0\" --version | grep -o '^tini version 0.19.0'")},
          {"--version with anything else", script("\"$0\" --version -s 2>/dev/null; echo $?")},
          {"-h: on standard output", script("\"$0\" -h 2>/dev/null | grep -c 'supervision of a valid init process'")},
          {"-h: its code", script("\"$0\" -h >/dev/null 2>&1; echo $?")},
          {"-l: its code", script("\"$0\" -l >/dev/null; echo $?")},
          {"nothing: usage on standard error", script("\"$0\" " + usage)},
          {"nothing: its code", script("\"$0\" 2>/dev/null; echo $?")},
          {"an unknown option: the message", script("\"$0\" -x true 2>&1 | head -n 1")},
          {"an unknown option: its code, and usage",
           script("\"$0\" -x true " + usage + "\"$0\" -x 2>/dev/null; echo $?")},
          {"a long option", script("\"$0\" --help 2>&1 | head -n 1; \"$0\" --help 2>/dev/null; echo $?")},
          {"a value is missing", script("\"$0\" -p 2>&1 | head -n 1; \"$0\" -p 2>/dev/null; echo $?")},
          {"options in one word", {"@", "-gwe7", "app", "exit", "7"}},
          {"a dash is no option", {"@", "-", "true"}},
          {"options behind --", {"@", "--", "echo", "-v", "-g"}},
          {"-p: no such signal", {"@", "-p", "SIGFOO", "--", "true"}},
          {"-p: a number", {"@", "-p", "9", "--", "true"}},
          {"-p: without SIG", {"@", "-p", "TERM", "--", "true"}},
          {"-p: SIGIO",
           {"@", "-p", "SIGIO", "--", "echo", "runs"},
           {},
           {},
           {{"every standard signal has a name",
             {1, "[FATAL tini (N)] Not a valid option for -p: SIGIO\n"},
             {0, "runs\n"}}}},
          {"options behind the program",
           script("\"$0\" echo -s x 2>/dev/null"),
           {},
           {},
           {{"options end at the program: nobody's -s is eaten", {0, "x\n"}, {0, "-s x\n"}}}},
          {"an option of the program that tini does not have",
           script("\"$0\" sh -c 'exit 7' 2>/dev/null; echo $?"),
           {},
           {},
           {{"options end at the program", {0, "1\n"}, {0, "7\n"}}}},
          {"a file with a NUL in its first line",
           script(
               "printf 'echo runs #\\0\\n' >/tmp/file; chmod 755 /tmp/file; \"$0\" -s /tmp/file 2>/dev/null; echo $?"),
           {},
           {},
           {{"what is no text is never given to a shell", {0, "runs\n0\n"}, {0, "126\n"}}}},
          {"without PATH, a program in /sbin",
           script("unset PATH; exec \"$0\" -s -- cinit --version | /bin/grep -o 'cinit [0-9]'"),
           {},
           {},
           {{"cinit's default PATH has the directories of root, too",
             {1, "[FATAL tini (N)] exec cinit failed: No such file or directory\n"},
             {0, "cinit 0\n"}}}},
      });
}

TEST_CASE("tini: what it says") {
  const std::string not_init = "\"$0\" true 2>&1 | head -n 1";
  compare(
      kTini,
      {
          {"not PID 1", script(not_init)},
          {"not PID 1, with -s", script("\"$0\" -s true; echo $?")},
          {"not PID 1, with an empty TINI_SUBREAPER", script("\"$0\" true; echo $?"), env({{"TINI_SUBREAPER", ""}})},
          {"not PID 1, quietly", script("\"$0\" true; echo $?"), env({{"TINI_VERBOSITY", "0"}})},
          {"a verbosity that is no number is 0", script("\"$0\" -v true; echo $?"), env({{"TINI_VERBOSITY", "x"}})},
          {"as PID 1 nothing", {"@", "true"}},
          {"fatal errors at any verbosity", {"@", "nosuch"}, env({{"TINI_VERBOSITY", "0"}})},
          {"-w: an orphan is reaped",
           {"@", "-w", "--", "sh", "-c", "(true &); exec app wait-for /never"},
           {},
           [](Container& container) {
             container.wait_for("Reaped");
             container.signal(SIGTERM);
           }},
          {"-w, quietly",
           {"@", "-w", "--", "sh", "-c", "(true &); echo left; exec app wait-for /never"},
           env({{"TINI_VERBOSITY", "0"}}),
           [](Container& container) {
             container.wait_for("left");
             container.wait_until([&] { return container.processes().size() == 2; }, "the orphan is reaped");
             container.signal(SIGTERM);
           }},
          {"-v: on standard output, with its level",
           script("\"$0\" -s -v true 2>/dev/null | grep -o '^.INFO  tini' | sort -u")},
          {"TINI_VERBOSITY wins", script("\"$0\" -s true 2>/dev/null | grep -o '^.DEBUG tini' | sort -u"),
           env({{"TINI_VERBOSITY", "3"}})},
          {"-v: its words",
           script("\"$0\" -s -v true | head -n 1"),
           {},
           {},
           {{"the words of INFO and DEBUG are cinit's own",
             {0, "[INFO  tini (N)] Spawned child process 'true' with pid 'N'\n"},
             {0, "[INFO  tini (N)] started true as process N\n"}}}},
      });
}

TEST_CASE("tini: signals") {
  compare(kTini,
          {
              {"each reaches the program once", {"@", "--", "app", "print-signals"}, {}, send(all_signals({SIGTERM}))},
              {"-g: the whole group", {"@", "-g", "--", "app", "pair"}, {}, stop_pair(2), {}, true},
              {"TINI_KILL_PROCESS_GROUP=0",
               {"@", "--", "app", "pair"},
               env({{"TINI_KILL_PROCESS_GROUP", "0"}}),
               stop_pair(2),
               {},
               true},
              {"without it the program alone", {"@", "--", "app", "pair"}, {}, stop_pair(1), {}, true},
              {"a suspended program", {"@", "--", "app", "app1"}, {}, suspend_and_resume(SIGTSTP)},
              {"not PID 1: a fault signal ends it", script("app with raise=11 -- \"$0\" -s true; echo $?")},
              {"-p: the parent ends", script(kParentEnds), {}, wait_for_end_of_parent},
          });
}

TEST_CASE("tini: what the program starts with") {
  compare(kTini,
          {
              {"its place", {"@", "--", "app", "place"}},
              {"inherited masks and ignored signals",
               {"app", "with", "block=10", "block=40", "ignore=1", "ignore=13", "--", "@", "--", "app", "place"}},
              {"TTIN and TTOU, inherited", {"app", "with", "ignore=21", "block=22", "--", "@", "--", "app", "place"}},
              {"descriptors", {"app", "with", "fd=7", "--", "@", "--", "app", "place"}},
              {"LISTEN_PID stays", {"@", "--", "app", "place"}, env({{"LISTEN_PID", "1"}})},
              {"not PID 1", script("\"$0\" -s -- app place; true")},
              {"directory and environment", {"@", "--", "sh", "-c", "pwd; echo $ORIGIN"}, env({{"ORIGIN", "kept"}})},
          });
}

TEST_CASE("tini: the end") {
  compare(kTini, {
                     {"what is left is not waited for", {"@", "--", "sh", "-c", "app wait-for /never & exit 6"}},
                     {"-g, not PID 1: what is left in the group gets no signal",
                      script("\"$0\" -sg -- app with block=15 -- sh -c 'app app1 rest & exit 3'; echo code $?; app "
                             "wait-for /tmp/done"),
                      {},
                      [](Container& container) {
                        container.wait_for("rest: ready");
                        container.exec({"touch", "/tmp/done"});
                      },
                      {},
                      true},
                     {"not PID 1: what is left lives on",
                      script("\"$0\" -s -- app daemon left; echo code $?; ps -o args | grep -c '^app daemon'")},
                 });
}

TEST_CASE("tini: on a terminal") {
  compare(
      kTini,
      {
          {"its place", {"@", "--", "app", "place"}, kTerminal},
          {"its input is not the terminal", {"app", "with", "no-stdin=0", "--", "@", "--", "app", "place"}, kTerminal},
          {"Ctrl-C", {"@", "--", "app", "print-signals"}, kTerminal, interrupt},
          {"Ctrl-C, with -g", {"@", "-g", "--", "app", "print-signals"}, kTerminal, interrupt},
          {"an interactive shell",
           {"@", "--", "sh", "-i"},
           kTerminal,
           [](Container& container) {
             container.wait_for("# ");
             container.write("exit 5\n");
           }},
          {"it hangs up",
           {"@", "--", "sh", "-c", "exec app print-signals 18 >/shared/log"},
           kTerminal,
           hang_up,
           {},
           false,
           "log"},
          {"in the background of a shell",
           script("set -m; \"$0\" -s -- sh -c 'app place | grep foreground' & wait"),
           kTerminal,
           {},
           {{"a terminal that somebody else has is not taken away",
             {0, "foreground: own\nits foreground: own\n"},
             {0, "foreground: another\nits foreground: another\n"}}}},
      });
}

TEST_CASE("tini, which loses them: signals that come before the program runs reach it") {
  const Row row{"", {"app", "with", "raise=10", "--", "@", "-g", "--", "app", "print-signals", "10"}};
  const Outcome ours = run_ours(kTini, row);
  CHECK(ours.code == 0);
  CHECK(ours.log == "ready\ngot 10 (1 times)\n");
}

TEST_CASE("tini, which never ends then: SIGCHLD was inherited as ignored") {
  const Row row{"", {"app", "with", "ignore=17", "--", "@", "--", "app", "exit", "3"}};
  CHECK(run_ours(kTini, row).code == 3);
  // It wakes up once a second to look.
  const auto outlive = [](Container& container) {
    container.wait_until([&] { return container.processes().size() == 1; }, "the program has ended");
    container.watch_for(1500ms);
    if (container.running()) throw std::runtime_error("it does not end");
  };
  CHECK_THROWS_WITH(run_original(kTini, {"", row.command, {}, outlive}), "it does not end");
}

TEST_CASE("tini, which wakes up every second: nothing happens, nothing is done") {
  long original = 0;
  long ours = 0;
  const auto idle = [](long& wake_ups) {
    return Row{"", {"@", "--", "app", "app1"}, {}, [&](Container& container) {
                 container.wait_for("ready");
                 container.wait_until([&] { return container.processes().front().state == 'S'; }, "it sleeps");
                 const long before = context_switches(container.host_pid());
                 container.watch_for(2500ms);
                 wake_ups = context_switches(container.host_pid()) - before;
                 container.signal(SIGTERM);
               }};
  };
  run_original(kTini, idle(original));
  run_ours(kTini, idle(ours));
  CHECK(original >= 2);
  CHECK(ours == 0);
}

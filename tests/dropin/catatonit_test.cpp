// catatonit, row by row.
#include <doctest/doctest.h>

#include "comparison.hpp"

using namespace cinit::dropin_test;

namespace {

constexpr const char* kCatatonit = "/usr/bin/catatonit";

// What `app place` prints, from its signals on.
std::string place(const std::string& where, const std::string& descriptors, const std::string& blocked,
                  const std::string& ignored = "0000000000000000") {
  return "parent: PID N\ngroup: own\nsession: the parent's\n" + where + "descriptors: " + descriptors + "\nSigBlk:\t" +
         blocked + "\nSigIgn:\t" + ignored + "\nSigCgt:\t0000000000000000\nend of place\n";
}

// The original leaves three signals blocked in the program.
Difference blocked(const std::string& where, const std::string& descriptors = "0 1 2",
                   const std::string& original = "0000000000380000", const std::string& ours = "0000000000000000") {
  return {"TSTP, TTIN and TTOU are not left blocked in the program, so that Ctrl-Z works",
          {0, place(where, descriptors, original)},
          {0, place(where, descriptors, ours)}};
}

const std::string kNoTerminal = "foreground: nobody's\ncontrolling terminal: no\n";
const std::string kForeground = "foreground: own\ncontrolling terminal: yes\nits foreground: own\n";

// In pause mode, with an orphan to reap and signals that mean nothing.
std::function<void(Container&)> pause_until(int signal) {
  return [=](Container& container) {
    container.wait_until([&] { return container.processes().front().state == 'S'; }, "it sleeps");
    for (const int other : {SIGHUP, SIGUSR1, SIGQUIT, SIGTSTP}) container.signal(other);
    container.exec({"sh", "-c", "(true &)"});
    container.wait_until([&] { return container.processes().size() == 1; }, "the orphan is reaped");
    container.signal(signal);
  };
}

}  // namespace

TEST_CASE("catatonit: exit codes") {
  compare(kCatatonit, {
                          {"success", {"@", "true"}},
                          {"a code", {"@", "--", "app", "exit", "3"}},
                          {"killed", {"@", "app", "raise", "9"}},
                          {"ended by a fault", {"@", "app", "raise", "11"}},
                          {"a script without a shebang",
                           script("echo 'echo a script; exit 9' >/tmp/s; chmod +x /tmp/s; exec \"$0\" /tmp/s")},
                          {"no such program", {"@", "nosuch"}},
                          {"a directory", {"@", "/etc"}},
                          {"a path through a file", {"@", "/etc/passwd/x"}},
                          {"what is left is not waited for", {"@", "--", "sh", "-c", "app wait-for /never & exit 6"}},
                      });
}

TEST_CASE("catatonit: the command line") {
  compare(
      kCatatonit,
      {
          {"--version, as Docker reads it",
           script("\"$0\" --version | grep -o '^tini version '; \"$0\" -V 2>/dev/null | grep -o _catatonit")},
          {"-V: the version",
           {"@", "-V"},
           {},
           {},
           {{"cinit says which version it stands for, and who it is",
             {0, "tini version 0.1.7_catatonit\n"},
             {0, "tini version 0.2.1_catatonit - git.cinit - cinit 0.1.0\n"}}}},
          {"-h: on standard error", script("\"$0\" -h 2>/dev/null; echo $?; \"$0\" -h 2>&1 | head -n 1")},
          {"-L: its code", script("\"$0\" -L >/dev/null; echo $?")},
          {"nothing", {"@"}},
          {"an unknown option", {"@", "-x", "true"}},
          {"--help", {"@", "--help"}},
          {"options in one word",
           {"@", "-gV"},
           {},
           {},
           {{"the version",
             {0, "tini version 0.1.7_catatonit\n"},
             {0, "tini version 0.2.1_catatonit - git.cinit - cinit 0.1.0\n"}}}},
          {"options behind --", {"@", "--", "echo", "-g"}},
          {"options behind the program",
           {"@", "sh", "-c", "exit 7"},
           {},
           {},
           {{"options end at the program",
             {1,
              "/drop/catatonit: invalid option -- 'c'\nusage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n"},
             {7, ""}}}},
          {"CATATONIT_LOG", {"@", "true"}, env({{"CATATONIT_LOG", "x"}})},
          {"CATATONIT_LOG, before everything", {"@", "-V"}, env({{"CATATONIT_LOG", ""}})},
          {"CATATONIT_DEBUG, empty", script("\"$0\" true 2>&1 | grep -o '^DEBUG (catatonit:' | sort -u"),
           env({{"CATATONIT_DEBUG", ""}})},
      });
}

TEST_CASE("catatonit: signals") {
  compare(kCatatonit,
          {
              {"each reaches the program once", {"@", "app", "print-signals"}, {}, send(all_signals({SIGTERM}))},
              {"the program alone", {"@", "app", "pair"}, {}, stop_pair(1), {}, true},
              {"-g: the whole group", {"@", "-g", "app", "pair"}, {}, stop_pair(2), {}, true},
              {"not PID 1: a fault signal ends it", script("app with raise=11 -- \"$0\" true; echo $?")},
              {"-P: SIGTERM", {"@", "-P"}, {}, pause_until(SIGTERM)},
              {"-P: SIGINT", {"@", "-P"}, {}, pause_until(SIGINT)},
              {"-P: a program is not run", {"@", "-P", "echo", "runs"}, {}, pause_until(SIGTERM)},
          });
}

TEST_CASE("catatonit: what the program starts with") {
  compare(kCatatonit,
          {
              {"its place", {"@", "app", "place"}, {}, {}, {blocked(kNoTerminal)}},
              {"masks and descriptors, inherited",
               {"app", "with", "block=10", "block=40", "fd=7", "--", "@", "app", "place"},
               {},
               {},
               {blocked(kNoTerminal, "0 1 2 7", "0000008000380200", "0000008000000200")}},
              {"ignored signals, inherited",
               {"app", "with", "ignore=1", "ignore=13", "--", "@", "--", "sh", "-c", "app place | grep SigIgn"},
               {},
               {},
               {}},
              {"LISTEN_PID becomes its own",
               {"@", "--", "sh", "-c", "app place | grep -c LISTEN; echo $(($LISTEN_PID == $$))"},
               env({{"LISTEN_PID", "1"}})},
              {"a LISTEN_PID of somebody else stays",
               {"@", "--", "sh", "-c", "echo $LISTEN_PID"},
               env({{"LISTEN_PID", "77"}})},
              {"descriptors are closed in PID 1",
               {"app", "with", "fd=7", "--", "@", "--", "sh", "-c",
                "while [ -e /proc/1/fd/7 ]; do :; done; echo closed; [ -e /proc/$$/fd/7 ] && echo kept"}},
              {"its directory", script("cd /tmp; exec \"$0\" pwd")},
              {"on a terminal", {"@", "app", "place"}, kTerminal, {}, {blocked(kForeground)}},
              {"on a terminal that is not its input",
               {"app", "with", "no-stdin=0", "--", "@", "app", "place"},
               kTerminal,
               {},
               {blocked("foreground: nobody's\ncontrolling terminal: yes\nits foreground: own\n")}},
              {"not PID 1: orphans are its own",
               script("\"$0\" -- sh -c 'app daemon left; ps -o ppid,args | grep \"[0-9] app daemon\" | "
                      "while read p rest; do [ $p = 1 ] && echo to PID 1 || echo to it; done'; true")},
          });
}

TEST_CASE("catatonit: a terminal's keys and its end") {
  compare(kCatatonit, {
                          {"Ctrl-C", {"@", "app", "print-signals"}, kTerminal, interrupt},
                          {"it hangs up",
                           {"@", "--", "sh", "-c", "exec app print-signals 18 >/shared/log"},
                           kTerminal,
                           hang_up,
                           {},
                           false,
                           "log"},
                      });
}

TEST_CASE("catatonit, as of 0.2: PID 1 does not stay in the directory that it was started in") {
  const Row row{"", script("cd /tmp; exec \"$0\" -- sh -c 'until [ $(cd -P /proc/1/cwd; pwd) = / ]; do :; done; pwd'")};
  CHECK(run_ours(kCatatonit, row).log == "/tmp\n");
}

TEST_CASE("catatonit, which loses them: signals that come before the program runs reach it") {
  const Row row{"", {"app", "with", "raise=10", "--", "@", "-g", "app", "print-signals", "10"}};
  CHECK(run_ours(kCatatonit, row).log == "ready\ngot 10 (1 times)\n");
}

TEST_CASE("catatonit, which never ends then: SIGCHLD was inherited as ignored") {
  const Row row{"", {"app", "with", "ignore=17", "--", "@", "app", "exit", "3"}};
  CHECK(run_ours(kCatatonit, row).code == 3);
}

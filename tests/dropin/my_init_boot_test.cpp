// my_init, row by row: its command line, its phases and its hooks. Where the rows come from: my_init.hpp.
#include <doctest/doctest.h>

#include "my_init.hpp"

using namespace cinit::dropin_test;

namespace {

using cinit::e2e::Options;

// What is printed when the boot gets as far as `main`, which succeeds and has printed this.
std::string main_runs(const std::string& main = "true", const std::string& printed = "") {
  return kServicesBegin + "*** Running " + main + "...\n" + printed + "*** " + main.substr(0, main.find(' ')) +
         " exited with status 0.\n" + kServicesEnd + kEnd;
}

// A hook, and what it prints.
std::string runs(const std::string& name, const std::string& printed = "") {
  return "*** Running /etc/my_init.d/" + name + "...\n" + printed;
}

// A hook that fails. my_init puts an empty line behind it, which is left out here.
std::string fails(const std::string& name, const std::string& how) {
  return runs(name) + "*** /etc/my_init.d/" + name + " failed with status " + how + "\n";
}

std::string not_executable(const std::string& path) {
  return "*** " + path + " is not executable, so it is not run (chmod +x)\n";
}

Part linked(const std::string& target, const std::string& path) {
  return [=](Container& container) { container.link(target, path); };
}

// What `app place` prints.
std::string place(const std::string& group_and_session, const std::string& ignored) {
  return "parent: PID N\ngroup: " + group_and_session + "\nsession: " + group_and_session +
         "\nforeground: nobody's\ncontrolling terminal: no\ndescriptors: 0 1 2\nSigBlk:\t0000000000000000\nSigIgn:\t" +
         ignored + "\nSigCgt:\t0000000000000000\nend of place\n";
}

// For what must not be run.
const Part kLater = hook("99_later", "echo later ran");
const Part kWeb = service("web", "exec app app1 web");
const std::vector<Part> kAllThatMustNotRun = {kLater, kWeb, program("/etc/my_init.pre_shutdown.d/10", "echo pre ran"),
                                              program("/etc/my_init.post_shutdown.d/10", "echo post ran")};

std::vector<Part> before_all(const Part& part) {
  std::vector<Part> parts = kAllThatMustNotRun;
  parts.push_back(part);
  return parts;
}

}  // namespace

TEST_CASE("my_init: the phases") {
  const std::vector<Part> image = {hook("10_first", "echo first"),
                                   hook("20_second", "echo second"),
                                   program("/etc/rc.local", "echo rc.local"),
                                   service("web", "app wait-for /etc/go; echo up; exec app app1 web"),
                                   program("/etc/my_init.pre_shutdown.d/10", "echo pre_shutdown"),
                                   program("/etc/my_init.post_shutdown.d/10", "echo post_shutdown"),
                                   program("/bin/main", "touch /etc/go; app wait-for /tmp/go; echo main")};
  std::vector<Part> alone = image;
  alone.push_back(file("/etc/go", ""));
  const std::string hooks =
      runs("10_first", "first\n") + runs("20_second", "second\n") + "*** Running /etc/rc.local...\nrc.local\n";
  const std::string pre = "*** Running /etc/my_init.pre_shutdown.d/10...\npre_shutdown\n";
  const std::string post = "*** Running /etc/my_init.post_shutdown.d/10...\npost_shutdown\n";
  const std::string web_ends = "web: handle signal: terminated\nweb: app exit normally\n";
  const std::string to_main = hooks + kServicesBegin + "*** Running main...\nup\nweb: ready\n";
  const std::string from_main = "main\n*** main exited with status 0.\n" + pre;
  compare({
      {"all of them, with a main command that waits for the service",
       image,
       {"@", "--", "main"},
       {0, to_main + from_main + web_ends + kServicesEnd + post + kEnd},
       {},
       go_after("web: ready"),
       {{"it is said before the services are told to end, and not after",
         {0, to_main + from_main + kServicesEnd + web_ends + post + kEnd}}}},
      {"without a main command, until a signal",
       alone,
       {"@"},
       {2, hooks + kServicesBegin + "up\nweb: ready\n" + pre + web_ends + kServicesEnd + post + kStopped},
       {},
       stop_after("web: ready"),
       {{"it is said before the services are told to end, and not after",
         {2, hooks + kServicesBegin + "up\nweb: ready\n" + pre + kServicesEnd + web_ends + post + kStopped}}}},
      {"the main command is found by PATH", {}, {"@", "--", "true"}, {0, main_runs()}},
      {"nothing at all to run",
       {},
       {"@"},
       {2, kServicesBegin + kServicesEnd + kStopped},
       {},
       stop_after("Runit started")},
      {"kernel parameters are left alone",
       {file("/etc/sysctl.conf", "kernel.msgmax = 12345\n")},
       {"@", "--", "true"},
       {0, main_runs()},
       {.read_only_proc_sys = true}},
  });
}

TEST_CASE("my_init: which hooks run, and in which order") {
  compare({
      {"by code points, with dotfiles and editors' backups",
       {hook(".hidden", "echo 1"), hook("10_a", "echo 2"), hook("20_b", "echo 3"), hook("9_nine", "echo 4"),
        hook("Zed", "echo 5"), hook("foo.sh~", "echo 6")},
       {"@", "--", "true"},
       {0, runs(".hidden", "1\n") + runs("10_a", "2\n") + runs("20_b", "3\n") + runs("9_nine", "4\n") +
               runs("Zed", "5\n") + runs("foo.sh~", "6\n") + main_runs()}},
      {"links are followed, also into nothing",
       {program("/opt/hook", "echo linked"), linked("/opt/hook", "/etc/my_init.d/10"),
        linked("/no/such", "/etc/my_init.d/20"), linked("/opt", "/etc/my_init.d/30")},
       {"@", "--", "true"},
       {0, runs("10", "linked\n") + main_runs()}},
      {"a directory", {hook("10_directory/hook", "echo ran")}, {"@", "--", "true"}, {0, main_runs()}},
      {"a file that is not executable",
       {file("/etc/my_init.d/10", "#!/bin/sh\necho ran\n"), file("/etc/rc.local", "#!/bin/sh\necho ran\n")},
       {"@", "--", "true"},
       {0, main_runs()},
       {},
       {},
       {{"a forgotten chmod is named",
         {0, not_executable("/etc/my_init.d/10") + not_executable("/etc/rc.local") + main_runs()}}}},
      {"ENV_INIT_DIRECTORY",
       {kLater, program("/opt/hooks/10", "echo of opt"), program("/etc/rc.local", "echo rc.local")},
       {"@", "--", "true"},
       {0, "*** Running /opt/hooks/10...\nof opt\n*** Running /etc/rc.local...\nrc.local\n" + main_runs()},
       {.env = {{"ENV_INIT_DIRECTORY", "/opt/hooks"}}}},
      {"ENV_INIT_DIRECTORY, empty: no hook, but rc.local",
       {kLater, program("/etc/rc.local", "echo rc.local")},
       {"@", "--", "true"},
       {0, "*** Running /etc/rc.local...\nrc.local\n" + main_runs()},
       {.env = {{"ENV_INIT_DIRECTORY", ""}}}},
      {"ENV_INIT_DIRECTORY and the times are not taken from /etc/container_environment",
       {hook("10", "echo ran"), program("/opt/hooks/10", "echo of opt"), variable("ENV_INIT_DIRECTORY", "/opt/hooks"),
        variable("KILL_PROCESS_TIMEOUT", "no number")},
       {"@", "--", "true"},
       {0, runs("10", "ran\n") + main_runs()}},
      {"--skip-startup-files: neither hooks nor rc.local",
       {kLater, program("/etc/rc.local", "echo later ran"), program("/etc/my_init.pre_shutdown.d/10", "echo pre")},
       {"@", "--skip-startup-files", "--", "true"},
       {0, kServicesBegin + "*** Running true...\n*** true exited with status 0.\n" +
               "*** Running /etc/my_init.pre_shutdown.d/10...\npre\n" + kServicesEnd + kEnd}},
      {"--enable-insecure-key: its program first",
       {hook("10", "echo hook"), program("/usr/sbin/enable_insecure_key", "echo $# key")},
       {"@", "--enable-insecure-key", "--", "true"},
       {0, "*** Installing insecure SSH key for user root\n0 key\n" + runs("10", "hook\n") + main_runs()}},
      {"--enable-insecure-key with --skip-startup-files",
       {kLater, program("/usr/sbin/enable_insecure_key", "echo key")},
       {"@", "--enable-insecure-key", "--skip-startup-files", "--", "true"},
       {0, "*** Installing insecure SSH key for user root\nkey\n" + main_runs()}},
  });
}

TEST_CASE("my_init: how a hook runs") {
  compare({
      {"no arguments, and the directory of my_init",
       {hook("10", "echo $# $(pwd)"), program("/bin/in-home", "cd /home/app; exec my_init \"$@\"")},
       {"in-home", "--", "true"},
       {0, runs("10", "0 /home/app\n") + main_runs()}},
      {"standard input",
       {hook("10", "read line; echo got $line")},
       {"@", "--", "true"},
       {0, runs("10", "got something\n") + main_runs()},
       {.piped_input = true},
       [](Container& container) { container.write("something\n"); }},
      {"what it leaves in the background is not waited for, although it has its output, and goes on until the end",
       {hook("10", "app app1 left &")},
       {"@", "--", "app", "wait-for", "/tmp/go"},
       {0, runs("10") + "left: ready\nleft: handle signal: terminated\nleft: app exit normally\n" +
               main_runs("app wait-for /tmp/go")},
       {},
       go_after("left: ready"),
       {},
       true},
      {"where it stands among others",
       {hook("10", "exec app place")},
       {"@", "--", "true"},
       {0, runs("10", place("the parent's", "0000000001001000")) + main_runs()},
       {},
       {},
       {{"a session of its own, so that a Ctrl-C reaches it once; and signals that it does not ignore",
         {0, runs("10", place("own", "0000000000000000")) + main_runs()}}}},
  });
}

TEST_CASE("my_init: a hook that fails ends the boot: no service is started, and no script of the shutdown runs") {
  compare({
      {"a code", before_all(hook("10", "exit 7")), {"@", "--", "true"}, {1, fails("10", "7") + kEnd}},
      {"without a main command", before_all(hook("10", "exit 255")), {"@"}, {1, fails("10", "255") + kEnd}},
      {"rc.local",
       {program("/etc/rc.local", "exit 3"), kWeb},
       {"@", "--", "true"},
       {1, "*** Running /etc/rc.local...\n*** /etc/rc.local failed with status 3\n" + kEnd}},
      {"--enable-insecure-key",
       before_all(program("/usr/sbin/enable_insecure_key", "exit 4")),
       {"@", "--enable-insecure-key"},
       {1, "*** Installing insecure SSH key for user root\n*** /usr/sbin/enable_insecure_key failed with status 4\n" +
               kEnd}},
      {"what an earlier one has left is told to end",
       {hook("10", "app daemon left"), hook("20", "exit 5")},
       {"@"},
       {1, runs("10", "left: ready\n") + fails("20", "5") + kEnd +
               "left: handle signal: terminated\nleft: app exit normally\n"}},
      {"killed by a signal",
       before_all(hook("10", "kill -SEGV $$")),
       {"@"},
       {1, fails("10", "0") + kEnd},
       {},
       {},
       {{"a signal is no success", {1, fails("10", "139 (killed by SIGSEGV)") + kEnd}}}},
      {"a carriage return in its first line",
       before_all(file("/etc/my_init.d/10", "#!/bin/sh\r\necho ran\r\n", 0755)),
       {"@"},
       {1, fails("10", "127") + kEnd},
       {},
       {},
       {{"it says why",
         {1, fails("10",
                   "127: /etc/my_init.d/10: its first line ends with CR LF, so it asks for the interpreter "
                   "\"/bin/sh\\r\", which does not exist; convert the file to Unix line ends") +
                 kEnd}}}},
      {"an interpreter that is not there",
       before_all(file("/etc/my_init.d/10", "#!/usr/bin/python3\n", 0755)),
       {"@"},
       {1, fails("10", "127") + kEnd},
       {},
       {},
       {{"it says why",
         {1, fails("10", "127: /etc/my_init.d/10: its interpreter /usr/bin/python3 does not exist") + kEnd}}}},
      {"no first line with an interpreter",
       {file("/etc/my_init.d/10", "echo ran\n", 0755)},
       {"@", "--", "true"},
       {1, fails("10", "127") + kEnd},
       {},
       {},
       {{"the shell runs it, as execvp(3) does", {0, runs("10", "ran\n") + main_runs()}}}},
  });
}

TEST_CASE("my_init: the command line") {
  const std::string code = " 2>/dev/null; echo $?";
  compare({
      {"-h: its options, on standard output",
       {},
       script("\"$0\" -h | grep -o -e '--[a-z][a-z-]*' | busybox sort -u"),
       {0, "--enable-insecure-key\n--help\n--no-kill-all-on-exit\n--quiet\n--skip-runit\n--skip-startup-files\n"}},
      {"-h and --help: code",
       {},
       script("\"$0\" -h >/dev/null; echo $?; \"$0\" --help >/dev/null; echo $?"),
       {0, "0\n0\n"}},
      {"usage goes to standard error",
       {},
       script("\"$0\" --nosuch 2>&1 >/dev/null | grep -c '^usage: my_init'"),
       {0, "1\n"}},
      {"an option that there is not", {}, script("\"$0\" --nosuch -- true" + code), {0, "2\n"}},
      {"a letter that there is not", {}, script("\"$0\" -x" + code), {0, "2\n"}},
      {"an abbreviation of two", {}, script("\"$0\" --skip -- true" + code), {0, "2\n"}},
      {"a value that it does not take", {}, script("\"$0\" --quiet=1 -- true" + code), {0, "2\n"}},
      {"without --", {}, {"@", "--quiet", "echo", "hi"}, {0, "hi\n"}},
      {"options of the main command, without --",
       {},
       script("\"$0\" --quiet sh -c 'echo hi'" + code),
       {0, "2\n"},
       {},
       {},
       {{"options end at the main command, which nobody could have started otherwise", {0, "hi\n0\n"}}}},
      {"a main command that begins with a dash", {}, {"@", "--quiet", "--", "echo", "-n", "--", "hi"}, {0, "-- hi"}},
      {"--skip-runit, abbreviated: no service, and no script of the shutdown",
       {kWeb, program("/etc/my_init.pre_shutdown.d/10", "echo pre ran"),
        program("/etc/my_init.post_shutdown.d/10", "echo post ran"), hook("10", "echo hook")},
       {"@", "--skip-r", "--", "true"},
       {0, runs("10", "hook\n") + "*** Running true...\n*** true exited with status 0.\n" + kEnd}},
      {"--skip-runit without a main command",
       {hook("10", "echo later ran")},
       {"@", "--skip-runit"},
       {1, "*** When --skip-runit is given, you must also pass a main command.\n"}},
      {"--quiet", {hook("10", "exit 0")}, {"@", "--quiet", "--", "echo", "main"}, {0, "main\n"}},
      {"--quiet: errors stay",
       {hook("10", "exit 3")},
       {"@", "--quiet"},
       {1, "*** /etc/my_init.d/10 failed with status 3\n"}},
      {"--quiet: warnings stay",
       {},
       {"@", "--quiet", "--", "app", "app1"},
       {2, "ready\nhandle signal: terminated\napp exit normally\n*** Init system aborted.\n"},
       {},
       stop_after("ready")},
  });
}

TEST_CASE("my_init: numbers that are none end it before anything else") {
  for (const char* name : {"KILL_PROCESS_TIMEOUT", "KILL_ALL_PROCESSES_TIMEOUT"}) {
    for (const char* text : {"x", "", "1.5", "5s"}) {
      compare(
          {{std::string(name) + "=" + text,
            {hook("10", "echo hook")},
            script("\"$0\" -- true 2>/dev/null; echo $?"),
            {0, "1\n"},
            {.env = {{name, text}}}},
           {"-h does not help", {}, script("\"$0\" -h 2>/dev/null; echo $?"), {0, "1\n"}, {.env = {{name, text}}}}});
    }
    compare({{"a number with blanks around it", {}, {"@", "--quiet", "--", "true"}, {0, ""}, {.env = {{name, " 5\n"}}}},
             {"a number with a sign", {}, {"@", "--quiet", "--", "true"}, {0, ""}, {.env = {{name, "+5"}}}}});
  }
}

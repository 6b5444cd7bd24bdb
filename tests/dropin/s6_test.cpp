// Directories that s6-svscan looks after: what their programs see, and what their files say.
#include <doctest/doctest.h>

#include <csignal>

#include "s6_comparison.hpp"

using namespace cinit::s6_test;

namespace {

// With the container's environment, as s6-svscan by itself has it.
const std::map<std::string, std::string> kKeepEnvironment{{"S6_KEEP_ENV", "1"}};

const File kWeb = script("web/run", "exec app print-signals >>/tmp/web");
const File kDeaf = script("web/run", "exec app print-signals 12 >>/tmp/web");
const File kFinish = script("web/finish", "echo finish $1 $2 >>/tmp/web");

// The same where it can be read when the container has ended.
const File kDeafAtTheEnd = script("web/run", "exec app print-signals 12 >>/shared/web");
const File kFinishAtTheEnd = script("web/finish", "echo finish $1 $2 >>/shared/web");

// What ./run prints.
Row run_prints(const std::string& name, const std::string& command, std::vector<Difference> differences = {}) {
  const File run = script("web/run", "{ " + command + "; } >/tmp/web 2>&1; touch /tmp/done; exec app app1");
  return {name,
          {run},
          [](Session& s) {
            s.await_success("test -e /tmp/done");
            s.show("/tmp/web");
          },
          std::move(differences),
          kKeepEnvironment};
}

// What ./finish prints after this ./run.
Row finish_prints(const std::string& name, const std::string& command, const std::string& run,
                  std::vector<Difference> differences = {}) {
  const File finish = script("web/finish", "{ " + command + "; } >/tmp/web 2>&1; touch /tmp/done; exit 125");
  return {name,
          {script("web/run", run), finish},
          [](Session& s) {
            s.await_success("test -e /tmp/done");
            s.show("/tmp/web");
          },
          std::move(differences),
          kKeepEnvironment};
}

Row finish_after(const std::string& name, const std::string& run) {
  return finish_prints(name, "echo $0 $1 $2 $3", run);
}

// A ./run that cannot be executed.
Row cannot_run(const std::string& name, const Tree& run, Difference difference) {
  Tree tree{kClock, script("web/finish", "echo $0 $1 $2 $3 >/tmp/web")};
  tree.insert(tree.end(), run.begin(), run.end());
  return {name,
          tree,
          [](Session& s) {
            s.outwait_restart();
            s.show("/tmp/web");
          },
          {std::move(difference)}};
}

// How far the starts of ./run are apart.
Row pace(const std::string& name, const std::string& run, const std::string& finish,
         std::vector<Difference> differences = {}) {
  return {name,
          {script("web/run", "cat /proc/uptime >>/tmp/times; " + run), script("web/finish", finish)},
          [](Session& s) {
            s.await_text("/tmp/times", "\n", 4);
            s.show_pace("/tmp/times");
          },
          std::move(differences)};
}

// The programs of execline, where Debian has them.
Row with_longer_path(Row row) {
  row.differences.push_back(
      {"scripts of execline find its programs", "/sbin:/bin\n", "/sbin:/bin:/usr/lib/execline/bin\n"});
  return row;
}

}  // namespace

TEST_CASE("s6: what run sees") {
  compare({
      run_prints("arguments", "echo \"$0 has $#: $*\""),
      run_prints("directory", "pwd; ls -d run"),
      with_longer_path(run_prints("environment", "env")),
      run_prints("descriptors",
                 "ls /proc/self/fd; app bytes | grep -c . <&0; ls -l /proc/self/fd/0 | grep -o '/dev.*'"),
      run_prints("limits and mask", "ulimit -a; umask"),
      {"where it stands",
       {script("web/run", "mkdir /tmp/once && exec app place >/tmp/web; app app1")},
       [](Session& s) {
         s.await_text("/tmp/web", "end of place\n");
         s.show("/tmp/web");
       },
       {{"no process stands between cinit and its services", "parent: another\n", "parent: PID 1\n"}}},
      {"environment of an image for s6-overlay",
       {script("web/run", "echo \"HOME is ${HOME-unset}\" >/tmp/web; app app1")},
       [](Session& s) {
         s.await_text("/tmp/web", "\n");
         s.show("/tmp/web");
       },
       {{"as with s6-overlay: who wants the container's environment asks for it by with-contenv", "HOME is /root\n",
         "HOME is unset\n"}}},
      {"a link to its directory",
       {link_to("web", "/opt/web"), script("/opt/web/run", "echo $1 in $(pwd) >/tmp/web; app app1")},
       [](Session& s) {
         s.await_text("/tmp/web", "\n");
         s.show("/tmp/web");
       }},
      {"what is no service",
       {kWeb, script(".hidden/run", "touch /tmp/hidden"), {"file", ""}, kClock},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.outwait_restart();
         s.run("ls /tmp");
       }},
      {"down",
       {kWeb, {"web/down", ""}, kClock},
       [](Session& s) {
         s.outwait_restart();
         s.run("ls /tmp");
         s.svc("-u");
         s.await_text("/tmp/web", "ready\n");
       }},
  });
}

TEST_CASE("s6: what finish is told") {
  const std::string like_every_program =
      "cinit has /bin/sh run it, as it does for every program, and as execvp(3) does";
  const std::string tells_finish = "cinit tells ./finish, which may end the container for that";
  const Difference not_found{tells_finish, "/tmp/web:\n\n", "/tmp/web:\n./finish 127 0 web\n\n"};
  compare({
      finish_after("exit 0", "exit 0"),
      finish_after("exit 7", "exit 7"),
      finish_after("exit 255", "exit 255"),
      finish_after("SIGTERM", "exec app raise 15"),
      finish_after("SIGKILL", "exec app raise 9"),
      finish_after("SIGSEGV", "ulimit -c 0; exec app raise 11"),
      finish_after("SIGSEGV and a core file", "ulimit -c unlimited; exec app raise 11"),
      finish_after("a real-time signal", "exec app raise 40"),
      finish_prints("how many arguments", "echo $#", "exit 0",
                    {{"later versions of s6 add the process group of ./run", "3\n", "4\n"}}),
      with_longer_path(finish_prints("its surroundings", "pwd; env; ls /proc/self/fd; app place", "exit 0")),
      cannot_run("there is no run", {}, not_found),
      cannot_run("its interpreter is not there", {{"web/run", "#!/no/such\n", 0755}}, not_found),
      cannot_run("run is not executable", {{"web/run", "#!/bin/sh\nexit 3\n", 0644}},
                 {"as with s6-overlay 2: it is made executable", "/tmp/web:\n\n", "/tmp/web:\n./finish 3 0 web\n\n"}),
      cannot_run("run without a shebang", {{"web/run", "exit 3\n", 0755}},
                 {like_every_program, "/tmp/web:\n\n", "/tmp/web:\n./finish 3 0 web\n\n"}),
  });
}

TEST_CASE("s6: the pace of restarts") {
  const std::string since_start =
      "cinit starts a service at most once a second, as later versions of s6 and runit do; this one waits a second "
      "more";
  const Difference sooner{since_start, "3 s apart\n", "2 s apart\n"};
  compare({
      pace("it dies at once", "exit 1", ":"),
      pace("it is killed at once", "exec app raise 9", ":"),
      pace("it runs for two seconds", "sleep 2", ":", {sooner}),
      pace("finish runs for two seconds", "exit 0", "sleep 2", {sooner}),
      {"run comes later",
       {script("web/finish", ":")},
       [](Session& s) {
         s.await_log("unable to spawn ./run", "the start failed");
         s.run("cat /proc/uptime >/tmp/times");
         s.run("cd /etc/services.d/web; echo 'cat /proc/uptime >>/tmp/times; exec app app1' >new");
         s.run("cd /etc/services.d/web; sed -i '1i#!/bin/sh' new; chmod +x new; mv new run");
         s.await_text("/tmp/times", "\n", 2);
         s.run("{ read -r a b; read -r c b; } </tmp/times; test ${c%.*} -lt $((${a%.*} + 6))");
       },
       {{"ten seconds of silence (a minute in later versions of s6) help nobody", "+ 6))\nexit 1\n",
         "+ 6))\nexit 0\n"}}},
  });
}

TEST_CASE("s6: when finish runs") {
  const File waits =
      script("web/finish", "echo finish >>/tmp/web; app wait-for /tmp/go; rm /tmp/go; echo over >>/tmp/web");
  compare({
      {"after each end",
       {kWeb, kFinish},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-t");
         s.await_text("/tmp/web", "ready\n", 2);
         s.svc("-k");
         s.await_text("/tmp/web", "ready\n", 3);
         s.svc("-d");
         s.await_text("/tmp/web", "finish ", 3);
         s.svc("-u");
         s.await_text("/tmp/web", "ready\n", 4);
         s.show("/tmp/web");
       }},
      {"it takes its time",
       {kWeb, waits, kClock},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-t");
         s.await_text("/tmp/web", "finish\n");
         s.svc("-h");
         s.svc("-k");
         s.svc("-d");
         s.outwait_restart();
         s.run("touch /tmp/go");
         s.await_text("/tmp/web", "over\n");
         s.outwait_restart();
         s.show("/tmp/web");
         s.svc("-u");
         s.await_text("/tmp/web", "ready\n", 2);
         s.svc("-d");
         s.await_text("/tmp/web", "finish\n", 2);
         s.svc("-u");
         s.run("touch /tmp/go");
         s.await_text("/tmp/web", "ready\n", 3);
         s.show("/tmp/web");
       }},
      {"it fails",
       {kWeb, script("web/finish", "echo finish >>/tmp/web; exit 1")},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-t");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
      {"it is not executable",
       {kWeb, {"web/finish", "#!/bin/sh\necho finish >>/tmp/web\n"}},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-t");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       },
       {{"as with s6-overlay 2: it is made executable", "times)\nready\n", "times)\nfinish\nready\n"}}},
      {"it comes later",
       {kWeb},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("printf '#!/bin/sh\\necho finish >>/tmp/web\\n' >/etc/services.d/web/finish");
         s.run("chmod +x /etc/services.d/web/finish");
         s.svc("-t");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
      {"125: it is not started again",
       {kWeb, script("web/finish", "echo finish >>/tmp/web; exit 125"), kClock},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-t");
         s.await_text("/tmp/web", "finish\n");
         s.outwait_restart();
         s.show("/tmp/web");
         s.svc("-u");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
      {"125, and somebody has asked for it meanwhile",
       {kWeb, script("web/finish", "echo finish >>/tmp/web; app wait-for /tmp/go; exit 125"), kClock},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-t");
         s.await_text("/tmp/web", "finish\n");
         s.svc("-u");
         s.run("touch /tmp/go");
         s.outwait_restart();
         s.show("/tmp/web");
       },
       {{"who asks for it after its end has seen that", "finish\n\n", "finish\nready\n\n"}}},
  });
}

TEST_CASE("s6: s6-permafailon in finish") {
  const auto row = [](const std::string& name, const std::string& run, const std::string& arguments, Tree more = {}) {
    more.push_back(script("web/run", "echo run >>/tmp/web; " + run));
    more.push_back(script("web/finish", "echo finish >>/tmp/web; exec s6-permafailon " + arguments + " true"));
    more.push_back(kClock);
    return Row{name, more, [](Session& s) {
                 s.await_text("/tmp/web", "finish\n", 2);
                 s.outwait_restart();
                 s.outwait_restart();
                 s.run("grep -c run /tmp/web | grep -o '^[123]$' || echo more");
                 s.run("s6-svdt /run/s6/services/web | grep -o ' .*' | uniq");
               }};
  };
  compare({
      row("a code", "exit 3", "60 3 1-5"),
      row("another code", "exit 3", "60 3 4"),
      row("a signal", "exec app raise 9", "60 2 SIGKILL"),
      row("no death is old enough to be forgotten", "exit 3", "60 3 3"),
      row("one that remembers too few", "exit 3", "60 3 3", {{"web/max-death-tally", "2\n"}}),
  });
}

TEST_CASE("s6: timeout-finish") {
  const File once = script("web/run", "cat /proc/uptime >>/tmp/times; mkdir /tmp/again || exec app app1; exit 3");
  const File deaf = script("web/finish", "app app2 >>/tmp/web; echo over >>/tmp/web");
  const auto await_next = [](Session& s) {
    s.await_text("/tmp/times", "\n", 2);
    s.show("/tmp/web");
  };
  compare({
      {"it gets SIGKILL", {once, deaf, {"web/timeout-finish", "300\n"}}, await_next},
      {"what it has left",
       {once, deaf, {"web/timeout-finish", "300\n"}},
       [](Session& s) {
         s.await_text("/tmp/times", "\n", 2);
         s.run("pidof app | grep -c ' '");
       },
       {{"cinit kills all of its process group, so that nothing is left behind", "1\nexit 0\n", "0\nexit 1\n"}}},
      {"five seconds when nobody says it",
       {once, deaf},
       [](Session& s) {
         s.await_text("/tmp/times", "\n", 2);
         s.show_pace("/tmp/times");
       }},
      {"0: no limit",
       {once, script("web/finish", "sleep 7; echo over >>/tmp/web"), {"web/timeout-finish", "0\n"}},
       await_next},
  });
}

TEST_CASE("s6: timeout-kill") {
  const File timeout{"web/timeout-kill", "300\n"};
  const auto after = [&](const std::string& letters, const std::string& end) {
    return Row{letters, {kDeaf, kFinish, timeout, kClock}, [=](Session& s) {
                 s.await_text("/tmp/web", "ready\n");
                 s.svc(letters);
                 s.outwait_restart();
                 s.svc("-i");
                 s.await_text("/tmp/web", end);
                 s.show("/tmp/web");
               }};
  };
  compare({
      after("-d", "finish 256 9\n"),
      after("-du", "ready\ngot 2 "),
      after("-t", "got 2 "),
      after("-r", "got 2 "),
      after("-o", "got 2 "),
      {"0: never",
       {kDeaf, kFinish, {"web/timeout-kill", "0\n"}, kClock},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-d");
         s.outwait_restart();
         s.svc("-2");
         s.await_text("/tmp/web", "finish ");
         s.show("/tmp/web");
       }},
      {"the main process alone",
       {script("web/run", "app print-signals 12 >/tmp/child & trap '' TERM; app wait-for /tmp/never"), kFinish,
        timeout},
       [](Session& s) {
         s.await_text("/tmp/child", "ready\n");
         s.svc("-d");
         s.await_text("/tmp/web", "finish ");
         s.show("/tmp/web");
         s.run("grep -c . /tmp/child; pidof app | grep -c .");
       }},
      {"when everything stops",
       {kDeafAtTheEnd, kFinishAtTheEnd, timeout},
       [](Session& s) {
         s.await_text("/shared/web", "ready\n");
         s.container().signal(SIGTERM);
         s.show_end("web");
       },
       {{"cinit's exit code tells that one needed SIGKILL", "exit code 0\n", "exit code 137\n"}}},
  });
}

TEST_CASE("s6: down-signal") {
  const auto after = [](const std::string& signal, const std::string& letters, const std::string& end) {
    return Row{signal + letters, {kDeaf, kFinish, {"web/down-signal", signal}}, [=](Session& s) {
                 s.await_text("/tmp/web", "ready\n");
                 s.svc(letters);
                 s.await_text("/tmp/web", end);
                 s.svc("-q");
                 s.await_text("/tmp/web", "got 3 ");
                 s.show("/tmp/web");
               }};
  };
  compare({
      after("SIGINT\n", "-d", "got 18 "),
      after("INT\n", "-d", "got 18 "),
      after("2", "-d", "got 18 "),
      after("SIGINT\n", "-r", "got 2 "),
      after("SIGINT\n", "-t", "got 15 "),
      {"it ends, and is started again: -r",
       {kDeaf, kFinish, {"web/down-signal", "SIGUSR2\n"}},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-r");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
      {"when everything stops",
       {kDeafAtTheEnd, kFinishAtTheEnd, {"web/down-signal", "SIGUSR2\n"}},
       [](Session& s) {
         s.await_text("/shared/web", "ready\n");
         s.container().signal(SIGTERM);
         s.show_end("web");
       }},
  });
}

TEST_CASE("s6: notification-fd") {
  compare({
      {"a descriptor of ./run alone, that is closed when it has said so",
       {script("web/run",
               "ls /proc/self/fd >/tmp/web; echo >&7; (trap '' PIPE; while echo >&7; do :; done) 2>>/tmp/web\n"
               "exec app print-signals >>/tmp/web"),
        script("web/finish", "ls /proc/self/fd >>/tmp/web"),
        {"web/notification-fd", "7\n"}},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-t");
         s.await_text("/tmp/web", "ready\n", 1);
         s.await_text("/tmp/web", "3\n", 2);
         s.run("head -n 14 /tmp/web | grep -v Broken");
       }},
      {"another one for each start",
       {script("web/run", "echo >&3; exec app print-signals >>/tmp/web"), {"web/notification-fd", "3"}},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-t");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
      {"one that never says it runs all the same",
       {script("web/run", "echo run >>/tmp/web; exec app print-signals >>/tmp/web"),
        {"web/notification-fd", "3\n"},
        kClock},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.outwait_restart();
         s.show("/tmp/web");
         s.svc("-t");
         s.await_text("/tmp/web", "ready\n", 2);
       }},
  });
}

TEST_CASE("s6: the logger") {
  const File writer = script("web/run",
                             "trap 'echo hup' HUP; trap 'echo end; exit' TERM\n"
                             "echo out; echo err >&2; touch /tmp/writer\n"
                             "while :; do sleep 0.1; done");
  const File logger = script("web/log/run", "echo $$ >/tmp/logger; exec cat >>/tmp/log");
  const File logger_at_the_end = script("web/log/run",
                                        "trap 'echo TERM >>/shared/log' TERM\n"
                                        "while read -r line; do echo \"$line\" >>/shared/log; done\n"
                                        "echo end of input >>/shared/log");
  compare({
      {"what run and finish print, but not on stderr",
       {writer, logger, script("web/finish", "echo finish $1 $2; echo err of finish >&2")},
       [](Session& s) {
         s.await_text("/tmp/log", "out\n");
         s.svc("-t");
         s.await_text("/tmp/log", "out\n", 2);
         s.show("/tmp/log");
         s.container().wait_for("err\n");
         s.container().wait_for("err of finish\n");
       }},
      {"its own run and finish",
       {writer, script("web/log/run", "echo \"$0 has $#: $*, in $(pwd)\" >>/tmp/log; exec app raise 9"),
        script("web/log/finish", "echo \"finish $1 $2 $3\" >>/tmp/log; exit 125")},
       [](Session& s) {
         s.await_text("/tmp/log", "finish");
         s.show("/tmp/log");
       }},
      {"nothing is lost while it is down",
       {writer, logger},
       [](Session& s) {
         s.await_text("/tmp/log", "out\n");
         s.svc("-d", "web/log");
         s.await_success("! kill -0 $(cat /tmp/logger) 2>/dev/null");
         s.run("rm /tmp/writer");
         s.svc("-t");
         s.await_success("test -e /tmp/writer");
         s.svc("-u", "web/log");
         s.await_text("/tmp/log", "out\n", 2);
         s.show("/tmp/log");
       }},
      {"nothing is lost when it is killed",
       {writer, logger},
       [](Session& s) {
         s.await_text("/tmp/log", "out\n");
         s.svc("-k", "web/log");
         s.svc("-t");
         s.await_text("/tmp/log", "out\n", 2);
         s.show("/tmp/log");
       }},
      {"it stays when its service is down",
       {writer, logger},
       [](Session& s) {
         s.await_text("/tmp/log", "out\n");
         s.run("cp /tmp/logger /tmp/before");
         s.svc("-d");
         s.await_text("/tmp/log", "end\n");
         s.svc("-u");
         s.await_text("/tmp/log", "out\n", 2);
         s.run("cmp /tmp/before /tmp/logger");
         s.show("/tmp/log");
       }},
      {"log/down",
       {writer, logger, {"web/log/down", ""}},
       [](Session& s) {
         s.await_success("test -e /tmp/writer");
         s.run("test -e /tmp/log");
         s.svc("-u", "web/log");
         s.await_text("/tmp/log", "out\n");
       }},
      {"letters, notification-fd and timeout-kill",
       {writer,
        script("web/log/run", "ls /proc/self/fd >/tmp/fds; exec app print-signals 12 >>/tmp/log"),
        script("web/log/finish", "echo $1 $2 >>/tmp/log"),
        {"web/log/notification-fd", "5\n"},
        {"web/log/timeout-kill", "300\n"}},
       [](Session& s) {
         s.await_text("/tmp/log", "ready\n");
         s.show("/tmp/fds");
         s.svc("-h", "web/log");
         s.await_text("/tmp/log", "got 1 ");
         s.svc("-d", "web/log");
         s.await_text("/tmp/log", "256 9\n");
         s.show("/tmp/log");
       }},
      {"s6-log",
       {writer, script("web/log/run", "mkdir -p /var/log/web; exec s6-log n3 s10000 /var/log/web")},
       [](Session& s) {
         s.await_text("/var/log/web/current", "out\n");
         s.svc("-h");
         s.await_text("/var/log/web/current", "hup\n");
         s.show("/var/log/web/current");
       }},
      {"the stop: it reads to the end, and gets no signal",
       {writer, logger_at_the_end},
       [](Session& s) {
         s.await_text("/shared/log", "out\n");
         s.container().signal(SIGTERM);
         s.show_end("log");
       }},
  });
}

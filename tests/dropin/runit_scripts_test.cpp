// The scripts of a service directory: run, finish, log/run, control/*.
#include <doctest/doctest.h>

#include <cstdlib>
#include <sstream>

#include "runit_comparison.hpp"

using namespace cinit::runit_test;

namespace {

const std::string kUp = "run: web: (pid N) Ns";
const std::string kDown = "down: web: Ns, normally up";

const File kWeb = script("web/run", "exec app print-signals >>/tmp/web 2>&1");
const File kDeaf = script("web/run", "exec app print-signals 12 >>/tmp/web 2>&1");

void await_web(Session& session) {
  session.await("web", kUp);
  session.await_text("/tmp/web", "ready\n");
}

// What ./finish gets after this ./run.
Row finish_after(const std::string& name, const std::string& run) {
  return {name, {script("web/run", run), script("web/finish", "echo \"$0 has $#: $*\" >/tmp/finish")}, [](Session& s) {
            s.await_text("/tmp/finish", "\n");
            s.show("/tmp/finish");
          }};
}

}  // namespace

TEST_CASE("runit: what finish is told") {
  compare({
      finish_after("exit 0", "exit 0"),
      finish_after("exit 7", "exit 7"),
      finish_after("exit 255", "exit 255"),
      finish_after("SIGTERM", "exec app raise 15"),
      finish_after("SIGKILL", "exec app raise 9"),
      finish_after("SIGSEGV", "ulimit -c 0; exec app raise 11"),
      finish_after("SIGSEGV and a core file", "ulimit -c unlimited; exec app raise 11"),
      finish_after("a real-time signal", "exec app raise 40"),
      {"there is no run",
       {script("web/finish", "echo \"$*\" >/tmp/finish")},
       [](Session& s) {
         s.await_text("/tmp/finish", "\n");
         s.show("/tmp/finish");
       }},
      {"run cannot be executed",
       {{"web/run", "#!/bin/sh\n", 0644}, script("web/finish", "echo \"$*\" >/tmp/finish")},
       [](Session& s) {
         s.await_text("/tmp/finish", "\n");
         s.show("/tmp/finish");
       }},
      {"its interpreter is not there",
       {{"web/run", "#!/no/such\n", 0755}, script("web/finish", "echo \"$*\" >/tmp/finish")},
       [](Session& s) {
         s.await_text("/tmp/finish", "\n");
         s.show("/tmp/finish");
       }},
      {"a run without a shebang",
       {{"web/run", "exec app app1 >/tmp/web\n", 0755}, script("web/finish", "echo \"$*\" >/tmp/web")},
       [](Session& s) {
         s.await_text("/tmp/web", "\n");
         s.show("/tmp/web");
       },
       {{"cinit has /bin/sh run it, as it does for every program, and as execvp(3) does", "111 0\n", "ready\n"}}},
  });
}

TEST_CASE("runit: when finish runs") {
  const File finish = script("web/finish", "echo finish >>/tmp/web");
  const File slow =
      script("web/finish", "echo finish >>/tmp/web; app wait-for /tmp/go; rm /tmp/go; echo over >>/tmp/web");
  compare({
      {"after each end",
       {kWeb, finish},
       [](Session& s) {
         await_web(s);
         s.run("sv term web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("sv kill web");
         s.await_text("/tmp/web", "ready\n", 3);
         s.run("sv down web");
         s.await("web", kDown);
         s.run("sv once web");
         s.await_text("/tmp/web", "ready\n", 4);
         s.run("sv term web");
         s.await("web", kDown);
         s.run("sv start web");
         s.await_text("/tmp/web", "ready\n", 5);
         s.run("sv exit web");
         s.await_text("/tmp/web", "ready\n", 6);
         s.show("/tmp/web");
       }},
      {"it takes its time",
       {kWeb, slow},
       [](Session& s) {
         await_web(s);
         s.run("sv term web");
         s.await("web", "finish: web: (pid N) Ns");
         s.run("cat /etc/service/web/supervise/stat");
         s.run("sv -w 1 start web; sv hup web; sv term web");
         s.await("web", "finish: web: (pid N) Ns");
         s.run("sv -w 1 restart web");
         s.run("touch /tmp/go");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
         s.show("/tmp/web");
       }},
      {"it takes its time: down",
       {kWeb, slow},
       [](Session& s) {
         await_web(s);
         s.run("sv -w 1 stop web");
         s.await("web", "finish: web: (pid N) Ns, want down");
         s.run("cat /etc/service/web/supervise/stat");
         s.run("touch /tmp/go");
         s.await("web", kDown);
         s.run("sv start web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("sv down web");
         s.await("web", "finish: web: (pid N) Ns, want down");
         s.run("sv up web");
         s.await("web", "finish: web: (pid N) Ns");
         s.run("touch /tmp/go");
         s.await_text("/tmp/web", "ready\n", 3);
         s.show("/tmp/web");
       }},
      {"it cannot be executed",
       {kWeb, {"web/finish", "#!/bin/sh\n", 0644}},
       [](Session& s) {
         await_web(s);
         s.run("sv term web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("sv down web");
         s.await("web", kDown);
       }},
      {"it fails",
       {kWeb, script("web/finish", "echo finish >>/tmp/web; exit 1")},
       [](Session& s) {
         await_web(s);
         s.run("sv term web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
      {"it comes later",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("printf '#!/bin/sh\\necho finish >>/tmp/web\\n' >/etc/service/web/finish");
         s.run("chmod +x /etc/service/web/finish; sv term web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("rm /etc/service/web/finish; sv term web");
         s.await_text("/tmp/web", "ready\n", 3);
         s.show("/tmp/web");
       }},
  });
}

TEST_CASE("runit: the logger") {
  const File writer = script("web/run",
                             "trap 'echo hup' HUP; trap 'echo end; exit' TERM\n"
                             "echo out; echo err >&2; touch /tmp/writer\n"
                             "while :; do sleep 0.1; done");
  const File logger = script("web/log/run", "echo began >>/tmp/log; cat >>/tmp/log; echo eof >>/tmp/log");
  const std::string both = kUp + "; run: log: (pid N) Ns";
  compare({
      {"what run and finish print, but not on stderr",
       {writer, logger, script("web/finish", "echo finish $*")},
       [=](Session& s) {
         s.await("web", both);
         s.await_text("/tmp/log", "out\n");
         s.run("sv term web");
         s.await_text("/tmp/log", "out\n", 2);
         s.show("/tmp/log");
         s.container().wait_for("err\n");
       }},
      {"what the scripts in control print",
       {writer, logger, script("web/control/h", "echo control; exit 1")},
       [=](Session& s) {
         s.await("web", both);
         s.run("sv hup web");
         s.await_text("/tmp/log", "hup\n");
         s.show("/tmp/log");
       }},
      {"nothing is lost while it is down",
       {writer, logger},
       [=](Session& s) {
         s.await("web", both);
         s.await_text("/tmp/log", "out\n");
         s.run("sv down web/log");
         s.await("web", kUp + "; down: log: Ns, normally up");
         s.run("rm /tmp/writer; sv term web");
         s.await_success("test -e /tmp/writer");
         s.run("sv hup web; sv up web/log");
         s.await_text("/tmp/log", "hup\n");
         s.show("/tmp/log");
       }},
      {"it stays when the service stops",
       {writer, logger},
       [=](Session& s) {
         s.await("web", both);
         s.await_text("/tmp/log", "out\n");
         s.run("cp /etc/service/web/log/supervise/pid /tmp/pid; sv stop web");
         s.await("web", kDown + "; run: log: (pid N) Ns");
         s.run("sv start web");
         s.await_text("/tmp/log", "out\n", 2);
         s.run("cmp /tmp/pid /etc/service/web/log/supervise/pid");
         s.show("/tmp/log");
       }},
      {"log/down",
       {writer, logger, empty("web/log/down")},
       [=](Session& s) {
         s.await("web", kUp + "; down: log: Ns");
         s.run("sv up web/log");
         s.await_text("/tmp/log", "out\n");
         s.await("web", kUp + "; run: log: (pid N) Ns, normally down");
       }},
      {"down: its logger runs",
       {writer, logger, empty("web/down")},
       [=](Session& s) {
         s.await("web", "down: web: Ns; run: log: (pid N) Ns");
         s.run("sv up web");
         s.await_text("/tmp/log", "out\n");
       }},
      {"sv on it",
       {writer, script("web/log/run", "exec app print-signals 12 >>/tmp/log")},
       [=](Session& s) {
         s.await("web", both);
         s.await_text("/tmp/log", "ready\n");
         for (const char* command : {"hup", "term", "alarm", "exit"}) s.run(std::string("sv ") + command + " web/log");
         s.await_text("/tmp/log", "got 14 ");
         s.await("web", kUp + "; run: log: (pid N) Ns, got TERM");
         s.run("sv 2 web/log");
         s.await_text("/tmp/log", "ready\n", 2);
         s.await("web", both);
         s.run("sv -w 1 stop web/log; sv 2 web/log; sv stop web/log; sv check web/log; sv start web/log");
         s.run("sv status web/log");
       }},
      {"it has neither finish nor control",
       {writer, script("web/log/run", "exec app print-signals >>/tmp/log"),
        script("web/log/finish", "touch /tmp/finish"), script("web/log/control/t", "touch /tmp/control")},
       [=](Session& s) {
         s.await("web", both);
         s.run("sv term web/log");
         s.await_text("/tmp/log", "ready\n", 2);
         s.run("ls /tmp");
       }},
      {"exit: it reads to the end",
       {writer, logger},
       [=](Session& s) {
         s.await("web", both);
         s.await_text("/tmp/log", "out\n");
         s.run("sv exit web");
         s.await_text("/tmp/log", "out\n", 2);
         s.show("/tmp/log");
         s.await("web", both);
       }},
      {"exit: it does not end with its input",
       {writer, script("web/log/run", "exec app print-signals 12 >>/tmp/log")},
       [=](Session& s) {
         s.await("web", both);
         s.run("sv exit web");
         s.await("web", kDown + "; run: log: (pid N) Ns, want down");
         s.run("sv 2 web/log");
         s.await_text("/tmp/log", "ready\n", 2);
         s.await("web", both);
         s.show("/tmp/log");
       }},
      {"svlogd",
       {writer, script("web/log/run", "mkdir -p /var/log/web; exec svlogd /var/log/web")},
       [=](Session& s) {
         s.await("web", both);
         s.await_text("/var/log/web/current", "out\n");
         s.run("sv hup web; sv hup web/log");
         s.await_text("/var/log/web/current", "hup\n");
         s.run("sv exit web");
         s.await_text("/var/log/web/current", "out\n", 2);
         s.show("/var/log/web/current");
       }},
      {"log is no directory",
       {writer, empty("web/log")},
       [=](Session& s) {
         s.await_success("[ -s /etc/service/web/supervise/pid ]");
         s.run("sv status web");
       }},
  });
}

TEST_CASE("runit: scripts in control") {
  const auto tells = [](const char* letter, int code) {
    return script(std::string("web/control/") + letter,
                  "echo \"$(basename $0) in $(pwd)\" >>/tmp/web; exit " + std::to_string(code));
  };
  const auto all = [=](int code) {
    Tree tree{kDeaf};
    for (const char* letter : {"t", "d", "u", "x", "h", "a", "i", "q", "1", "2", "k", "c", "p", "o"}) {
      tree.push_back(tells(letter, code));
    }
    return tree;
  };
  const std::string until_continued = "until grep -q 'got 18' /tmp/web; do sleep 0.05; done\n";
  const auto send = [](Session& s, const char* command, const std::string& seen) {
    s.run(std::string("sv ") + command + " web");
    s.await_text("/tmp/web", seen);
  };
  compare({
      {"exit 0: nothing is sent", all(0),
       [=](Session& s) {
         await_web(s);
         send(s, "hup", "h in");
         send(s, "alarm", "a in");
         send(s, "interrupt", "i in");
         send(s, "quit", "q in");
         send(s, "1", "1 in");
         send(s, "2", "2 in");
         send(s, "term", "t in");
         s.run("sv status web");
         send(s, "pause", "p in");
         s.await("web", kUp + ", paused");
         send(s, "cont", "c in");
         s.await("web", kUp);
         send(s, "down", "d in");
         s.await("web", kUp + ", want down");
         s.run("sv up web");
         s.run("sv once web");
         s.await("web", kUp + ", want down");
         s.await_text("/tmp/web", "got 18 ");
         s.show_sorted("/tmp/web");
       }},
      // From then on runsv takes it for one that is down.
      {"exit 0: no SIGKILL is sent", all(0),
       [=](Session& s) {
         await_web(s);
         send(s, "kill", "k in");
         s.run("sv status web");
       }},
      {"exit 1: the signal is sent all the same", all(1),
       [=](Session& s) {
         await_web(s);
         send(s, "hup", "got 1 ");
         send(s, "alarm", "got 14 ");
         send(s, "interrupt", "got 2 ");
         send(s, "quit", "got 3 ");
         send(s, "1", "got 10 ");
         send(s, "term", "got 15 ");
         s.await("web", kUp + ", got TERM");
         s.run("sv pause web");
         s.await("web", kUp + ", paused, got TERM");
         send(s, "cont", "got 18 ");
         s.await("web", kUp + ", got TERM");
         send(s, "down", "d in");
         s.await("web", kUp + ", want down, got TERM");
         s.await_text("/tmp/web", "got 18 (2");
         send(s, "2", "got 12 ");
         s.await("web", kDown);
         s.run("sv up web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("sv kill web");
         s.await_text("/tmp/web", "ready\n", 3);
         s.show_sorted("/tmp/web");
       }},
      {"d: after t and SIGCONT",
       {kDeaf, tells("t", 1), script("web/control/d", until_continued + "echo d >>/tmp/web"), tells("c", 0),
        tells("x", 0)},
       [=](Session& s) {
         await_web(s);
         send(s, "down", "d\n");
         s.show("/tmp/web");
       }},
      {"x: after t and SIGCONT",
       {kWeb, tells("t", 1), tells("d", 1), tells("c", 0), tells("x", 1)},
       [=](Session& s) {
         await_web(s);
         send(s, "exit", "x in");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show_sorted("/tmp/web");
       }},
      {"whatever follows waits for a script, also when the service has ended",
       {kWeb, tells("d", 1), script("web/finish", "echo finish >>/tmp/web"),
        script("web/control/t",
               "kill $(cat supervise/pid); app wait-for /tmp/go; rm /tmp/go; echo t is over >>/tmp/web")},
       [=](Session& s) {
         await_web(s);
         s.run("sv term web");
         s.await_text("/tmp/web", "got 15 ");
         s.run("touch /tmp/go");
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("sv down web");
         s.await_text("/tmp/web", "got 15 ", 2);
         s.run("touch /tmp/go");
         s.await("web", kDown);
         s.show("/tmp/web");
       }},
      {"u: before each start",
       {kWeb, tells("u", 1)},
       [=](Session& s) {
         await_web(s);
         s.run("sv up web; sv term web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("sv down web");
         s.await("web", kDown);
         s.run("sv up web");
         s.await_text("/tmp/web", "ready\n", 3);
         s.show("/tmp/web");
       }},
      {"nothing runs: no script", all(0),
       [=](Session& s) {
         await_web(s);
         s.run("rm /etc/service/web/control/t; sv down web");
         s.await_text("/tmp/web", "d in");
         s.run("rm /etc/service/web/control/2; sv 2 web");
         s.await("web", kDown);
         s.run("rm /tmp/web; sv hup web; sv down web; sv cont web; sv kill web; sv up web");
         s.await_text("/tmp/web", "ready\n");
         s.show("/tmp/web");
       }},
      {"what cannot be executed is no script",
       {kWeb, {"web/control/t", "", 0644}, {"web/control/h", "", 0644}},
       [=](Session& s) {
         await_web(s);
         send(s, "hup", "got 1 ");
         send(s, "term", "got 15 ");
         s.await_text("/tmp/web", "ready\n", 2);
       }},
      {"their arguments",
       {kWeb, script("web/control/h", "echo \"$0 has $#\" >>/tmp/web; exit 1")},
       [=](Session& s) {
         await_web(s);
         send(s, "hup", "got 1 ");
         s.show("/tmp/web");
       }},
  });
}

TEST_CASE("runit: how soon a service is started again") {
  // Five seconds, in steps that tell how often another service was started meanwhile.
  const File clock = script("clock/run",
                            "n=0; while [ $n -lt 5 ]; do sleep 1; n=$((n + 1)); done\n"
                            "grep -c x /tmp/starts >/tmp/count; exec sleep 1000");
  const auto count_starts = [](Session& s) {
    s.await_text("/tmp/count", "\n");
    const int starts = std::atoi(s.container().read("/tmp/count").c_str());
    INFO("starts: ", starts);
    s.say(starts >= 3 && starts <= 7 ? "about one a second" : "starts: " + std::to_string(starts));
  };
  // How long it was down: two lines of /proc/uptime.
  const auto measure_pause = [](Session& s) {
    s.await_text("/tmp/times", "\n", 3);
    std::istringstream lines(s.container().read("/tmp/times"));
    double start = 0;
    double end = 0;
    double next = 0;
    lines >> start >> end >> next;
    s.say(next - end < 0.8 ? "at once" : "after " + std::to_string(next - end) + " s");
  };
  const std::string note_time = "read up rest </proc/uptime; echo $up >>/tmp/times\n";
  compare({
      {"one that exits at once", {script("web/run", "echo x >>/tmp/starts"), clock}, count_starts},
      {"one that exits at once, with a finish",
       {script("web/run", "echo x >>/tmp/starts"), script("web/finish", "exit 0"), clock},
       count_starts},
      {"one that cannot be started",
       {{"web/run", "#!/bin/sh\n", 0644}, script("web/finish", "echo x >>/tmp/starts"), clock},
       count_starts},
      {"a logger that exits at once",
       {script("web/run", "exec app app1"), script("web/log/run", "echo x >>/tmp/starts"), clock},
       count_starts},
      {"one that ran for longer", {script("web/run", note_time + "sleep 1.5\n" + note_time)}, measure_pause},
      {"one whose finish ran for longer",
       {script("web/run", note_time), script("web/finish", "sleep 1.5\n" + note_time)},
       measure_pause},
  });
}

// What sv(8) of Debian says of services, and does to them: once with runsv behind it, once with cinit.
#include <doctest/doctest.h>

#include "runit_comparison.hpp"

using namespace cinit::runit_test;
using namespace std::chrono_literals;

namespace {

const std::string kUp = "run: web: (pid N) Ns";

// A service that writes what it gets into /tmp/web, and ends with SIGTERM.
const File kWeb = script("web/run", "exec app print-signals >>/tmp/web 2>&1");
// One that ends with SIGUSR2 only.
const File kDeaf = script("web/run", "exec app print-signals 12 >>/tmp/web 2>&1");

void await_web(Session& session) {
  session.await("web", kUp);
  session.await_text("/tmp/web", "ready\n");
}

// sv takes a service that was started in the second in which it was called itself for one that has been restarted.
void settle(Session& session) { session.await_success("sv status web | grep -q ') [1-9][0-9]*s'"); }

// Once it is not new any more.
void run_settled(Session& session, const std::string& line) {
  settle(session);
  session.run(line);
}

}  // namespace

TEST_CASE("runit: what sv status says") {
  compare({
      {"running",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("sv status web");
         s.run("sv s web; sv status /etc/service/web; cd /etc/service; sv status ./web; sv status web/");
       }},
      {"down",
       {kWeb, empty("web/down")},
       [](Session& s) {
         s.await("web", "down: web: Ns");
         s.run("sv up web");
         s.await("web", kUp + ", normally down");
       }},
      {"with a logger",
       {kWeb, script("web/log/run", "exec cat >/tmp/log")},
       [](Session& s) {
         s.await("web", "run: web: (pid N) Ns; run: log: (pid N) Ns");
         s.run("sv status web web/log");
         s.run("sv down web/log");
         s.await("web", "run: web: (pid N) Ns; down: log: Ns, normally up");
       }},
      {"paused",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("sv pause web");
         s.await("web", kUp + ", paused");
         s.run("sv cont web");
         s.await("web", kUp);
       }},
      {"it ignores SIGTERM",
       {kDeaf},
       [](Session& s) {
         await_web(s);
         s.run("sv term web");
         s.await("web", kUp + ", got TERM");
         s.run("sv down web");
         s.await("web", kUp + ", want down, got TERM");
         s.run("sv up web");
         s.await("web", kUp + ", got TERM");
       }},
      {"there is no run",
       {{"web/note", ""}},
       [](Session& s) {
         s.await("web", "down: web: Ns, normally up, want up");
         s.run("sv down web");
         s.await("web", "down: web: Ns, normally up");
       }},
      {"run is not executable",
       {{"web/run", "#!/bin/sh\n", 0644}},
       [](Session& s) { s.await("web", "down: web: Ns, normally up, want up"); }},
      {"it crashes again and again",
       {script("web/run", "exit 3")},
       [](Session& s) { s.await("web", "down: web: Ns, normally up, want up"); }},
      {"there is no such service",
       {kWeb, {"file", ""}},
       [](Session& s) {
         await_web(s);
         s.run("sv status nosuch");
         s.run("sv status file");
         s.run("sv up nosuch");
         s.run("sv status web nosuch web nosuch");
       }},
      {"nobody looks after it",
       {kWeb, script("/srv/other/run", "exec app app1")},
       [](Session& s) {
         await_web(s);
         s.run("sv status /srv/other");
         s.run("sv up /srv/other");
         s.run("mkdir /srv/other/supervise; mkfifo /srv/other/supervise/ok; sv status /srv/other; sv up /srv/other");
         s.run("sv exit /srv/other");
       }},
  });
}

TEST_CASE("runit: what sv sends") {
  compare({
      {"signals, to the main process alone",
       {script("web/run", "exec app pair 12 >>/tmp/web 2>&1")},
       [](Session& s) {
         s.await("web", kUp);
         s.await_text("/tmp/web", "ready\n", 2);
         for (const char* command : {"hup", "alarm", "interrupt", "quit", "1", "term", "cont"}) {
           s.run(std::string("sv ") + command + " web");
         }
         s.await_text("/tmp/web", "got 18\n");
         s.run("sv 2 web");
         s.await_text("/tmp/web", "ready\n", 4);
         s.show_sorted("/tmp/web");
       }},
      {"SIGKILL",
       {kDeaf},
       [](Session& s) {
         await_web(s);
         s.run("sv kill web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
       }},
      {"SIGSTOP and SIGCONT",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("sv pause web");
         s.await("web", kUp + ", paused");
         s.await_success("grep -q '^State:.T' /proc/$(cat /etc/service/web/supervise/pid)/status");
         s.run("sv hup web; sv cont web");
         s.await_text("/tmp/web", "got 18 ");
         s.await("web", kUp);
         s.show("/tmp/web");
       }},
      {"down: SIGTERM and SIGCONT",
       {kDeaf},
       [](Session& s) {
         await_web(s);
         s.run("sv down web");
         s.await_text("/tmp/web", "got 18 ");
         s.run("sv 2 web");
         s.await("web", "down: web: Ns, normally up");
         s.show("/tmp/web");
         for (const char* command : {"hup", "term", "kill", "cont", "down", "status"}) {
           s.run(std::string("sv ") + command + " web");
         }
         s.run("sv up web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
       }},
      {"down of one that is paused",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("sv pause web");
         s.await("web", kUp + ", paused");
         s.run("sv down web");
         s.await("web", "down: web: Ns, normally up");
         s.show("/tmp/web");
       }},
      {"down, and up before it has ended",
       {kDeaf},
       [](Session& s) {
         await_web(s);
         s.run("sv down web");
         s.await("web", kUp + ", want down, got TERM");
         s.run("sv up web");
         s.await("web", kUp + ", got TERM");
         s.run("sv 2 web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
       }},
      {"once",
       {kWeb, empty("web/down")},
       [](Session& s) {
         s.await("web", "down: web: Ns");
         s.run("sv once web");
         s.await("web", kUp + ", normally down, want down");
         s.await_text("/tmp/web", "ready\n");
         s.run("sv term web");
         s.await("web", "down: web: Ns");
         s.run("sv once web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("sv up web; sv term web");
         s.await_text("/tmp/web", "ready\n", 3);
         s.await("web", kUp + ", normally down");
       }},
      {"once, while it runs",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("sv once web");
         s.await("web", kUp + ", want down");
         s.run("sv term web");
         s.await("web", "down: web: Ns, normally up");
         s.show("/tmp/web");
       }},
      {"exit: somebody looks after it again",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("sv exit web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
         s.show("/tmp/web");
       }},
      {"letters that are written by hand",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("printf h1Zh >/etc/service/web/supervise/control");
         s.await_text("/tmp/web", "got 10 ");
         s.await_text("/tmp/web", "got 1 ");
         s.run("printf d >/etc/service/web/supervise/control");
         s.await("web", "down: web: Ns, normally up");
       }},
  });
}

TEST_CASE("runit: commands of sv that wait") {
  compare({
      {"start, stop, check and status",
       {kWeb, empty("web/down")},
       [](Session& s) {
         s.await("web", "down: web: Ns");
         for (const char* command : {"check", "start", "start", "check", "status", "stop", "stop", "check", "status"}) {
           if (std::string(command) == "stop") s.await_text("/tmp/web", "ready\n");
           s.run(std::string("sv ") + command + " web");
         }
         s.show("/tmp/web");
       }},
      {"restart",
       {kWeb},
       [](Session& s) {
         await_web(s);
         run_settled(s, "sv restart web");
         run_settled(s, "sv restart web");
         run_settled(s, "sv stop web");
         s.run("sv restart web");
         s.await_text("/tmp/web", "ready\n", 4);
         s.show("/tmp/web");
       }},
      {"try-restart",
       {kWeb},
       [](Session& s) {
         await_web(s);
         run_settled(s, "sv try-restart web");
         run_settled(s, "sv stop web");
         s.run("sv try-restart web");
         s.show("/tmp/web");
       }},
      {"reload",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("sv reload web");
         s.await_text("/tmp/web", "got 1 ");
         s.run("sv stop web");
         s.run("sv reload web");
         s.show("/tmp/web");
       }},
      {"shutdown",
       {kWeb},
       [](Session& s) {
         await_web(s);
         settle(s);
         // Whether it sees that nobody looks after the service for a moment is a matter of luck with runsvdir.
         s.container().exec({"sv", "-w", "1", "shutdown", "web"});
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
         s.show("/tmp/web");
       }},
      {"force-reload, force-restart and force-stop of an obedient one",
       {kWeb},
       [](Session& s) {
         await_web(s);
         run_settled(s, "sv force-reload web");
         run_settled(s, "sv force-restart web");
         run_settled(s, "sv force-stop web");
         s.run("sv force-restart web");
         s.await_text("/tmp/web", "ready\n", 4);
         s.show("/tmp/web");
       }},
      {"-v",
       {kWeb},
       [](Session& s) {
         await_web(s);
         for (const char* command : {"down", "up", "term", "pause", "cont", "once", "down"}) {
           if (std::string(command) != "up") settle(s);
           s.run(std::string("sv -v ") + command + " web");
         }
       }},
      {"a deaf one, and one second of time",
       {kDeaf},
       [](Session& s) {
         await_web(s);
         for (const char* command : {"restart", "try-restart", "force-reload"}) {
           run_settled(s, std::string("sv -w 1 ") + command + " web");
         }
         s.await_text("/tmp/web", "ready\n", 2);
         run_settled(s, "sv -w 1 stop web");
         s.run("sv -w 1 check web");
         s.run("sv -w 1 force-stop web");
         s.await("web", "down: web: Ns, normally up");
       }},
      {"a deaf one: force-restart",
       {kDeaf},
       [](Session& s) {
         await_web(s);
         run_settled(s, "sv -w 1 force-restart web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
       }},
      {"a deaf one: force-shutdown",
       {kDeaf},
       [](Session& s) {
         await_web(s);
         run_settled(s, "sv -w 1 shutdown web");
         s.run("SVWAIT=1 sv force-shutdown web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
       }},
      {"one that cannot be started",
       {{"web/note", ""}},
       [](Session& s) {
         s.await("web", "down: web: Ns, normally up, want up");
         // With runsv it runs for a moment, which sv start and sv restart may see, or not.
         s.run("sv -w 1 check web");
         s.run("sv down web");
         s.await("web", "down: web: Ns, normally up");
         s.run("sv check web");
       }},
      {"several services",
       {kWeb, script("db/run", "exec app print-signals 12 >/dev/null"), script("mail/run", "exec app app1 >/dev/null")},
       [](Session& s) {
         await_web(s);
         s.await("db", "run: db: (pid N) Ns");
         s.await("mail", "run: mail: (pid N) Ns");
         s.run("sv -w 1 stop web db mail >/tmp/said; code=$?; sort /tmp/said; exit $code");
         s.run("sv start web mail >/tmp/said; code=$?; sort /tmp/said; exit $code");
         s.run("sv status web db mail");
         s.run("sv -w 1 stop nosuch web db");
         s.run("sv up web db");
       }},
      {"SVDIR, and other directories",
       {kWeb, link_to("/srv/web", "/etc/service/web")},
       [](Session& s) {
         await_web(s);
         s.run("SVDIR=/srv sv start web");
         s.run("SVDIR=/nowhere sv start web");
         s.run("sv -w 2 stop /srv/web");
         s.run("cd /srv; sv start ./web");
         s.run("cd /srv/web; sv check .");
       }},
      {"links to sv, as scripts of /etc/init.d",
       {kWeb, link_to("/etc/init.d/web", "/usr/bin/sv"), link_to("/etc/init.d/nosuch", "/usr/bin/sv")},
       [](Session& s) {
         await_web(s);
         for (const char* command : {"status", "stop", "status", "start", "status", "nonsense", ""}) {
           s.run(std::string("/etc/init.d/web ") + command);
         }
         s.run("/etc/init.d/nosuch status");
       }},
      {"wrong usage",
       {kWeb},
       [](Session& s) {
         await_web(s);
         s.run("sv");
         s.run("sv nonsense web");
         s.run("sv up");
       }},
  });
}

TEST_CASE("runit: check") {
  const Tree checked{kWeb, script("web/check", "echo checked >>/tmp/check; pwd >>/tmp/check; exec test -e /tmp/good")};
  compare({
      {"it fails, then succeeds", checked,
       [](Session& s) {
         await_web(s);
         s.run("sv -w 1 check web");
         s.run("sv -w 1 start web");
         run_settled(s, "sv -w 1 restart web");
         run_settled(s, "touch /tmp/good; sv check web");
         run_settled(s, "sv restart web");
         s.run("sv start web; sv stop web; sv check web; sv start web");
         s.run("sort -u /tmp/check");
       }},
      {"it cannot be run",
       {kWeb, {"web/check", "", 0644}},
       [](Session& s) {
         await_web(s);
         s.run("sv -w 1 check web");
       }},
  });
}

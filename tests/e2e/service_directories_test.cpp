// Service directories of runit, where it is not about what runit would do: tests/dropin compares that.
#include <doctest/doctest.h>

#include <algorithm>

#include "container.hpp"
#include "in_order.hpp"
#include "spawn.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

const Options kWithLibraries{.volumes = {"/lib:/lib", "/lib64:/lib64"}};

// A container with Debian's sv.
class Box : public Container {
 public:
  Box() { file("/usr/bin/sv", read_file("/usr/bin/sv"), 0755); }

  Box& script(const std::string& path, const std::string& body) {
    file(path.starts_with('/') ? path : "/etc/service/" + path, "#!/bin/sh\n" + body + "\n", 0755);
    return *this;
  }

  Box& boot(Arguments arguments = {}, const Options& options = {}) {
    arguments.insert(arguments.begin(), "/sbin/cinit");
    return run(arguments, options);
  }
  Box& run(const Arguments& command, Options options = {}) {
    options.volumes.insert(options.volumes.end(), kWithLibraries.volumes.begin(), kWithLibraries.volumes.end());
    start(command, options);
    return *this;
  }

  std::string sh(const std::string& line) { return exec({"sh", "-c", line}).text; }
  void await(const std::string& line, const std::string& text) {
    wait_until([&] { return sh(line).find(text) != std::string::npos; }, text);
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What ends when it is told to, and says so; its logger writes to /shared/log, and tells of the end of its input.
void add_writer(Box& box, const std::string& name) {
  box.script(name + "/run", "trap 'echo bye; exit' TERM; echo hello; while :; do sleep 0.05; done");
  box.script(name + "/log/run", "cat >>/shared/log; echo eof >>/shared/log");
}

}  // namespace

TEST_CASE("runit services on a read-only root have their state in /run, where sv finds it") {
  Box box;
  box.script("web/run", "exec app app1 web").script("web/log/run", "exec cat >&2").script("web/check", "exit 0");
  box.file("/etc/service/web/down", "");
  box.boot({}, {.read_only = true})
      .wait_for(
          "service directories cannot be written; their state is in /run/cinit/service "
          "(SVDIR=/run/cinit/service sv status NAME)\n");
  CHECK(box.count("service directories cannot be written") == 1);
  CHECK(has(box.sh("sv status web"), "unable to open supervise/ok"));
  box.await("SVDIR=/run/cinit/service sv status web", "down: web: ");
  CHECK(has(box.sh("SVDIR=/run/cinit/service sv start web"), "ok: run: web: (pid "));
  box.wait_for("web: ready\n");
  const std::string status = box.sh("SVDIR=/run/cinit/service sv status web");
  CHECK(has(status, ", normally down; run: log: (pid "));
  CHECK(box.exec({"sh", "-c", "SVDIR=/run/cinit/service sv restart web"}).code == 0);
}

TEST_CASE("a supervise that is a link into /run is used on a read-only root") {
  Box box;
  box.script("web/run", "exec app app1 web").link("/run/supervise.web", "/etc/service/web/supervise");
  box.boot({}, {.read_only = true}).wait_for("web: ready\n");
  CHECK(has(box.sh("sv status web"), "run: web: (pid "));
  CHECK(!box.logged("cannot be written"));
}

TEST_CASE("a stop ends runit services, then their loggers, which get everything to its end") {
  Box box;
  add_writer(box, "web");
  box.script("web/finish", "echo finished");
  box.boot().wait_until([&] { return has(box.read_shared("log"), "hello\n"); }, "the service runs");
  box.signal(SIGTERM);
  const End end = box.wait_exit();
  CHECK(end.code == 0);
  CHECK(milliseconds(end.took) < 2000);
  CHECK(box.read_shared("log") == "hello\nbye\nfinished\neof\n");
  CHECK(in_order(box.log(), {"cinit: web: stopping: sending SIGTERM\n", "cinit: web: stopped\n",
                             "cinit: web/log: stopping: it has got all that it was to read\n",
                             "cinit: web/log: exited with code 0", "cinit: web/log: stopped\n"}));
}

TEST_CASE("a stop with runit services is over in milliseconds when they end at once") {
  Box box;
  box.script("web/run", "exec app app1 web").script("web/log/run", "exec cat >&2");
  box.boot().wait_for("web: ready\n");
  box.watch_processes();
  box.signal(SIGTERM);
  const End end = box.wait_exit();
  CHECK(end.code == 0);
  CHECK(milliseconds(end.after_the_others) < 200);
}

TEST_CASE("a runit service that ignores SIGTERM is killed at the end of the stop timeout only") {
  Box box;
  box.script("deaf/run", "exec app app2 deaf").script("web/run", "exec app app1 web");
  box.boot({"-t", "1s"}).wait_for("web: ready\n");
  box.wait_for("deaf: ready\n");
  box.signal(SIGTERM);
  const End end = box.wait_exit();
  CHECK(end.code == 137);
  CHECK(milliseconds(end.took) >= 990);
  CHECK(box.logged("deaf: handle signal: terminated\n"));
  CHECK(box.logged("the stop timeout of 1 s is over; sending SIGKILL to what is left\n"));
}

TEST_CASE("sv down never kills a service that ignores SIGTERM, whatever the stop timeout") {
  Box box;
  box.script("deaf/run", "exec app app2 deaf");
  box.boot({"-t", "200ms"}).wait_for("deaf: ready\n");
  CHECK(box.exec({"sv", "down", "deaf"}).code == 0);
  box.wait_for("deaf: handle signal: terminated\n");
  box.watch_for(500ms);
  CHECK(has(box.sh("sv status deaf"), "run: deaf: (pid "));
  CHECK(box.exec({"sv", "-w", "1", "force-stop", "deaf"}).code == 1);
  box.wait_for("cinit: deaf: stopped\n");
}

TEST_CASE("a logger that does not end with its input gets its SIGTERM within the stop timeout") {
  Box box;
  box.script("web/run", "exec app app1 web >&2").script("web/log/run", "exec app app1 logger");
  box.boot({"-t", "2s"}).wait_for("web: ready\n");
  box.wait_for("logger: ready\n");
  box.signal(SIGTERM);
  CHECK(box.wait_exit().code == 0);
  CHECK(in_order(box.log(), {"web: app exit normally\n", " after the end of its input\n",
                             "cinit: web/log: stopping: sending SIGTERM\n", "logger: app exit normally\n"}));
}

TEST_CASE("what a runit service leaves behind is ended with everything else") {
  Box box;
  box.script("web/run", "app daemon left; exec app app1 web");
  box.boot().wait_for("web: ready\n");
  CHECK(has(box.sh("sv -w 5 restart web"), "ok: run"));
  box.wait_for("web: ready\n", 2);
  CHECK(!box.logged("left: handle signal"));
  box.signal(SIGTERM);
  CHECK(box.wait_exit().code == 0);
  CHECK(box.count("left: app exit normally\n") == 2);
}

TEST_CASE("runit services run beside a main command, and the container ends with that") {
  Box box;
  add_writer(box, "web");
  box.boot({"--", "sh", "-c", "app wait-for /shared/go; exit 5"});
  box.wait_until([&] { return has(box.read_shared("log"), "hello\n"); }, "the service runs");
  box.sh("touch /shared/go");
  CHECK(box.wait_exit().code == 5);
  CHECK(box.read_shared("log") == "hello\nbye\neof\n");
}

TEST_CASE("--no-services leaves runit services out, too") {
  Box box;
  box.script("web/run", "exec app app1 web");
  box.boot({"--no-services", "--", "sh", "-c", "ls /etc/service/web; ps -o args"});
  CHECK(box.wait_exit().code == 0);
  CHECK(!box.logged("supervise"));
  CHECK(!box.logged("app1"));
}

TEST_CASE("the container does not end because every runit service is down") {
  Box box;
  box.script("web/run", "exec app app1 web");
  box.boot().wait_for("web: ready\n");
  CHECK(has(box.sh("sv stop web"), "ok: down"));
  box.wait_for("cinit: web: stopped\n");
  box.watch_for(200ms);
  CHECK(box.running());
  box.signal(SIGTERM);
  CHECK(box.wait_exit().code == 0);
}

TEST_CASE("sv shutdown sees that nobody looks after a service, which comes back") {
  Box box;
  box.script("web/run", "exec app app1 web").script("web/log/run", "exec cat >&2");
  box.boot().wait_for("web: ready\n");
  const Output output = box.exec({"sv", "shutdown", "web"});
  CHECK(output.text == "ok: web: runsv not running\n");
  CHECK(output.code == 0);
  box.wait_for("web: ready\n", 2);
}

TEST_CASE("cinit's own commands know runit services and their loggers") {
  Box box;
  box.script("web/run", "exec app app1 web >&2").script("web/log/run", "exec cat >&2");
  box.boot().wait_for("web: ready\n");
  const std::string status = box.sh("cinit status");
  CHECK(has(status, "web "));
  CHECK(has(status, "web/log "));
  CHECK(box.exec({"cinit", "stop", "web"}).code == 0);
  CHECK(has(box.sh("sv status web"), "down: web: "));
  CHECK(has(box.sh("sv status web"), ", normally up; run: log: "));
  CHECK(box.exec({"cinit", "status", "web"}).code == 3);
  CHECK(box.exec({"cinit", "start", "web"}).code == 0);
  box.wait_for("web: ready\n", 2);
  CHECK(box.exec({"cinit", "restart", "web"}).code == 0);
  box.wait_for("web: ready\n", 3);
  CHECK(box.exec({"cinit", "signal", "HUP", "web"}).code == 0);
  box.wait_for("web: handle signal: hangup\n");
  CHECK(box.exec({"sv", "down", "web"}).code == 0);
  box.await("cinit status web", "stopped");
  CHECK(box.exec({"cinit", "status", "web/log"}).code == 0);
}

TEST_CASE("cinit logs has the lines of a runit service without a logger") {
  Box box;
  box.config("[cinit]\nlog-prefix = 'name'\n");
  box.script("web/run", "exec app app1");
  box.boot().wait_for("web | ready\n");
  CHECK(has(box.sh("cinit logs web"), "ready\n"));
}

TEST_CASE("a follower of a service whose directory goes gets no line of the service that comes in its place") {
  Box box;
  box.config("[cinit]\nlog-prefix = 'name'\n");
  box.script("old/run", "echo of the old; exec app app1 old").boot().wait_for("old | of the old\n");
  box.script("/opt/new/run", "while :; do echo of the new; sleep 0.02; done");
  box.exec_in_background({"sh", "-c", "cinit logs -f old > /shared/followed 2>&1; echo follower ends $?"});
  box.wait_until([&] { return has(box.read_shared("followed"), "of the old"); }, "the follower");
  box.sh("mv /etc/service/old /opt/old");
  box.wait_for("cinit: old: stopped\n");
  box.sh("ln -s /opt/new /etc/service/new");
  box.wait_for("new | of the new\n", 3);
  box.wait_for("follower ends 0\n");
  CHECK(!has(box.read_shared("followed"), "of the new"));
  CHECK(has(box.read_shared("followed"), "cinit: the service has gone\n"));
}

TEST_CASE("a boot hook adds, changes and removes service directories before any of them is started") {
  Box box;
  box.script("web/run", "echo old web; exec app app1 web").file("/etc/service/web/down", "");
  box.script("mail/run", "exec app app1 mail");
  box.script("/srv/db/run", "exec app app1 db");
  box.script("/etc/my_init.d/services",
             "cd /etc/service; rm web/down; rm -r mail; ln -s /srv/db db\n"
             "mkdir web/log; printf '#!/bin/sh\\nexec cat >>/shared/log\\n' >web/log/run; chmod +x web/log/run\n"
             "sed -i s/old/new/ web/run");
  box.link("busybox", "/bin/sed");
  box.boot().wait_for("db: ready\n");
  box.wait_until([&] { return has(box.read_shared("log"), "web: ready\n"); }, "the service and its logger run");
  CHECK(box.read_shared("log") == "new web\nweb: ready\n");
  CHECK(!box.logged("mail"));
  CHECK(has(box.sh("sv status web"), "; run: log: "));
}

TEST_CASE("hooks alone, and a directory of services that is empty: it is over with the hooks") {
  Box box;
  box.file("/etc/service/.keep", "");
  box.script("/etc/my_init.d/hook", "echo hooked");
  box.boot();
  CHECK(box.wait_exit().code == 0);
  CHECK(box.logged("hooked\n"));
}

TEST_CASE("a directory of services that is empty is nothing to run") {
  Box box;
  box.file("/etc/service/.keep", "");
  box.boot();
  CHECK(box.wait_exit().code == 64);
  CHECK(
      box.logged("nothing to run: there is no command, no service in /etc/cinit.toml, /etc/cinit.d/*.toml, "
                 "/etc/service, and no hook"));
}

TEST_CASE("the directories of services can be others, and none") {
  Box other;
  other.config("[cinit]\nservice-directories = ['/srv/services']\n");
  other.script("/srv/services/web/run", "exec app app1 web").script("unused/run", "exec app app1 unused");
  other.boot().wait_for("web: ready\n");
  // The program runs a moment before cinit says so in supervise/.
  other.wait_until([&] { return has(other.sh("SVDIR=/srv/services sv status web"), "run: web: (pid "); }, "web is up");
  CHECK(!other.logged("unused"));

  Box none;
  none.config("[cinit]\nservice-directories = []\n[service.web]\ncommand = ['app', 'app1', 'web']\n");
  none.script("unused/run", "exec app app1 unused");
  none.boot().wait_for("web: ready\n");
  CHECK(!none.logged("unused"));
}

TEST_CASE("services of cinit.toml and of /etc/service run beside each other") {
  Box box;
  box.config("[service.db]\ncommand = ['app', 'app1', 'db']\n");
  box.script("web/run", "exec app app1 web");
  box.boot().wait_for("web: ready\n");
  box.wait_for("db: ready\n");
  box.signal(SIGTERM);
  CHECK(box.wait_exit().code == 0);
}

TEST_CASE("a service that is both in cinit.toml and in /etc/service is an error that names both places") {
  Box box;
  box.config("\n[service.web]\ncommand = ['app', 'app1', 'web']\n");
  box.script("web/run", "exec app app1 web");
  box.boot();
  CHECK(box.wait_exit().code == 78);
  CHECK(box.logged("/etc/service/web"));
  CHECK(box.logged("\"web\""));
  CHECK(box.logged("/etc/cinit.toml:2"));
  CHECK(!box.logged("web: ready"));
}

TEST_CASE("a runit service that cannot be started is told of once, and why") {
  Box box;
  box.file("/etc/service/web/run", "#!/no/such\n", 0755);
  box.script("tick/run", "sleep 3; echo three seconds; exec sleep 99");
  box.boot().wait_for("cinit: web: failed: ");
  const Output start = box.exec({"sv", "-w", "1", "start", "web"});
  CHECK(start.code == 1);
  CHECK(has(start.text, "timeout: down: web: "));
  CHECK(has(start.text, "s, normally up, want up\n"));
  box.wait_for("three seconds\n");
  CHECK(box.count("cinit: web: failed: ") == 1);
  CHECK(box.logged("/no/such"));
}

TEST_CASE("two hundred runit services with loggers start and stop") {
  Box box;
  constexpr int kMany = 200;
  for (int i = 0; i < kMany; ++i) {
    const std::string name = "s" + std::to_string(i);
    box.script(name + "/run", "exec app app1 " + name).script(name + "/log/run", "exec cat >>/shared/log");
  }
  box.boot();
  const auto lines = [&](const char* text) {
    const std::string log = box.read_shared("log");
    int found = 0;
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++found;
    return found;
  };
  box.wait_until([&] { return lines(": ready\n") == kMany; }, "all of them run", 60s);
  box.signal(SIGTERM);
  const End end = box.wait_exit(60s);
  CHECK(end.code == 0);
  CHECK(lines(": app exit normally\n") == kMany);
  CHECK(milliseconds(end.took) < 9000);
}

TEST_CASE(
    "many runit services need many descriptors, which cinit gets as far as the container allows, and keeps to itself") {
  Box box;
  constexpr int kMany = 60;
  for (int i = 0; i < kMany; ++i) {
    const std::string name = "s" + std::to_string(i);
    box.script(name + "/run", "exec app app1 " + name).script(name + "/log/run", "exec cat >>/shared/log");
  }
  box.script("limit/run", "ulimit -Sn; exec sleep 99");
  SUBCASE("enough") {
    box.run({"sh", "-c", "ulimit -Sn 256; exec cinit"}).wait_for("256\n");
    CHECK(!box.logged("sv cannot look after it"));
  }
  SUBCASE("too few") {
    box.run({"sh", "-c", "ulimit -n 256; exec cinit"}).wait_for("256\n");
    CHECK(box.count("sv cannot look after all services, for want of descriptors") == 1);
  }
  box.wait_until([&] { return std::ranges::count(box.read_shared("log"), '\n') == kMany; }, "all of them run", 30s);
  box.signal(SIGTERM);
  CHECK(box.wait_exit(30s).code == 0);
}

TEST_CASE("a script of control/ that hangs costs the stop its last part only, in which the service ends by itself") {
  const std::string in_place_of_the_signal = "web/control/t";
  const std::string after_the_end = "web/control/d";
  for (const std::string& hung : {in_place_of_the_signal, after_the_end}) {
    for (const bool urges : {false, true}) {
      CAPTURE(hung);
      CAPTURE(urges);
      Box box;
      box.script("web/run", "trap 'echo end; exit' TERM; echo ready; while :; do sleep 0.05; done");
      box.script(hung, "echo hangs; exec sleep 99").script("web/finish", "echo finished");
      box.boot({"-t", "2s"}).wait_for("ready\n");
      box.sh("printf d >/etc/service/web/supervise/control");
      box.wait_for("hangs\n");
      box.signal(SIGTERM);
      if (urges) {
        box.wait_for("stopping: got SIGTERM\n");
        box.signal(SIGTERM);
      }
      CHECK(box.wait_exit().code == 0);
      CHECK(box.logged("end\n"));
      if (!urges) CHECK(box.logged("finished\n"));
    }
  }
}

TEST_CASE("whoever asks for much while a script of control/ runs waits, and costs no memory") {
  Box box;
  box.script("web/run", "exec app print-signals 15").script("web/control/h", "echo busy; app wait-for /shared/go");
  box.link("busybox", "/bin/timeout").link("busybox", "/bin/yes");
  box.boot().wait_for("ready\n");
  box.sh("printf h >/etc/service/web/supervise/control");
  box.wait_for("busy\n");
  constexpr int kSlack = 1024;  // kB; what one second of letters needs is a hundred times as much
  const auto memory = [&] {
    const std::string status = box.read("/proc/1/status");
    return std::stoi(status.substr(status.find("VmRSS:") + 6));
  };
  const int before = memory();
  // More than a pipe holds: the writer is kept waiting, and so is ended.
  CHECK(box.sh("timeout 1 sh -c 'yes 2 >/etc/service/web/supervise/control' 2>&-; echo $?") == "143\n");
  CHECK(memory() < before + kSlack);
  box.sh("touch /shared/go");
  box.wait_for("got 12 ");
}

TEST_CASE("a directory of services that goes away and comes back is looked at again") {
  Box box;
  box.script("web/run", "exec app app1 web").script("/srv/late/run", "exec app app1 late");
  box.boot().wait_for("web: ready\n");
  box.sh("mv /etc/service /etc/away");
  box.wait_for("cinit: /etc/service cannot be read any more; its services go on\n");
  box.sh("mkdir /etc/service; mv /srv/late /etc/service/late");
  box.wait_for("late: ready\n");
  CHECK(box.count("cannot be read any more") == 1);
}

TEST_CASE("a directory that changes all the time is looked at all the same") {
  Box box;
  box.script("web/run", "exec app app1 web").script("/srv/late/run", "exec app app1 late");
  box.boot().wait_for("web: ready\n");
  box.exec_in_background({"sh", "-c", "while :; do mkdir /etc/service/.tmp; rmdir /etc/service/.tmp; sleep 0.1; done"});
  box.sh("ln -s /srv/late /etc/service/late");
  box.wait_for("late: ready\n");
}

TEST_CASE("a service that is to exit is not called back") {
  Box box;
  box.script("web/run", "exec app app1 web");
  box.boot().wait_for("web: ready\n");
  box.sh("printf xu >/etc/service/web/supervise/control");
  box.wait_for("web: app exit normally\n");
  box.wait_for("web: ready\n", 2);
  CHECK(has(box.sh("cinit status web"), "running"));
  box.sh("rm -r /etc/service/web");
  box.wait_for("web: app exit normally\n", 2);
}

TEST_CASE("what is wrong with service directories is told once, however often they are looked at") {
  Box box;
  box.config("[cinit]\nservice-directories = ['/srv/services', '/etc/service']\n");
  box.script("/srv/services/web/run", "exec app app1 web").link("/srv/services/web", "/etc/service/web2");
  box.script("/etc/my_init.d/hook", "true").boot().wait_for("web: ready\n");
  box.sh("mkdir /etc/service/new; ln -s /bin/false /etc/service/new/run");
  box.wait_for("cinit: new: started\n");
  CHECK(box.count("/etc/service/web2: warning: this is the same directory as /srv/services/web") == 1);
}

// ---- sv in the stop

namespace {

// The same as my_init and as cinit: both run the scripts of my_init.pre_shutdown.d.
Box& boot_as(Box& box, const std::string& name) {
  box.link("cinit", "/sbin/my_init");
  return box.run({"/sbin/" + name});
}

const std::string kPreShutdown = "/etc/my_init.pre_shutdown.d/";
// Says what it gets, ends with SIGTERM, and with SIGQUIT in order.
const std::string kPolite =
    "trap 'echo got TERM; exit' TERM; trap 'echo got QUIT; exit' QUIT; trap 'echo got HUP' HUP; echo ready\n"
    "while :; do sleep 0.05; done";

}  // namespace

TEST_CASE("scripts before the stop end a service in order by sv, and flush its data then") {
  for (const char* const name : {"my_init", "cinit"}) {
    CAPTURE(name);
    Box box;
    box.script("app/run", kPolite);
    box.script(kPreShutdown + "10_stop_app.sh", "echo stop app; sv stop app; echo code $?");
    box.script(kPreShutdown + "20_flush.sh", "echo flushed");
    boot_as(box, name).wait_for("ready\n");
    box.signal(SIGTERM);
    CHECK(box.wait_exit().code == (name == std::string("cinit") ? 0 : 2));
    CHECK(in_order(box.log(), {"stop app\n", "got TERM\n", "ok: down: app: ", "code 0\n", "flushed\n"}));
  }
}

TEST_CASE("every command of sv works in scripts before the stop") {
  Box box;
  box.script("app/run", kPolite).script("idle/run", "echo idle runs; exec sleep 99").file("/etc/service/idle/down", "");
  box.script("app/check", "exit 0");
  box.script(kPreShutdown + "10",
             "exec 2>&1\n"
             "for what in status check hup 'start idle' 'down idle' 'once idle' 'restart app' 'stop app' 'up app' "
             "'start app' 'force-restart app' 'try-restart app' 'shutdown idle' 'force-stop app'; do\n"
             "  set -- $what; sv -w 5 $1 ${2-app}; echo \"$what: code $?\"\n"
             "done");
  boot_as(box, "my_init").wait_for("ready\n");  // cinit gives its hooks 2 s
  box.signal(SIGTERM);
  box.wait_exit();
  for (const char* const what :
       {"status", "check", "hup", "start idle", "down idle", "once idle", "restart app", "stop app", "up app",
        "start app", "force-restart app", "try-restart app", "shutdown idle", "force-stop app"}) {
    INFO(what);
    CHECK(box.logged(std::string(what) + ": code 0\n"));
  }
  CHECK(box.count("idle runs\n") == 2);
  CHECK(in_order(box.log(), {"got HUP\n", "got TERM\n", "ready\n", "got TERM\n", "ready\n", "got TERM\n"}));
}

TEST_CASE("a script of control/ sends another signal by sv in the place of the stop signal") {
  for (const char* const name : {"my_init", "cinit"}) {
    CAPTURE(name);
    Box box;
    box.script("web/run", kPolite).script("web/control/t", "echo instead; sv q web");
    boot_as(box, name).wait_for("ready\n");
    box.signal(SIGTERM);
    const End end = box.wait_exit();
    CHECK(milliseconds(end.took) < 3000);
    CHECK(in_order(box.log(), {"instead\n", "got QUIT\n"}));
    CHECK(!box.logged("got TERM\n"));
  }
}

TEST_CASE("where a script of control/ has stood in for the stop signal, the log does not say that it was sent") {
  Box box;
  box.script("web/run", kPolite).script("web/control/t", "exit 0");
  box.boot({"-t", "1s"}).wait_for("ready\n");
  box.signal(SIGTERM);
  CHECK(box.wait_exit().code == 137);
  CHECK(box.logged("web: still running 1 s after it was asked to stop; sending SIGKILL\n"));
}

TEST_CASE("in the stop services are signalled and stopped by sv, and none is started") {
  Box box;
  std::string asks;
  std::string sees;
  std::string db = kPolite;
  SUBCASE("a signal") {
    // It is asked to end at the same time as the other, and stays for this signal.
    db = "trap '' TERM; trap 'echo got HUP; exit' HUP; echo ready\nwhile :; do sleep 0.05; done";
    asks = "sv h db";
    sees = "got HUP\n";
  }
  SUBCASE("down") {
    asks = "sv -w 5 down db";
    sees = "got TERM\n";
  }
  SUBCASE("force-stop") {
    asks = "sv -w 5 force-stop db";
    sees = "got TERM\n";
  }
  SUBCASE("exit") {
    asks = "sv -w 5 shutdown db";
    sees = "got TERM\n";
  }
  SUBCASE("once") {
    asks = "sv o db";
    sees = "code 0\n";
  }
  SUBCASE("up, of one that is down") {
    asks = "sv u idle";
    sees = "code 0\n";
  }
  box.script("web/run", "exec sleep 99").script("web/finish", asks + "; echo code $? >&2");
  box.script("db/run", db).script("idle/run", "echo idle runs").file("/etc/service/idle/down", "");
  box.boot().wait_for("ready\n");
  box.signal(SIGTERM);
  CHECK(box.wait_exit().code == 0);
  CHECK(box.logged(sees));
  CHECK(box.logged("code 0\n"));
  CHECK(!box.logged("idle runs\n"));
}

TEST_CASE("cinit stop works in a hook before the stop, and cinit start as well, as long as nothing is being stopped") {
  Box box;
  box.config("[hooks]\npre-stop = [\"/hook\"]\n[service.app]\ncommand = \"app app1 app\"\n");
  box.script("/hook", "cinit stop app; echo code $?; cinit start app; echo code $?; cinit stop app; echo code $?");
  box.boot().wait_for("app: ready\n");
  box.signal(SIGTERM);
  CHECK(box.wait_exit().code == 0);
  CHECK(box.count("code 0\n") == 3);
  CHECK(box.count("app: app exit normally\n") == 2);
}

// ---- A ./finish that does not end

TEST_CASE("a finish that does not end gets SIGTERM in the sweep, with every other process") {
  Box box;
  box.script("once/run", "echo done").script("once/finish", "echo waits; exec sleep 99");
  SUBCASE("one that ends then") {
    box.boot({"-t", "2s"}).wait_for("waits\n");
    box.signal(SIGTERM);
    const End end = box.wait_exit();
    CHECK(end.code == 0);
    CHECK(milliseconds(end.took) < 1900);
    CHECK(!box.logged("SIGKILL"));
  }
  SUBCASE("one that does not") {
    box.script("once/finish", "trap 'echo told' TERM; echo waits; while :; do sleep 0.05; done");
    box.boot({"-t", "2s"}).wait_for("waits\n");
    box.signal(SIGTERM);
    const End end = box.wait_exit();
    CHECK(milliseconds(end.took) < 2500);
    CHECK(box.logged("told\n"));
  }
  SUBCASE("one that has begun in the stop") {
    box.script("once/run", "echo waits; exec sleep 99");
    box.boot({"-t", "2s"}).wait_for("waits\n");
    box.signal(SIGTERM);
    const End end = box.wait_exit();
    CHECK(end.code == 0);
    CHECK(milliseconds(end.took) < 1900);
  }
}

TEST_CASE(
    "my_init: a finish that does not end has KILL_PROCESS_TIMEOUT, then SIGTERM, then the time of everything else") {
  Box box;
  box.script("once/run", "echo done");
  const Options options{.env = {{"KILL_PROCESS_TIMEOUT", "1"}, {"KILL_ALL_PROCESSES_TIMEOUT", "1"}}};
  double least = 900;
  double most = 1700;
  SUBCASE("one that ends then") { box.script("once/finish", "echo waits; exec sleep 99"); }
  SUBCASE("one that does not") {
    box.script("once/finish", "trap 'echo told' TERM; echo waits; while :; do sleep 0.05; done");
    least = 1900;
    most = 3400;
  }
  SUBCASE("one that has begun in the stop") {
    box.script("once/run", "echo waits; exec sleep 99").script("once/finish", "exec sleep 99");
  }
  box.link("cinit", "/sbin/my_init");
  box.run({"/sbin/my_init"}, options).wait_for("waits\n");
  box.signal(SIGTERM);
  const End end = box.wait_exit();
  CHECK(end.code == 2);
  CHECK(milliseconds(end.took) > least);
  CHECK(milliseconds(end.took) < most);
}

TEST_CASE("a directory without a run that holds directories with one is no service, and nothing is made in it") {
  for (const std::string tree : {"/etc/service/", "/etc/services.d/"}) {
    CAPTURE(tree);
    Box box;
    box.script(tree + "group/web/run", "echo no service; exec sleep 99")
        .script(tree + "group/db/run", "echo no service");
    box.script(tree + "real/run", "exec app app1 real");
    // One whose run is still to come, with its logger.
    box.script(tree + "later/log/run", "exec cat");
    box.boot().wait_for("real: ready\n");
    CHECK(box.sh("ls -A " + tree + "group") == "db\nweb\n");
    CHECK(box.sh("ls -A " + tree + "group/web") == "run\n");
    CHECK(box.sh("ls -d /run/s6/services/group /run/cinit/service/group 2>&1").find("group\n") == std::string::npos);
    CHECK(!has(box.sh("cinit status"), "group"));
    CHECK(has(box.sh("cinit status"), "later"));
    CHECK(box.count(tree + "group: warning: this is no service: it has no run, and directories in it have one") == 1);
    CHECK(!box.logged("no service\n"));
    // It becomes one, with a run, when the services are looked at again.
    const std::string run = tree + "group/run";
    box.sh("printf '#!/bin/sh\\nexec app app1 group' >" + run + "; chmod +x " + run + "; mkdir " + tree + "new");
    box.wait_for("group: ready\n");
  }
}

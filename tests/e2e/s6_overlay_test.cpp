// Images made for s6-overlay, where it is about cinit alone: tests/dropin compares service directories with Debian's s6.
#include <doctest/doctest.h>

#include "container.hpp"
#include "in_order.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

const std::string kServices = "/etc/services.d/";
const std::string kSources = "/etc/s6-overlay/s6-rc.d/";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class Image : public Container {
 public:
  Image() { link("/sbin/cinit", "/usr/bin/with-contenv"); }

  Image& script(const std::string& path, const std::string& body, const std::string& interpreter = "/bin/sh") {
    file(path, "#!" + interpreter + "\n" + body + "\n", 0755);
    return *this;
  }
  // A source of s6-rc that is started with the container, when it is in a bundle for that.
  Image& longrun(const std::string& name, const std::string& run, const std::string& bundle = "user") {
    script(kSources + name + "/run", run);
    return source(name, "longrun", bundle);
  }
  Image& oneshot(const std::string& name, const std::string& up, const std::string& bundle = "user") {
    file(kSources + name + "/up", up + "\n");
    return source(name, "oneshot", bundle);
  }
  Image& needs(const std::string& name, const std::string& dependency) {
    file(kSources + name + "/dependencies.d/" + dependency, "");
    return *this;
  }

  std::string sh(const std::string& line) { return exec({"sh", "-c", line}).text; }

 private:
  Image& source(const std::string& name, const std::string& type, const std::string& bundle) {
    file(kSources + name + "/type", type + "\n");
    if (!bundle.empty()) file(kSources + bundle + "/contents.d/" + name, "");
    return *this;
  }
};

}  // namespace

TEST_CASE("s6-overlay: owners and modes, scripts by name, services, the command, and the scripts of the end") {
  Image image;
  image.file("/srv/data/file", "").file("/etc/fix-attrs.d/10-data", "/srv/data true app 0640 0750\n");
  image.script("/etc/cont-init.d/20-b", "echo second");
  image.script("/etc/cont-init.d/10-a", "stat -c '%U %a' /srv/data /srv/data/file").link("busybox", "/bin/stat");
  image.file("/etc/services.d/web/run", "#!/bin/sh\nexec app app1 web\n",
             0644);  // made executable, as s6-overlay 2 does
  image.script(kServices + "web/finish", "echo finish $1 $2 $3");
  image.script("/etc/cont-finish.d/b", "echo last words");
  image.script("/etc/cont-finish.d/a", "echo before them");
  image.cinit({"--", "sh", "-c", "app wait-for /shared/go; echo the command; exit 5"});
  image.wait_for("web: ready\n");
  image.sh("touch /shared/go");
  CHECK(image.wait_exit().code == 5);
  CHECK(in_order(image.log(), {"app 750\napp 640\n", "second\n", "web: ready\n", "the command\n",
                               "web: app exit normally\n", "finish 0 0 web\n", "before them\n", "last words\n"}));
}

TEST_CASE("s6-overlay: without a command it runs until it is stopped, at once when all ends at once") {
  Image image;
  image.script(kServices + "web/run", "exec app app1 web").script("/etc/cont-finish.d/a", "echo last words");
  image.cinit().wait_for("web: ready\n");
  image.signal(SIGTERM);
  const End end = image.wait_exit();
  CHECK(end.code == 0);
  CHECK(milliseconds(end.took) < 2000);
  CHECK(in_order(image.log(), {"web: app exit normally\n", "last words\n"}));
}

TEST_CASE("s6-overlay: with-contenv has the container's environment, and what scripts make of it") {
  Image image;
  const std::string print = "echo $NAME: \"${COLOUR-unset},${SHAPE-unset}\"";
  image.script("/etc/cont-init.d/10-bare", "NAME=bare; " + print);
  image.script("/etc/cont-init.d/20-full", "NAME=full; " + print, "/usr/bin/with-contenv sh");
  image.script("/etc/cont-init.d/30-change", "printf round >/run/s6/container_environment/SHAPE");
  image.script(kServices + "web/run", "NAME=web; " + print + "; exec sleep 99");
  image.script(kServices + "db/run", "NAME=db; " + print + "; exec sleep 99", "/usr/bin/with-contenv sh");
  const std::map<std::string, std::string> environment{{"COLOUR", "green"}};
  SUBCASE("as it is") {
    image.cinit({"--", "sh", "-c", "NAME=command; " + print + "; exec sleep 99"}, {.env = environment});
    for (const char* line : {"bare: unset,unset\n", "full: green,unset\n", "web: unset,unset\n", "db: green,round\n",
                             "command: green,round\n"}) {
      image.wait_for(line);
    }
  }
  SUBCASE("S6_KEEP_ENV") {
    image.cinit({}, {.env = {{"COLOUR", "green"}, {"S6_KEEP_ENV", "1"}}});
    for (const char* line : {"bare: green,unset\n", "full: green,unset\n", "web: green,round\n"}) image.wait_for(line);
  }
}

TEST_CASE("s6-overlay: programs of /command are found by everything that the image starts") {
  Image image;
  image.script("/command/greet", "echo greeted by $1");
  image.script("/etc/cont-init.d/10-a", "greet hook").script("/etc/my_init.d/10-a", "greet my_init-hook");
  image.script(kServices + "web/run", "greet service; exec app app1 web")
      .script(kServices + "web/finish", "greet finish");
  image.script(kServices + "db/run", "greet with-contenv; exec app app1 db", "/usr/bin/with-contenv sh");
  image.oneshot("once", "greet oneshot").script("/etc/cont-finish.d/a", "greet cont-finish");
  image.config("[service.own]\ncommand = \"greet own\"\ntype = \"oneshot\"\n");
  std::map<std::string, std::string> environment{{"PATH", "/sbin:/bin"}, {"S6_STAGE2_HOOK", "greet early"}};
  SUBCASE("") {}
  SUBCASE("S6_KEEP_ENV") { environment["S6_KEEP_ENV"] = "1"; }
  image.cinit({"--", "sh", "-c", "app wait-for /shared/go; greet command; echo $PATH"}, {.env = environment});
  for (const char* const line : {"web: ready\n", "db: ready\n", "greeted by oneshot\n", "greeted by own\n"}) {
    image.wait_for(line);
  }
  image.sh("touch /shared/go");
  CHECK(image.wait_exit().code == 0);
  for (const char* const who : {"early", "hook", "my_init-hook", "oneshot", "service", "with-contenv", "own", "command",
                                "finish", "cont-finish"}) {
    INFO(who);
    CHECK(image.logged(std::string("greeted by ") + who + "\n"));
  }
  CHECK(image.logged("\n/command:/usr/bin:/sbin:/bin\n"));
}

TEST_CASE("s6-overlay: a script may choose the exit code") {
  Image image;
  image.script(kServices + "web/run", "exit 3");
  Arguments arguments;
  SUBCASE("as with the second version") {
    image.script(kServices + "web/finish",
                 "printf 42 >/run/s6/env-stage3/S6_STAGE2_EXITED; printf t >/run/s6/services/.s6-svscan/control");
  }
  SUBCASE("as with the third") {
    image.script(kServices + "web/finish",
                 "echo 42 >/run/s6-linux-init-container-results/exitcode; exec /run/s6/basedir/bin/halt");
  }
  SUBCASE("which is that of the container, and not that of a command that ends because of it") {
    arguments = {"--", "sleep", "99"};
    image.script(kServices + "web/finish",
                 "echo 42 >/run/s6-linux-init-container-results/exitcode; exec /run/s6/basedir/bin/halt");
  }
  image.cinit(arguments);
  CHECK(image.wait_exit().code == 42);
}

TEST_CASE(
    "s6-overlay: scripts that ask for the end in a stop change nothing about its order, and choose the exit code") {
  Image image;
  std::string ask;
  int code = 0;
  SUBCASE("halt") { ask = "exec /run/s6/basedir/bin/halt"; }
  SUBCASE("halt, and an exit code") {
    ask = "echo 42 >/run/s6-linux-init-container-results/exitcode; /run/s6/basedir/bin/halt";
    code = 42;
  }
  SUBCASE("poweroff") { ask = "exec /run/s6/basedir/bin/poweroff"; }
  SUBCASE("reboot") { ask = "exec /run/s6/basedir/bin/reboot"; }
  SUBCASE("s6-svscanctl") { ask = "printf t >/run/s6/services/.s6-svscan/control"; }
  SUBCASE("s6-svscanctl, and an exit code as with the second version") {
    ask = "printf 43 >/run/s6/env-stage3/S6_STAGE2_EXITED; printf t >/run/s6/services/.s6-svscan/control";
    code = 43;
  }
  SUBCASE("a signal to PID 1") { ask = "kill 1"; }
  SUBCASE("another signal to PID 1") { ask = "kill -s INT 1"; }
  image.longrun("db", "echo $$ >/tmp/db; exec app print-signals 12");
  image.longrun("app", "echo $$ >/tmp/app; exec app print-signals 12").needs("app", "db");
  for (const char* const web : {"web1", "web2", "web3"}) {
    image.longrun(web, "exec app app1 " + std::string(web)).needs(web, "app");
    image.script(kSources + web + "/finish", "echo $3 asks; " + ask);
  }
  image.cinit();
  for (const char* const web : {"web1", "web2", "web3"}) image.wait_for(std::string(web) + ": ready\n");
  image.signal(SIGTERM);
  // Both stay until they get SIGUSR2: the database is not told to end while the application is there.
  image.wait_for("got 15 ");
  for (const char* const web : {"web1", "web2", "web3"}) image.wait_for(std::string(web) + " asks\n");
  image.watch_for(300ms);
  CHECK(image.count("got 15 ") == 1);
  CHECK(!image.logged("urge"));
  image.sh("kill -s USR2 $(cat /tmp/app)");
  image.wait_for("got 15 ", 2);
  image.sh("kill -s USR2 $(cat /tmp/db)");
  CHECK(image.wait_exit().code == code);
}

TEST_CASE("s6-overlay: the container that a script has ended is urged by the second signal from outside") {
  Image image;
  image.longrun("db", "exec app print-signals 12").longrun("app", "exec app print-signals 12").needs("app", "db");
  image.longrun("web", "exec app app1 web").needs("web", "app").script(kSources + "web/finish", "kill 1");
  image.cinit().wait_for("web: ready\n");
  image.sh("printf d >/run/service/web/supervise/control");
  image.wait_for("got 15 ");
  image.signal(SIGTERM);
  image.watch_for(200ms);
  CHECK(image.count("got 15 ") == 1);
  image.signal(SIGTERM);
  image.wait_for("got 15 ", 3);
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 137);
}

TEST_CASE("s6-overlay: a script that fails is told, and ends the container only if S6_BEHAVIOUR_IF_STAGE2_FAILS is 2") {
  Image image;
  image.script("/etc/cont-init.d/10-bad", "exit 7").script("/etc/cont-init.d/20-next", "echo next");
  SUBCASE("not set") {
    image.cinit({"--", "echo", "the command"});
    CHECK(image.wait_exit().code == 0);
    CHECK(in_order(image.log(), {"/etc/cont-init.d/10-bad", "exited with code 7", "next\n", "the command\n"}));
  }
  SUBCASE("2") {
    image.cinit({"--", "echo", "the command"}, {.env = {{"S6_BEHAVIOUR_IF_STAGE2_FAILS", "2"}}});
    CHECK(image.wait_exit().code == 1);
    CHECK(image.logged("/etc/cont-init.d/10-bad"));
    CHECK(!image.logged("next\n"));
    CHECK(!image.logged("the command\n"));
  }
}

TEST_CASE("s6-overlay: a script that is not executable is made so, and where it cannot be, the log says what to do") {
  Image image;
  image.file("/etc/cont-init.d/10-plain", "#!/bin/sh\necho plain\n", 0644);
  SUBCASE("a root that can be written") {
    image.cinit({"--", "true"});
    CHECK(image.wait_exit().code == 0);
    CHECK(image.logged("plain\n"));
  }
  SUBCASE("one that cannot") {
    image.cinit({"--", "true"}, {.read_only = true});
    CHECK(image.wait_exit().code == 0);
    CHECK(image.logged("/etc/cont-init.d/10-plain is not executable, and cannot be made so: Read-only file system"));
    CHECK(!image.logged("plain\n"));
  }
}

TEST_CASE("s6-overlay: a stop does not wait for a script that runs, and asks for nothing to be undone then") {
  Image image;
  image.script("/etc/cont-init.d/10-long", "echo started; exec sleep 99");
  image.script("/etc/cont-finish.d/a", "echo last words");
  image.cinit().wait_for("started\n");
  image.signal(SIGTERM);
  CHECK(milliseconds(image.wait_exit().took) < 2000);
  CHECK(!image.logged("last words\n"));
}

TEST_CASE("s6-overlay: S6_KILL_FINISH_MAXTIME bounds each script of the end") {
  Image image;
  image.script("/etc/cont-finish.d/a", "trap '' TERM; echo hangs; sleep 99");
  image.script("/etc/cont-finish.d/b", "echo last words");
  image.cinit({"--", "true"}, {.env = {{"S6_KILL_FINISH_MAXTIME", "1000"}}});
  const End end = image.wait_exit();
  CHECK(end.code == 0);
  CHECK(milliseconds(end.took) < 5000);
  CHECK(in_order(image.log(), {"hangs\n", "/etc/cont-finish.d/a: has not finished within 1 s\n", "killed by SIGKILL",
                               "last words\n"}));
}

TEST_CASE("s6-overlay: S6_STAGE2_HOOK comes first, S6_CMD_ARG0 in front of the command") {
  Image image;
  image.script("/etc/cont-init.d/10-a", "echo a").script("/etc/my_init.d/a", "echo hook");
  image.cinit({"--", "the", "command"},
              {.env = {{"S6_STAGE2_HOOK", "echo early; exit 3"}, {"S6_CMD_ARG0", "echo run"}}});
  CHECK(image.wait_exit().code == 0);
  CHECK(in_order(image.log(), {"early\n", "hook\n", "a\n", "run the command\n"}));
}

TEST_CASE("s6-overlay: S6_STAGE2_HOOK chooses the services") {
  Image image;
  image.longrun("gone", "exec app app1 gone").longrun("extra", "exec app app1 extra", "");
  image.cinit({}, {.env = {{"S6_STAGE2_HOOK", "cd /etc/s6-overlay/s6-rc.d/user/contents.d; rm gone; echo >extra"}}});
  image.wait_for("extra: ready\n");
  CHECK(!image.logged("gone"));
  CHECK(!image.logged("stopping"));
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 0);
}

TEST_CASE("s6-overlay: S6_STAGE2_HOOK may be stopped, and may end the boot") {
  Image image;
  image.script(kServices + "web/run", "exec app app1 web");
  SUBCASE("a stop") {
    image.cinit({}, {.env = {{"S6_STAGE2_HOOK", "echo early; exec sleep 99"}}}).wait_for("early\n");
    image.signal(SIGTERM);
    CHECK(image.wait_exit().code == 0);
  }
  SUBCASE("a stop, and a command that was not started yet") {
    image.cinit({"--", "true"}, {.env = {{"S6_STAGE2_HOOK", "echo early; exec sleep 99"}}}).wait_for("early\n");
    image.signal(SIGTERM);
    CHECK(image.wait_exit().code == 143);
  }
  SUBCASE("it fails") {
    image.cinit({}, {.env = {{"S6_STAGE2_HOOK", "exit 3"}, {"S6_BEHAVIOUR_IF_STAGE2_FAILS", "2"}}});
    CHECK(image.wait_exit().code == 1);
  }
  CHECK(!image.logged("web: ready\n"));
}

TEST_CASE(
    "s6-overlay: a rule of fix-attrs.d that cannot be followed ends the boot if S6_BEHAVIOUR_IF_STAGE2_FAILS is 2") {
  Image image;
  image.file("/etc/fix-attrs.d/a", "/srv true nobody-at-all 0644 0755\n").file("/srv/file", "");
  int code = 0;
  std::map<std::string, std::string> env;
  SUBCASE("not set") {}
  SUBCASE("2") {
    env = {{"S6_BEHAVIOUR_IF_STAGE2_FAILS", "2"}};
    code = 1;
  }
  image.cinit({"--", "true"}, {.env = env});
  CHECK(image.wait_exit().code == code);
  CHECK(image.logged("nobody-at-all"));
}

TEST_CASE("s6-overlay: S6_SERVICES_GRACETIME and S6_KILL_GRACETIME are the stop's time, when cinit's own is not said") {
  Image image;
  image.script(kServices + "deaf/run", "exec app app2 deaf");
  const Options grace{.env = {{"S6_SERVICES_GRACETIME", "200"}, {"S6_KILL_GRACETIME", "100"}}};
  SUBCASE("theirs") {
    image.cinit({}, grace).wait_for("deaf: ready\n");
    image.signal(SIGTERM);
    CHECK(image.wait_exit().code == 137);
    CHECK(image.logged("the stop timeout of 300 ms is over"));
  }
  SUBCASE("cinit's own") {
    image.cinit({"-t", "400ms"}, grace).wait_for("deaf: ready\n");
    image.signal(SIGTERM);
    CHECK(image.wait_exit().code == 137);
    CHECK(image.logged("the stop timeout of 400 ms is over"));
  }
}

TEST_CASE("s6-overlay: on a read-only root services run, and scripts find their places in /run") {
  Image image;
  image.script(kServices + "web/run", "exec app app1 web").script(kServices + "web/finish", "echo finish $3");
  image.cinit({}, {.env = {{"COLOUR", "green"}}, .read_only = true}).wait_for("web: ready\n");
  CHECK(image.sh("with-contenv sh -c 'echo $COLOUR'") == "green\n");
  image.sh("printf d >/run/s6/services/web/supervise/control");
  image.wait_for("finish web\n");
  image.sh("printf u >/run/service/web/supervise/control");
  image.wait_for("web: ready\n", 2);
}

TEST_CASE("s6-overlay: services whose directories get other names are asked by these") {
  Image image;
  image.link("busybox", "/bin/mv").link("busybox", "/bin/readlink");
  image.script("/srv/web/run", "exec app app1 web").link("/srv/web", kServices + "web");
  image.script("/srv/mail/run", "exec app app1 mail").link("/srv/mail", kServices + "mail");
  image.script("/srv/mail/log/run", "exec cat");
  image.cinit().wait_for("mail: ready\n");
  image.wait_for("web: ready\n");
  image.sh("cd /etc/services.d; mv web site; mv mail web");
  image.wait_until([&] { return image.sh("ls /run/s6/services") == "site\nweb\n"; }, "cinit knows the new names");
  CHECK(image.sh("ls /run/s6/services/web/log") == "event\nrun\nsupervise\n");
  CHECK(image.sh("readlink /srv/web/supervise") == "/run/s6/services/site/supervise\n");
  image.sh("printf d >/run/s6/services/site/supervise/control");
  image.wait_for("web: app exit normally\n");
  image.wait_for("cinit: site: stopped\n");
  image.sh("printf d >/run/s6/services/web/supervise/control");
  image.wait_for("mail: app exit normally\n");
  image.wait_for("cinit: web: stopped\n");
}

TEST_CASE("s6-overlay: a user who is not root, and a /run that is root's") {
  Image image;
  image.script("/etc/cont-init.d/10-a", "echo a").script(kServices + "web/run", "exec app app1 web");
  image.cinit({}, {.user = "1000:1000", .read_only = true}).wait_for("web: ready\n");
  CHECK(image.logged("a\n"));
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 0);
}

TEST_CASE("s6-overlay: a second cinit in the container changes nothing of the first") {
  Image image;
  image.script("/etc/cont-init.d/10-a", "echo a").script(kServices + "web/run", "exec app app1 web");
  image.cinit({}, {.env = {{"COLOUR", "green"}}}).wait_for("web: ready\n");
  const std::string before = image.sh("cat /run/s6/basedir/bin/halt /run/s6/container_environment/COLOUR");
  CHECK(image.exec({"env", "COLOUR=red", "cinit"}).code == 64);
  CHECK(image.exec({"env", "COLOUR=red", "cinit", "--no-services", "--skip-startup-files", "--", "true"}).code == 0);
  CHECK(image.sh("cat /run/s6/basedir/bin/halt /run/s6/container_environment/COLOUR") == before);
  CHECK(image.count("a\n") == 1);
}

TEST_CASE("s6-overlay: --skip-startup-files leaves out its scripts, --no-services its services") {
  Image image;
  image.script("/etc/cont-init.d/10-a", "echo script").script("/etc/cont-finish.d/a", "echo last words");
  image.script(kServices + "web/run", "exec app app1 web").oneshot("once", "echo once");
  SUBCASE("scripts") {
    image.cinit({"--skip-startup-files"}).wait_for("web: ready\n");
    image.signal(SIGTERM);
    image.wait_exit();
    CHECK(!image.logged("script\n"));
    CHECK(!image.logged("last words\n"));
  }
  SUBCASE("services") {
    image.cinit({"--no-services", "--", "echo", "the command"}).wait_exit();
    CHECK(in_order(image.log(), {"script\n", "the command\n", "last words\n"}));
    CHECK(!image.logged("ready\n"));
    CHECK(!image.logged("once\n"));
  }
}

TEST_CASE("s6-overlay: variables that cinit does not know how to follow are told of") {
  Image image;
  image.script(kServices + "web/run", "exec app app1 web");
  image.cinit({}, {.env = {{"S6_LOGGING", "1"}, {"S6_CMD_RECEIVE_SIGNALS", "1"}}}).wait_for("web: ready\n");
  CHECK(image.count("cinit: S6_LOGGING has no effect with cinit\n") == 1);
  CHECK(!image.logged("S6_CMD_RECEIVE_SIGNALS"));
}

TEST_CASE("s6-overlay: what is odd about services is told once, however often they are looked at") {
  Image image;
  image.script(kServices + "web/run", "exec app app1 web").file(kServices + "web/lock-fd", "3\n");
  image.cinit().wait_for("web: ready\n");
  const auto add = [&](const std::string& name) {
    image.sh("cd /etc/services.d && mkdir .new && printf '#!/bin/sh\nexec app app1 " + name +
             "\n' >.new/run && chmod +x .new/run && echo x >.new/notification-fd && mv .new " + name);
    image.wait_for(name + ": ready\n");
  };
  add("one");
  add("two");
  CHECK(image.count("web/lock-fd") == 1);
  CHECK(image.count("cinit: /etc/services.d/one/notification-fd:1:1: warning: ") == 1);
  CHECK(image.count("cinit: /etc/services.d/two/notification-fd:1:1: warning: ") == 1);
}

TEST_CASE("s6-rc: what is needed comes first and goes last") {
  Image image;
  image.longrun("app", "echo app; exec app app1 app").needs("app", "setup").needs("app", "base");
  image.oneshot("setup", "echo \"set up\"", "").needs("setup", "db");
  image.file(kSources + "setup/down", "# what the container leaves\necho \"taken down\"\n");
  image.longrun("db", "exec app app1 db", "");
  image.cinit().wait_for("app: ready\n");
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 0);
  CHECK(in_order(image.log(),
                 {"set up\n", "app: ready\n", "app: app exit normally\n", "taken down\n", "db: app exit normally\n"}));
}

TEST_CASE("s6-rc: a oneshot with nothing to run succeeds, also where there is no true(1)") {
  Image image;
  image.oneshot("init", "# nothing").longrun("web", "exec app app1 web").needs("web", "init");
  image.remove("/bin/true");
  image.cinit().wait_for("web: ready\n");
}

TEST_CASE("s6-rc: a bundle stands for what it contains, and what is in none is not started") {
  Image image;
  image.file(kSources + "servers/type", "bundle\n").file(kSources + "servers/contents.d/web", "");
  image.file(kSources + "user/contents.d/servers", "");
  image.longrun("web", "exec app app1 web", "").longrun("spare", "exec app app1 spare", "");
  image.cinit().wait_for("web: ready\n");
  CHECK(!has(image.sh("cinit status"), "spare"));
}

TEST_CASE("s6-rc: who depends on a longrun waits until it says that it is ready") {
  Image image;
  image.longrun("db", "app wait-for /shared/go; echo db is ready; echo >&4; exec sleep 99");
  image.file(kSources + "db/notification-fd", "4\n");
  image.longrun("app", "echo app starts; exec sleep 99").needs("app", "db");
  image.cinit();
  image.wait_until([&] { return has(image.sh("cinit status db"), "starting"); }, "db starts");
  image.watch_for(200ms);
  CHECK(!image.logged("app starts\n"));
  image.sh("touch /shared/go");
  image.wait_for("app starts\n");
  CHECK(in_order(image.log(), {"db is ready\n", "app starts\n"}));
}

TEST_CASE("s6-rc: after a oneshot that fails, who depends on it is not started, and the others go on") {
  Image image;
  image.oneshot("migrate", "sh -c \"echo migrating; exit 3\"");
  image.longrun("app", "exec app app1 app").needs("app", "migrate");
  image.longrun("web", "exec app app1 web");
  image.cinit({"--", "sh", "-c", "app wait-for /shared/go"}).wait_for("web: ready\n");
  image.wait_for("migrate: ");
  image.wait_for("exited with code 3");
  image.sh("touch /shared/go");
  CHECK(image.wait_exit().code == 0);
  CHECK(!image.logged("app: ready\n"));
}

TEST_CASE("s6-rc: what comes after user is not started when a oneshot of user has failed, and the command is") {
  Image image;
  image.oneshot("bad", "false").longrun("app", "exec app app1 app");
  image.longrun("late", "echo late runs; exec sleep 99", "user2");
  image.script(kServices + "old/run", "echo old runs; exec sleep 99");
  image.cinit({"--", "sh", "-c", "app wait-for /shared/go; echo the command; exit 5"});
  image.wait_for("app: ready\n");
  image.wait_for("old: failed: not started, because it requires bad");
  image.wait_for("late: failed: not started, because it requires bad");
  image.sh("touch /shared/go");
  CHECK(image.wait_exit().code == 5);
  CHECK(!has(image.log(), "old runs"));
  CHECK(!has(image.log(), "late runs"));
}

TEST_CASE("s6-rc: a oneshot that fails ends the container with 1 if S6_BEHAVIOUR_IF_STAGE2_FAILS is 2") {
  Image image;
  image.oneshot("bad", "sh -c 'exit 7'").longrun("app", "exec app app1 app");
  image.cinit({"--", "sh", "-c", "echo the command"}, {.env = {{"S6_BEHAVIOUR_IF_STAGE2_FAILS", "2"}}});
  CHECK(image.wait_exit().code == 1);
  CHECK(has(image.log(), "stopping: bad has failed"));
  CHECK(!has(image.log(), "the command\n"));
}

TEST_CASE("s6-overlay: the third version runs all scripts, and then ends the container for the one that failed") {
  Image image;
  image.script("/etc/cont-init.d/10-a", "exit 7").script("/etc/cont-init.d/20-b", "echo second");
  image.longrun("app", "echo app runs; exec sleep 99");
  image.cinit({}, {.env = {{"S6_BEHAVIOUR_IF_STAGE2_FAILS", "2"}}});
  CHECK(image.wait_exit().code == 1);
  CHECK(in_order(image.log(), {"second\n", "stopping: /etc/cont-init.d/10-a has failed"}));
  CHECK(!has(image.log(), "app runs"));
}

TEST_CASE("s6-overlay: S6_CMD_WAIT_FOR_SERVICES_MAXTIME bounds what the command waits for") {
  Image image;
  image.oneshot("slow", "sleep 99");
  std::map<std::string, std::string> environment{{"S6_CMD_WAIT_FOR_SERVICES_MAXTIME", "200"}};
  const std::vector<std::string> command{"--", "sh", "-c", "echo the command; exit 5"};
  SUBCASE("which is started then") {
    image.cinit(command, {.env = environment});
    CHECK(image.wait_exit().code == 5);
    CHECK(in_order(image.log(), {"slow: not up within 200 ms", "the command\n"}));
  }
  SUBCASE("after which the container ends if S6_BEHAVIOUR_IF_STAGE2_FAILS is 2") {
    environment["S6_BEHAVIOUR_IF_STAGE2_FAILS"] = "2";
    image.cinit(command, {.env = environment});
    CHECK(image.wait_exit().code == 1);
    CHECK(has(image.log(), "stopping: the boot has taken too long"));
    CHECK(!has(image.log(), "the command\n"));
  }
}

TEST_CASE("s6-overlay: S6_VERBOSITY below 2 leaves warnings and errors") {
  Image image;
  image.longrun("app", "exec app app1 app").oneshot("bad", "false");
  image.cinit({}, {.env = {{"S6_VERBOSITY", "1"}}});
  image.wait_for("bad: failed");
  image.wait_for("app: ready\n");
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 0);
  CHECK(!has(image.log(), "cinit: app: started"));
  CHECK(!has(image.log(), "cinit: stopping"));
}

TEST_CASE("s6-rc: its command changes services through the control socket, by a link to cinit") {
  Image image;
  image.link("/sbin/cinit", "/bin/s6-rc");
  image.longrun("app", "exec app app1 app").longrun("spare", "echo spare runs; exec sleep 99");
  image.cinit().wait_for("app: ready\n");
  CHECK(image.exec({"s6-rc", "-v2", "-d", "change", "app"}).code == 0);
  image.wait_for("app exit normally\n");
  CHECK(image.exec({"s6-rc", "-t", "5000", "-u", "change", "app"}).code == 0);
  image.wait_for("app: ready\n", 2);
  for (const std::vector<std::string>& call : {std::vector<std::string>{"s6-rc", "-a", "list"},
                                               {"s6-rc", "-pu", "change", "app"},
                                               {"s6-rc", "-u", "change"}}) {
    const auto refused = image.exec(call);
    CHECK(refused.code == 100);
    CHECK(has(refused.text, "cinit stop"));
  }
}

TEST_CASE("s6-rc: a pipeline passes lines from one longrun to the next, to the last of them") {
  Image image;
  image.longrun("web", "trap 'echo bye; exit' TERM; echo hello; while :; do sleep 0.05; done");
  image.file(kSources + "web/producer-for", "web-log\n");
  image.longrun("web-log", "while read -r line; do echo \"$line\" >>/shared/log; done; echo eof >>/shared/log");
  image.file(kSources + "web-log/consumer-for", "web\n").file(kSources + "web-log/pipeline-name", "web-pipeline\n");
  image.cinit().wait_until([&] { return image.read_shared("log") == "hello\n"; }, "the first line");
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 0);
  CHECK(image.read_shared("log") == "hello\nbye\neof\n");
}

TEST_CASE("s6-rc: services of user2 start after those of user") {
  Image image;
  image.oneshot("first", "sh -c \"app wait-for /shared/go; echo first\"").oneshot("later", "echo later", "user2");
  image.cinit({"--", "sleep", "99"});
  image.wait_until([&] { return has(image.sh("cinit status first"), "starting"); }, "the first runs");
  image.sh("touch /shared/go");
  image.wait_for("later\n");
  CHECK(in_order(image.log(), {"first\n", "later\n"}));
}

TEST_CASE("s6-overlay: scripts, all of user, services.d, user2, and at the stop the other way round") {
  Image image;
  image.script("/etc/cont-init.d/10-a", "echo the script");
  image.longrun("z-user", "app wait-for /shared/go; echo the first is ready; echo >&4; exec app app1 z-user");
  image.file(kSources + "z-user/notification-fd", "4\n");
  image.script(kServices + "m-web/run", "echo m-web starts; exec app app1 m-web");
  const std::string slow = "trap 'app wait-for /shared/end; echo a-last ends; exit' TERM; echo a-last is ready; ";
  image.longrun("a-last", slow + "while :; do sleep 0.05; done", "user2").needs("a-last", "legacy-services");
  image.cinit();
  image.wait_until([&] { return has(image.sh("cinit status z-user"), "starting"); }, "z-user starts");
  image.watch_for(200ms);
  CHECK(!image.logged("m-web starts\n"));
  image.sh("touch /shared/go");
  image.wait_for("a-last is ready\n");
  image.wait_for("m-web: ready\n");
  CHECK(in_order(image.log(), {"the script\n", "the first is ready\n", "m-web starts\n"}));
  CHECK(in_order(image.log(), {"the first is ready\n", "a-last is ready\n"}));
  image.signal(SIGTERM);
  image.watch_for(200ms);
  CHECK(!image.logged("app exit normally\n"));
  image.exec({"touch", "/shared/end"});
  CHECK(image.wait_exit().code == 0);
  CHECK(in_order(image.log(), {"a-last ends\n", "m-web: app exit normally\n", "z-user: app exit normally\n"}));
}

TEST_CASE("s6-overlay: a service that comes to services.d later is started, whatever is in user") {
  Image image;
  image.longrun("db", "app wait-for /shared/go; echo >&4; exec app app1 db");
  image.file(kSources + "db/notification-fd", "4\n");
  image.script(kServices + "web/run", "exec app app1 web").script("/new/run", "exec app app1 new");
  image.cinit();
  image.wait_until([&] { return has(image.sh("cinit status db"), "starting"); }, "db starts");
  image.sh("cp -r /new /etc/services.d/new");
  image.wait_for("new: ready\n");
  CHECK(!image.logged("web: ready\n"));
  image.sh("touch /shared/go");
  image.wait_for("web: ready\n");
}

TEST_CASE("s6-rc: what is no plain command is an error that names file and line, before anything runs") {
  Image image;
  image.script("/etc/cont-init.d/10-a", "echo script");
  image.oneshot("setup", "# a comment\nif { test -e /a }\necho b");
  SUBCASE("the boot") { image.cinit(); }
  SUBCASE("cinit check") { image.cinit({"check"}); }
  CHECK(image.wait_exit().code == 78);
  CHECK(image.logged(kSources + "setup/up:2"));
  CHECK(image.logged("\"if\""));
  CHECK(!image.logged("script\n"));
}

TEST_CASE("s6-rc: what depends on itself is an error that names all of the circle") {
  Image image;
  image.oneshot("a", "true").needs("a", "b").oneshot("b", "true").needs("b", "a");
  image.cinit();
  CHECK(image.wait_exit().code == 78);
  CHECK(image.logged("services wait for each other: a -> b -> a"));
}

TEST_CASE("s6-rc: a longrun that was to exit can be started again") {
  Image image;
  image.longrun("web", "exec app app1 web");
  image.cinit({"--", "sleep", "99"}).wait_for("web: ready\n");
  image.sh("printf xd >/run/service/web/supervise/control");
  image.wait_for("web: app exit normally\n");
  image.wait_until([&] { return has(image.sh("cinit status web"), "stopped"); }, "web has stopped");
  image.sh("printf u >/run/service/web/supervise/control");
  image.wait_for("web: ready\n", 2);
}

TEST_CASE("s6-overlay: down files are made where there is nothing, not through links") {
  Image image;
  image.script(kServices + "web/run", "exec app app1 web").file("/etc/precious", "precious\n");
  image.cinit().wait_for("web: ready\n");
  image.sh("ln -s /etc/precious /etc/services.d/web/down; printf D >/run/s6/services/web/supervise/control");
  image.wait_for("web: app exit normally\n");
  CHECK(image.sh("cat /etc/precious") == "precious\n");
}

TEST_CASE("s6-overlay: /var/run that is a directory becomes a link to /run, and what is in it moves there") {
  Image image;
  Options options;
  const TemporaryDirectory elsewhere;
  SUBCASE("of the sandbox") {}
  SUBCASE("of a volume") { options.volumes = {elsewhere.path() + ":/run"}; }
  image.file("/var/run/app/pid", "7\n", 0600)
      .file("/var/run/app/deep/er/file", "deep\n")
      .link("../etc/x", "/var/run/link");
  image.file("/var/run/both/old", "of var\n").file("/var/run/both/new", "new\n");
  image.script(
      "/etc/cont-init.d/10-a",
      "readlink /var/run; cat /run/app/pid /run/app/deep/er/file /run/both/new; readlink /run/link; stat -c %a "
      "/run/app/pid; ls -d /var/run/s6/services; [ -e /run/both/old ] && cat /run/both/old");
  image.link("busybox", "/bin/readlink").link("busybox", "/bin/stat");
  image.cinit({"--", "true"}, options);
  CHECK(image.wait_exit().code == 0);
  INFO(image.log());
  CHECK(in_order(image.log(), {"/run\n", "7\n", "deep\n", "new\n", "../etc/x\n", "600\n", "of var\n"}));
  CHECK(!image.logged("/var/run is not /run"));
}

TEST_CASE("s6-overlay: /var/run that cannot be made a link is told of, and stays as it is") {
  Image image;
  image.script("/etc/cont-init.d/10-a", "cat /var/run/app/pid").file("/var/run/app/pid", "7\n");
  std::string why;
  Options options;
  const TemporaryDirectory elsewhere;
  SUBCASE("in a read-only root") {
    options.read_only = true;
    why = "Read-only file system";
  }
  SUBCASE("with something mounted in it") {
    options.volumes = {elsewhere.path() + ":/var/run/mounted"};
    why = "something is mounted in it";
  }
  image.cinit({"--", "true"}, options);
  CHECK(image.wait_exit().code == 0);
  CHECK(image.count("/var/run is not /run, and cannot be made a link to it: " + why + "\n") == 1);
  CHECK(image.logged("7\n"));
}

TEST_CASE("s6-overlay: /var/run that leads to /run stays, that leads elsewhere or is missing becomes a link to /run") {
  Image image;
  std::string before = "/run";
  SUBCASE("to /run") { before = "/run"; }
  SUBCASE("by a relative path") { before = "../run"; }
  SUBCASE("elsewhere") { before = "/tmp/nosuch"; }
  SUBCASE("missing") { before = ""; }
  image.script("/etc/cont-init.d/10-a", "readlink /var/run").file("/var/x", "").link("busybox", "/bin/readlink");
  if (!before.empty()) image.link(before, "/var/run");
  image.cinit({"--", "true"});
  CHECK(image.wait_exit().code == 0);
  CHECK(image.logged((before == "../run" ? before : "/run") + "\n"));
  CHECK(!image.logged("/var/run is not /run"));
}

// Directories that s6-svscan looks after: what s6-svc and s6-svscanctl do.
#include <doctest/doctest.h>

#include <csignal>

#include "s6_comparison.hpp"

using namespace cinit::s6_test;
namespace e2e = cinit::e2e;

namespace {

const File kWeb = script("web/run", "exec app print-signals >>/tmp/web");
const File kDeaf = script("web/run", "echo $$ >/tmp/pid; exec app print-signals 12 >>/tmp/web");
const File kFinish = script("web/finish", "echo finish $1 $2 >>/tmp/web");

// A service that the script of a row brings along.
const File kNew = script("/opt/new/run", "echo new >>/tmp/new; exec app app1");

// What a process gets that ends with SIGUSR2 only.
Row signal(const std::string& letters, const std::string& seen) {
  return {letters, {kDeaf, kFinish}, [=](Session& s) {
            s.await_text("/tmp/web", "ready\n");
            s.svc(letters);
            s.await_text("/tmp/web", seen);
            s.svc("-i");
            s.await_text("/tmp/web", "got 2 ");
            s.show("/tmp/web");
          }};
}

// What has happened when anything that is to be started again has been.
Row effect(const std::string& letters, const Tree& more, std::vector<Difference> differences = {}) {
  Tree tree{kWeb, kFinish, kClock};
  tree.insert(tree.end(), more.begin(), more.end());
  return {letters, tree,
          [=](Session& s) {
            s.outwait_restart();
            s.svc(letters);
            s.outwait_restart();
            s.show("/tmp/web");
            s.run("test -e /etc/services.d/web/down");
            s.svc("-t");
            s.outwait_restart();
            s.show("/tmp/web");
            s.svc("-u");
            s.outwait_restart();
            s.show("/tmp/web");
          },
          std::move(differences)};
}

void svscanctl(Session& s, const std::string& letters) { s.run("s6-svscanctl " + letters + " /run/s6/services"); }

// How everything ends after `end`.
Row ends(const std::string& name, std::function<void(Session&)> end, std::vector<Difference> differences = {}) {
  const Tree tree{script("web/run", "exec app print-signals >>/shared/web"),
                  script("web/finish", "echo finish $1 $2 >>/shared/web")};
  return {name, tree,
          [end = std::move(end)](Session& s) {
            s.await_text("/shared/web", "ready\n");
            end(s);
            s.show_end("web");
          },
          std::move(differences)};
}

}  // namespace

TEST_CASE("s6-svc: signals") {
  compare({
      signal("-h", "got 1 "),
      signal("-a", "got 14 "),
      signal("-q", "got 3 "),
      signal("-1", "got 10 "),
      signal("-t", "got 15 "),
      signal("-c", "got 18 "),
      signal("-y", "got 28 "),
      signal("-b", "got 6 "),
      signal("-r", "got 15 "),
      signal("-d", "got 18 "),
      signal("-hq", "got 3 "),
      {"-2",
       {kDeaf, kFinish},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-2");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
      {"-p and -c",
       {kDeaf},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-p");
         s.await_success("grep -q 'State:.T' /proc/$(cat /tmp/pid)/status");
         s.svc("-h");
         s.svc("-c");
         s.await_text("/tmp/web", "got 1 ");
         s.run("grep -c 'State:.S' /proc/$(cat /tmp/pid)/status");
       }},
      {"-d of one that is stopped",
       {script("web/run", "echo $$ >/tmp/pid; exec app print-signals >>/tmp/web"), kFinish},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-p");
         s.await_success("grep -q 'State:.T' /proc/$(cat /tmp/pid)/status");
         s.svc("-d");
         s.await_text("/tmp/web", "finish ");
         s.show("/tmp/web");
       }},
  });
}

TEST_CASE("s6-svc: up and down") {
  compare({
      effect("-d", {}),
      effect("-u", {}),
      effect("-o", {}),
      effect("-O", {}),
      effect("-D", {}),
      effect("-U", {}),
      effect("-Q", {}),
      effect("-t", {}),
      effect("-k", {}),
      effect("-r", {}),
      effect("-du", {}),
      effect("-x", {}),
      effect("-xd", {}),
      effect("-dx", {}),
  });
}

TEST_CASE("s6-svc: up and down, of one that is down") {
  const File down{"web/down", ""};
  compare({
      effect("-d", {down}),
      effect("-u", {down}),
      effect("-o", {down}),
      effect("-O", {down}),
      effect("-D", {down}),
      effect("-U", {down}),
      effect("-Q", {down}),
      effect("-t", {down}),
      effect("-h", {down}),
      effect("-x", {down}),
  });
}

TEST_CASE("s6-svc: whom it finds") {
  compare({
      {"s6-svok",
       {kWeb},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("s6-svok /run/s6/services/web");
         s.run("s6-svok /run/s6/services/nosuch");
         s.svc("-t", "nosuch");
       }},
      {"from its own directory",
       {script("web/run", "s6-svc -O .; echo run >>/tmp/web"), kFinish, kClock},
       [](Session& s) {
         s.outwait_restart();
         s.show("/tmp/web");
       }},
      {"by the path of its directory",
       {kWeb, kFinish},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("s6-svc -d /etc/services.d/web");
         s.await_text("/tmp/web", "finish ");
       }},
  });
}

TEST_CASE("s6-svstat: what it says") {
  const std::string all = "up,wantedup,normallyup,ready,paused,exitcode,signal,signum";
  const auto stat = [=](Session& s) { s.run("s6-svstat -o " + all + " /run/s6/services/web"); };
  // Without its numbers.
  const auto words = [](Session& s) { s.run("s6-svstat /run/s6/services/web | sed 's/[0-9][0-9]*/N/g'"); };
  const File tells{"web/notification-fd", "3\n"};
  compare({
      {"up",
       {kWeb, kFinish},
       [=](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.await_success("s6-svstat -u /run/s6/services/web | grep true");
         stat(s);
         words(s);
         s.run("test $(s6-svstat -p /run/s6/services/web) = $(pidof app)");
       }},
      {"down by order",
       {kWeb, kFinish},
       [=](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-d");
         s.await_success("s6-svstat -u /run/s6/services/web | grep false");
         s.await_success("s6-svwait -D -t 100 /run/s6/services/web");
         stat(s);
         words(s);
       }},
      {"down by a down file",
       {kWeb, {"web/down", ""}, kClock},
       [=](Session& s) {
         s.outwait_restart();
         stat(s);
         words(s);
       }},
      {"down after a signal",
       {script("web/run", "exec sleep 99"), kClock},
       [=](Session& s) {
         s.outwait_restart();
         s.svc("-Ok");
         s.await_success("s6-svwait -D -t 100 /run/s6/services/web");
         stat(s);
         words(s);
       }},
      {"down after an exit code",
       {script("web/run", "exit 3"), script("web/finish", "exit 125"), kClock},
       [=](Session& s) {
         s.outwait_restart();
         s.await_success("s6-svwait -D -t 100 /run/s6/services/web");
         stat(s);
         words(s);
       }},
      {"up, not ready yet, and ready",
       {script("web/run", "app wait-for /tmp/go; echo >&3; exec app print-signals >>/tmp/web"), tells},
       [=](Session& s) {
         s.await_success("s6-svstat -u /run/s6/services/web | grep true");
         stat(s);
         s.run("touch /tmp/go");
         s.await_success("s6-svstat -r /run/s6/services/web | grep true");
         stat(s);
         words(s);
       }},
      {"paused",
       {kWeb},
       [=](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-p");
         s.await_success("s6-svstat /run/s6/services/web | grep paused");
         stat(s);
         words(s);
         s.svc("-c");
         s.await_success("! s6-svstat /run/s6/services/web | grep paused");
       }},
      {"while finish runs",
       {script("web/run", "exec app print-signals >>/tmp/web"),
        script("web/finish", "echo finish >>/tmp/web; exec app print-signals >>/tmp/web"),
        {"web/timeout-finish", "0"}},
       [=](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.svc("-d");
         s.await_text("/tmp/web", "ready\n", 2);
         stat(s);
         words(s);
       }},
  });
}

TEST_CASE("s6: who waits for a service") {
  const File tells{"web/notification-fd", "3\n"};
  const File late = script("web/run", "app wait-for /tmp/go; echo >&3; exec app print-signals >>/tmp/web");
  const auto wait = [](const std::string& name, const Tree& tree, std::vector<std::string> commands) -> Row {
    return {name, tree, [commands = std::move(commands)](Session& s) {
              s.await_success("s6-svok /run/s6/services/web");
              s.await_success("s6-svstat -u /run/s6/services/web | grep true");
              for (const std::string& command : commands) s.run(command);
            }};
  };
  // What is written into event/ once somebody listens there, in its order: a listener is a FIFO of this name.
  const auto hear = [](const std::string& name, const Tree& tree, const std::string& events,
                       const std::string& command) -> Row {
    const std::string bytes = std::to_string(events.size());
    return {name, tree, [=](Session& s) {
              s.await_success("s6-svstat -u /run/s6/services/web | grep true");
              s.run("f=/run/s6/services/web/event/ftrig1:@400000000000000000000000:abcdef; mkfifo $f && exec 3<>$f; " +
                    command + "; head -c " + bytes + " <&3");
            }};
  };
  const std::string web = " /run/s6/services/web";
  compare({
      wait("s6-svwait -u", {kWeb}, {"s6-svwait -u -t 5000" + web}),
      wait("s6-svwait -U", {late, tells},
           {"s6-svwait -U -t 300" + web + " 2>/dev/null", "touch /tmp/go", "s6-svwait -U -t 5000" + web}),
      wait("s6-svwait -d and -D", {kWeb, kFinish},
           {"s6-svc -d" + web, "s6-svwait -d -t 5000" + web, "s6-svwait -D -t 5000" + web, "cat /tmp/web"}),
      wait("s6-svwait of one that stays up", {kWeb}, {"s6-svwait -d -t 300" + web + " 2>/dev/null"}),
      wait("-wd", {kWeb, kFinish}, {"s6-svc -wd -T 5000 -d" + web}),
      wait("-wD", {kWeb, kFinish}, {"s6-svc -wD -T 5000 -d" + web, "cat /tmp/web"}),
      wait("-wu", {kWeb, kFinish}, {"s6-svc -wD -T 5000 -d" + web, "s6-svc -wu -T 5000 -u" + web}),
      wait("-wU", {script("web/run", "echo >&3; exec app print-signals"), tells},
           {"s6-svc -wD -T 5000 -d" + web, "s6-svc -wU -T 5000 -u" + web, "s6-svstat -r" + web}),
      wait("-wr", {kWeb, kFinish}, {"s6-svc -wr -T 5000 -t" + web, "s6-svstat -u" + web}),
      wait("-wR", {script("web/run", "echo >&3; exec app print-signals"), tells},
           {"s6-svc -wR -T 5000 -t" + web, "s6-svstat -r" + web}),
      wait("-wU of one that gives up",
           {script("web/run", "app wait-for /tmp/go; exit 1"), script("web/finish", "exit 125"), tells},
           {"(sleep 0.5; touch /tmp/go) & s6-svc -wU -T 5000 -u" + web + " 2>/dev/null"}),
      hear("a stop", {kWeb, kFinish}, "dD", "s6-svc -d" + web),
      hear("a stop without finish", {kWeb}, "dD", "s6-svc -d" + web),
      hear("a restart", {kWeb, kFinish}, "dDu", "s6-svc -t" + web),
      hear("ready", {late, tells}, "U", "touch /tmp/go"),
      hear("no more starts", {script("web/run", "app wait-for /tmp/go; exit 1"), script("web/finish", "exit 125")},
           "dOD", "touch /tmp/go"),
  });
}

TEST_CASE("s6-notifyoncheck: a service is ready when the check says so") {
  const File tells{"web/notification-fd", "3\n"};
  const File check = script("web/data/check", "echo check >>/tmp/checks; test -e /tmp/go");
  const auto ready = [](const std::string& name, const std::string& run, const Tree& more, bool in_time = true) -> Row {
    Tree tree{script("web/run", "exec s6-notifyoncheck " + run + " app print-signals >>/tmp/web 2>&1")};
    tree.insert(tree.end(), more.begin(), more.end());
    return {name, tree, [=](Session& s) {
              s.await_text("/tmp/web", "ready\n");
              s.run("s6-svstat -o up,ready /run/s6/services/web");
              s.run("touch /tmp/go");
              s.run("s6-svwait -U -t " + std::string(in_time ? "10000" : "1000") + " /run/s6/services/web 2>/dev/null");
              s.run("s6-svstat -o up,ready /run/s6/services/web");
              s.svc("-d");
              s.await_text("/tmp/web", "got 15 ");
              s.await_success("s6-svstat -u /run/s6/services/web | grep false");
            }};
  };
  compare({
      ready("by data/check", "-w 100 -n 0", {check, tells}),
      ready("by a command", "-c 'sh -c \"test -e /tmp/go\"' -w 100 -n 0", {tells}),
      ready("as a grandchild", "-d -c 'sh -c \"test -e /tmp/go\"' -w 100 -n 0", {tells}),
      ready("which descriptor", "-3 5 -w 100 -n 0", {check, {"web/notification-fd", "5\n"}}),
      ready("too few attempts", "-w 10 -n 2 -c 'sh -c \"exit 1\"'", {tells}, false),
  });
}

TEST_CASE("s6-notifyoncheck: of a longrun of s6-rc, on a root that can be written and on one that cannot") {
  const std::string sources = "/etc/s6-overlay/s6-rc.d/";
  Container container;
  install_s6(container);
  container.file(sources + "user/contents.d/web", "").file(sources + "web/type", "longrun\n");
  container.file(sources + "web/dependencies.d/db", "")
      .file(sources + "web/run", "#!/bin/sh\necho web runs\nexec sleep 99\n", 0755);
  container.file(sources + "db/type", "longrun\n").file(sources + "db/notification-fd", "3\n");
  container.file(sources + "db/data/check", "#!/bin/sh\ntest -e /tmp/go\n", 0755);
  container.file(sources + "db/run", "#!/bin/sh\nexec s6-notifyoncheck -d -n 0 -w 50 app app1 db\n", 0755);
  container.file(sources + "db/finish", "#!/bin/sh\necho finish sees $(ls -d data supervise event)\n", 0755);
  e2e::Options options{.volumes = {"/lib:/lib", "/lib64:/lib64"}};
  SUBCASE("one that can") {}
  SUBCASE("one that cannot") { options.read_only = true; }
  container.cinit({}, options).wait_for("db: ready\n");
  CHECK(!container.logged("web runs\n"));
  CHECK(container.exec({"s6-svstat", "-o", "up,ready", "/run/service/db"}).text == "true false\n");
  container.exec({"touch", "/tmp/go"});
  container.wait_for("web runs\n");
  CHECK(container.exec({"s6-svstat", "-o", "up,ready", "/run/service/db"}).text == "true true\n");
  container.exec({"s6-svc", "-wR", "-T", "5000", "-r", "/run/service/db"});
  container.wait_for("finish sees data event supervise\n");
  container.wait_for("db: ready\n", 2);
}

TEST_CASE("s6-svscanctl: services that come and go") {
  const std::string add = "mv /opt/new /etc/services.d/new";
  const Tree tree{link_to("web", "/opt/web"), script("/opt/web/run", "exec app print-signals >>/tmp/web"),
                  script("/opt/web/finish", "echo finish $1 $2 >>/tmp/web"), kNew, kClock};
  const auto comes = [&](const std::string& letters) {
    return Row{"one comes, " + letters, tree, [=](Session& s) {
                 s.await_text("/tmp/web", "ready\n");
                 s.run(add);
                 svscanctl(s, letters);
                 s.await_text("/tmp/new", "new\n");
                 s.outwait_restart();
                 s.show("/tmp/new");
                 s.show("/tmp/web");
                 s.svc("-d", "new");
               }};
  };
  const std::string sees_it = "cinit sees that a service comes or goes, as runsvdir does";
  compare({
      comes("-a"),
      comes("-h"),
      comes("-an"),
      {"one comes, and nobody says so",
       tree,
       [=](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run(add);
         s.outwait_restart();
         s.outwait_restart();
         s.show("/tmp/new");
       },
       {{sees_it, "/tmp/new:\n\n", "/tmp/new:\nnew\n\n"}}},
      {"one goes", tree,
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("rm /etc/services.d/web");
         svscanctl(s, "-an");
         s.await_text("/tmp/web", "finish ");
         s.outwait_restart();
         s.show("/tmp/web");
       }},
      {"one goes, and nobody says so",
       tree,
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("rm /etc/services.d/web");
         s.outwait_restart();
         s.outwait_restart();
         s.show("/tmp/web");
       },
       {{sees_it, "ready\n\n", "ready\ngot 15 (1 times)\nfinish 0 0\n\n"}}},
      {"one goes and comes back", tree,
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("rm /etc/services.d/web");
         svscanctl(s, "-an");
         s.await_text("/tmp/web", "finish ");
         s.run("ln -s /opt/web /etc/services.d/web");
         svscanctl(s, "-a");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
  });
}

TEST_CASE("s6-svscanctl: everything ends") {
  const auto says = [](const std::string& letters) {
    return [=](Session& s) {
      // It may be killed by the end that it brings about.
      s.container().exec({"s6-svscanctl", letters, "/run/s6/services"});
    };
  };
  const auto gets = [](int number) { return [=](Session& s) { s.container().signal(number); }; };
  compare({
      ends("-t", says("-t")),
      ends("-q", says("-q")),
      ends("-i", says("-i")),
      ends("-b", says("-b"),
           {{"cinit always gives everybody the time to end", "exit code 0\nready\n\n",
             "exit code 0\nready\ngot 15 (1 times)\nfinish 0 0\n\n"}}),
      ends("SIGTERM", gets(SIGTERM)),
      ends("SIGINT", gets(SIGINT)),
      ends("SIGQUIT", gets(SIGQUIT)),
      {"a finish script says so",
       {script("web/run", "exit 7"),
        script("web/finish", "echo finish $1 $2 >>/shared/web; exec s6-svscanctl -t /run/s6/services")},
       [](Session& s) { s.show_end("web"); }},
  });
}

// Directories that s6-svscan looks after: what s6-svc and s6-svscanctl do.
#include <doctest/doctest.h>

#include <csignal>

#include "s6_comparison.hpp"

using namespace cinit::s6_test;

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
  const std::string reason =
      "cinit does not tell s6's way, whose form is another one in each version of s6, what services do: ask cinit "
      "status";
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
      {"s6-svstat",
       {kWeb},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("s6-svstat -o up,wantedup /run/s6/services/web 2>/dev/null");
       },
       {{reason, "true true\nexit 0\n", "exit 111\n"}}},
      {"s6-svwait",
       {kWeb},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("s6-svwait -u -t 5000 /run/s6/services/web 2>/dev/null");
       },
       {{reason, "exit 0\n", "exit 111\n"}}},
      {"-wd",
       {kWeb, kFinish, kClock},
       [](Session& s) {
         s.await_text("/tmp/web", "ready\n");
         s.run("s6-svc -wd -T 5000 -d /run/s6/services/web 2>/dev/null");
         s.outwait_restart();
         s.show("/tmp/web");
       },
       {{reason + "; and then s6-svc asks for nothing at all", "exit 0\n", "exit 111\n"},
        {reason, "ready\ngot 15 (1 times)\nfinish 0 0\n", "ready\n"}}},
  });
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

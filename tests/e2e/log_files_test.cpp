// Log files, and users who would lead root elsewhere by them.
#include <doctest/doctest.h>

#include <string>

#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

constexpr char kShadow[] = "root:*:1:0:99999:7:::\n";

// A container in which app (uid 1000) has directories of its own, and root something to lose. fs.protected_symlinks, which
// would hide a part of what is tested here, is the machine's: it has no say in directories without the sticky bit.
class Attacked : public Container {
 public:
  Attacked() {
    file("/etc/shadow", kShadow, 0600);
    file("/etc/cron.d/.keep", "");
    file("/var/log/web/.keep", "");
    file("/home/app/logs/.keep", "");
  }

  // Starts the service after these hooks of root's, as app. `keys` has its command.
  void run(const std::string& hooks, const std::string& keys, const std::string& defaults = "") {
    config("[hooks]\npre-start = ['busybox chown -R 1000:1000 /var/log/web /home/app'" + hooks +
           "]\n[defaults]\nrestart-delay = '1ms'\nrestart-max-delay = '5ms'\non-failure = 'ignore'\n" + defaults +
           "[service.web]\nuser = 'app'\n" + keys + "\n[service.other]\ncommand = ['app', 'app1', 'other']\n");
    cinit().wait_for("other: ready");
  }

  void check_root_has_all() {
    CHECK(read("/etc/shadow") == kShadow);
    CHECK(exec({"ls", "/etc/cron.d"}).text.empty());
    CHECK(exec({"busybox", "find", "/etc", "-user", "1000"}).text.empty());
  }
  void wait_for_text(const std::string& path, const std::string& text) {
    wait_until([&] { return read(path).find(text) != std::string::npos; }, path + " has " + text);
  }
  std::string owner(const std::string& path) { return exec({"busybox", "stat", "-c", "%u:%g %a", path}).text; }
};

// Each way in which a file may be written: through cinit with rotation, by the service itself, through cinit without.
const char* const kWays[] = {"", "log-max-size = 0\n", "log-max-size = 0\nready = { log = 'never' }\n"};

std::string output_to(const std::string& path, const std::string& way) {
  return "stdout = 'file:" + path + "'\nstderr = 'stdout'\n" + way;
}

}  // namespace

TEST_CASE(
    "a user's link to a file of root's gets none of the service's lines, at the first start and at every restart") {
  for (const char* way : kWays) {
    CAPTURE(way);
    Attacked container;
    container.run(", 'busybox ln -s /etc/shadow /var/log/web/out.log'",
                  output_to("/var/log/web/out.log", way) +
                      "command = ['sh', '-c', 'echo x >> /shared/starts; echo root::0:0::::: ; exit 1']\n"
                      "restart = 'always'\nstart-limit-burst = 4\n");
    container.wait_for("Permission denied");
    container.check_root_has_all();
  }
}

TEST_CASE("a user's link to nothing makes no file of root's") {
  for (const char* way : kWays) {
    CAPTURE(way);
    Attacked container;
    container.run(", 'busybox ln -s /etc/cron.d/x /var/log/web/out.log'",
                  output_to("/var/log/web/out.log", way) + "command = 'app lines web 10 100 100'\n");
    container.wait_for("/var/log/web/out.log");
    container.check_root_has_all();
  }
}

TEST_CASE("a user's directory that becomes a link gives away nothing of root's") {
  for (const char* way : kWays) {
    CAPTURE(way);
    Attacked container;
    container.run(", 'busybox mv /home/app/logs /home/app/mine', 'busybox ln -s /etc/cron.d /home/app/logs'",
                  output_to("/home/app/logs/web.log", way) + "command = 'app lines web 10 100 100'\n");
    container.wait_for("/home/app/logs/web.log");
    container.check_root_has_all();
  }
}

TEST_CASE("a service that swaps its directory while it runs gets no file elsewhere at its restart or when it is full") {
  Attacked container;
  container.run(
      "", output_to("/home/app/logs/web.log", "log-max-size = '1KB'\n") +
              "command = ['sh', '-c', 'app lines first 5 100 100; rm -r /home/app/logs; busybox ln -s /etc/cron.d "
              "/home/app/logs; app lines second 50 100 100; exit 1']\nrestart = 'always'\nstart-limit-burst = 5\n");
  container.wait_for("web: failed");
  container.check_root_has_all();
}

TEST_CASE("a race of file and link, while the file is opened, put aside and written, leaves root's files alone") {
  Attacked container;
  container.run("", output_to("/var/log/web/out.log", "log-max-size = '4KB'\n") +
                        "command = ['sh', '-c', 'app exchange /var/log/web/out.log /var/log/web/link /etc/shadow & for "
                        "i in $(seq 150); do app "
                        "lines root::0:0:0:0::: 20 100 100; done; exit 1']\n"
                        "restart = 'always'\nstart-limit-burst = 5\n");
  container.wait_for("web: failed", 1, 60s);
  container.check_root_has_all();
  CHECK(container.exec({"cinit", "status"}).code == 0);
}

// A directory of the image could not be renamed: overlayfs says EXDEV.
TEST_CASE("the same race of a directory and a link to a directory of root's makes nothing there") {
  Attacked container;
  container.run(
      ", 'mkdir /home/app/live', 'busybox ln -s /etc/cron.d /home/app/link', 'busybox chown -h app /home/app/live "
      "/home/app/link'",
      output_to("/home/app/live/web.log", "log-max-size = '4KB'\n") +
          "command = ['sh', '-c', 'app exchange /home/app/live /home/app/link /etc/cron.d & for i in $(seq 150); do "
          "app lines web 20 100 100; done; exit 1']\n"
          "restart = 'always'\nstart-limit-burst = 5\n");
  container.wait_for("web: failed", 1, 60s);
  container.check_root_has_all();
}

TEST_CASE("root's own service follows no link that a user has put where users may change names") {
  for (const char* way : {"", "log-max-size = 0\n"}) {
    CAPTURE(way);
    Attacked container;
    container.run(
        ", 'busybox ln -s /etc/shadow /shared/a', 'busybox ln -s /etc/cron.d/x /var/log/web/b', 'busybox chown -h app "
        "/shared/a "
        "/var/log/web/b'",
        std::string("command = 'true'\n") + "[service.a]\ncommand = 'app lines a 10 100 100'\n" +
            output_to("/shared/a", way) + "[service.b]\ncommand = 'app lines b 10 100 100'\n" +
            output_to("/var/log/web/b", way));
    container.wait_for(
        "cannot open /shared/a for output: /shared may be changed by every user, so that no link in there is "
        "followed: it is a symbolic link");
    container.wait_for("cannot open /var/log/web/b for output: /var/log/web may be changed by uid 1000");
    container.check_root_has_all();
  }
}

TEST_CASE("a user who holds the file by a lease keeps the lines waiting, and not cinit") {
  Attacked container;
  container.file("/var/log/web/out.log", "");
  container.run("", output_to("/var/log/web/out.log", "") +
                        "command = ['sh', '-c', 'echo line; exec app app1 web']\nafter = ['holder']\n"
                        "[service.holder]\nuser = 'app'\ntype = 'oneshot'\n"
                        "command = ['app', 'lease', '/var/log/web/out.log', '/shared/end']\n");
  container.wait_for("cannot open /var/log/web/out.log for output");
  container.wait_for("that is tried again");
  CHECK(container.exec({"cinit", "status"}).code == 0);
  container.exec({"touch", "/shared/end"});
  container.wait_for_text("/var/log/web/out.log", "line\nweb: ready\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("a FIFO that the user puts in the place of the file keeps the service waiting for a reader, and not cinit") {
  Attacked container;
  container.run(", 'mkfifo /var/log/web/out.log', 'busybox chown app /var/log/web/out.log'",
                output_to("/var/log/web/out.log", "") +
                    "command = ['sh', '-c', 'app lines web 2000 100 100; echo x > /shared/through; exec app app1']\n");
  container.watch_for(200ms);
  CHECK(container.read_shared("through").empty());
  CHECK(container.exec({"cinit", "status"}).code == 0);
  container.exec_in_background({"sh", "-c", "cat /var/log/web/out.log > /shared/read"});
  container.wait_until([&] { return container.read_shared("read").ends_with("ready\n"); }, "all of it is read");
  CHECK(container.read_shared("read").size() == 2000 * 101 + 6);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

// ---- What people do every day

TEST_CASE("a log below /var/log belongs to the user of its service, and is put aside there") {
  Container container;
  container.file("/var/log/.keep", "")
      .config(
          "[service.web]\nuser = 'www-data'\nstdout = 'file:/var/log/web.log'\nlog-max-size = '1KB'\n"
          "command = 'app lines web 30 99 99'\n"
          "[service.raw]\nuser = 'www-data'\nstdout = 'file:/var/log/raw.log'\nlog-max-size = 0\ncommand = 'app lines "
          "raw 30 99 99'\n"
          "[service.other]\ncommand = ['app', 'app1']\n");
  container.cinit();
  container.wait_until([&] { return container.read("/var/log/raw.log").size() == 3000; }, "all of raw");
  container.wait_until([&] { return container.read("/var/log/web.log.2").size() == 1000; }, "all of web");
  const Output owners = container.exec({"sh", "-c", "busybox stat -c '%n %u:%g %a' /var/log/*"});
  CHECK(owners.text ==
        "/var/log/raw.log 33:33 644\n/var/log/web.log 33:33 644\n/var/log/web.log.1 33:33 644\n/var/log/web.log.2 "
        "33:33 644\n");
}

TEST_CASE(
    "what root has put below /var/log is used as it is: a link to a file, to standard output, a FIFO, /dev/null") {
  Container container;
  container.file("/var/log/.keep", "").file("/data/.keep", "").link("/data/web.log", "/var/log/link.log");
  container.link("/dev/stdout", "/var/log/out.log").link("/dev/null", "/var/log/null.log");
  std::string config = "[hooks]\npre-start = ['mkfifo /var/log/fifo.log']\n";
  for (const char* name : {"link", "out", "null", "fifo"}) {
    config += "[service." + std::string(name) + "]\nuser = 'app'\nstdout = 'file:/var/log/" + name +
              ".log'\ncommand = ['sh', '-c', 'echo by " + name + "; exec app app1']\n";
  }
  config +=
      "[service.stdout]\nuser = 'app'\nstdout = 'file:/dev/stdout'\nstderr = 'file:/dev/stderr'\n"
      "command = ['sh', '-c', 'echo to stdout; echo to stderr >&2; exec app app1']\n";
  container.config(config).cinit();
  for (const char* text : {"by out\n", "to stdout\n", "to stderr\n"}) container.wait_for(text);
  container.wait_until([&] { return container.read("/data/web.log") == "by link\nready\n"; }, "the link's target");
  CHECK(container.exec({"sh", "-c", "read line < /var/log/fifo.log; echo \"$line\""}).text == "by fifo\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("logs in directories of the user, of every user and in /tmp are made, kept over a restart, and complete") {
  Container container;
  std::string config =
      "[hooks]\npre-start = ['mkdir -p /home/app/logs /tmp', 'chmod 1777 /tmp', 'busybox chown -R app "
      "/home/app']\n[defaults]\non-failure = 'ignore'\n";
  for (const char* user : {"app", "root"}) {
    for (const char* directory : {"/home/app/logs", "/shared", "/tmp"}) {
      const std::string name = user + std::string(directory).substr(directory[1] == 'h' ? 9 : 0);
      config += "[service." + std::string(user) + "-" + std::string(directory).substr(directory[1] == 'h' ? 10 : 1) +
                "]\nuser = '" + user + "'\nstdout = 'file:" + directory + "/" + user +
                ".log'\nrestart = 'always'\nrestart-delay = '20ms'\nstart-limit-burst = 3\n"
                "command = 'app lines x 100 99 99'\n";
    }
  }
  container.config(config + "[service.other]\ncommand = ['app', 'app1']\n").cinit();
  container.wait_for(": failed: started ", 6);
  for (const char* user : {"app", "root"}) {
    for (const char* directory : {"/home/app/logs", "/shared", "/tmp"}) {
      const std::string path = std::string(directory) + "/" + user + ".log";
      CAPTURE(path);
      const std::string text = directory == std::string("/shared") ? container.read_shared(user + std::string(".log"))
                                                                   : container.read(path);
      CHECK(text.size() == 3 * 100 * 100);
      CHECK(container.exec({"busybox", "stat", "-c", "%U", path}).text == user + std::string("\n"));
    }
  }
  CHECK_FALSE(container.logged("cannot"));
}

TEST_CASE("the last lines of a user's log are there when the container ends at once") {
  for (int i = 0; i < 5; ++i) {
    Container container;
    container.config(
        "[service.web]\nuser = 'app'\nstdout = 'file:/shared/web.log'\ncommand = ['sh', '-c', 'echo last words']\n");
    container.cinit();
    CHECK(container.wait_exit().code == 0);
    CHECK(container.read_shared("web.log") == "last words\n");
  }
}

TEST_CASE("a log that its user has renamed is made anew") {
  Attacked container;
  container.run("", output_to("/var/log/web/out.log", "") +
                        "command = ['sh', '-c', 'while :; do echo line; sleep 0.05; done']\n");
  container.wait_for_text("/var/log/web/out.log", "line\n");
  container.exec({"busybox", "mv", "/var/log/web/out.log", "/var/log/web/old.log"});
  container.wait_for_text("/var/log/web/out.log", "line\n");
  CHECK(container.owner("/var/log/web/out.log") == "1000:1000 644\n");
}

TEST_CASE("whose directory keeps a log from being opened is said, with the user who tried") {
  Attacked container;
  container.run(", 'busybox chown 33 /var/log/web'",
                output_to("/var/log/web/out.log", "") + "command = ['app', 'app1']\n");
  container.wait_for(
      "cannot open /var/log/web/out.log for output: /var/log/web may be changed by uid 33, so it is opened as uid "
      "1000, who may "
      "not write there (Permission denied)\n");
}

// ---- The same for env-file

TEST_CASE("a user's env-file is read with that user's rights, for the service, its commands and its probes") {
  Attacked container;
  container.file("/etc/secret.env", "SECRET=root\n", 0600).file("/home/app/env", "A=value\n");
  container.run(
      ", 'busybox ln -s /etc/secret.env /home/app/link'",
      "env-file = '/home/app/env'\ncommand = ['sh', '-c', 'echo service $A; exec app app1']\n"
      "pre-start = [['sh', '-c', 'echo before $A']]\nready = { exec = ['sh', '-c', 'test $A = value'] }\n"
      "[service.thief]\nuser = 'app'\nenv-file = '-/home/app/link'\ncommand = ['sh', '-c', 'echo got $SECRET']\n"
      "[service.own]\nenv-file = '/home/app/env'\ncommand = ['sh', '-c', 'echo own $A']\n"
      "[service.root]\nenv-file = '/home/app/link'\ncommand = ['sh', '-c', 'echo got $SECRET']\n");
  for (const char* text : {"before value\n", "service value\n", "cinit: web: ready", "own value\n"})
    container.wait_for(text);
  container.wait_for(
      "thief: failed: env-file /home/app/link: /home/app may be changed by uid 1000, so it is opened as uid 1000, who "
      "may not read it (Permission denied)");
  container.wait_for(
      "root: failed: env-file /home/app/link: /home/app may be changed by uid 1000, so that no link in there is "
      "followed: it is a symbolic link");
  CHECK_FALSE(container.logged("got root"));
}

TEST_CASE("an env-file that its user holds by a lease keeps its own start waiting, and no other") {
  Attacked container;
  container.file("/home/app/env", "A=value\n");
  container.run(
      "",
      "env-file = '/home/app/env'\ncommand = ['sh', '-c', 'echo service $A; exec app app1']\nafter = ['holder']\n"
      "[service.holder]\nuser = 'app'\ntype = 'oneshot'\n"
      "command = ['app', 'lease', '/home/app/env', '/shared/end']\n"
      "[service.late]\nuser = 'app'\nafter = ['holder']\ncommand = ['app', 'app1', 'late']\n");
  container.wait_for("late: ready");
  CHECK_FALSE(container.logged("service value"));
  container.exec({"touch", "/shared/end"});
  container.wait_for("service value\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("a stop does not wait for an env-file") {
  Attacked container;
  container.file("/home/app/env", "A=value\n");
  container.run("",
                "env-file = '/home/app/env'\ncommand = ['app', 'app1', 'web']\nafter = ['holder']\n"
                "[service.holder]\nuser = 'app'\ntype = 'oneshot'\n"
                "command = ['app', 'lease', '/home/app/env', '/shared/end']\n");
  container.wait_for("holder: ");
  container.watch_for(50ms);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < 3s);
  CHECK_FALSE(container.logged("web: ready"));
}

TEST_CASE("in a container of one user logs and environment files are that user's, wherever they lie") {
  Container container;
  container.file("/var/log/.keep", "").file("/home/app/env", "A=value\n");
  container.config(
      "[service.web]\nuser = 'app'\nstdout = 'file:/shared/web.log'\nlog-max-size = '1KB'\n"
      "env-file = '/home/app/env'\ncommand = ['sh', '-c', 'app lines web 30 99 99; echo $A']\n"
      "[service.no]\nstdout = 'file:/var/log/no.log'\ncommand = 'true'\non-failure = 'ignore'\n");
  Options options;
  options.user = "1000:1000";
  container.cinit({}, options);
  container.wait_for("no: failed: cannot open /var/log/no.log for its output: Permission denied");
  container.wait_exit();
  CHECK(container.read_shared("web.log.3").empty());
  CHECK(container.read_shared("web.log").ends_with("value\n"));
  CHECK(container.read_shared("web.log.1").size() == 1000);
}

// What services write, on its way out of the container.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <sstream>

#include "container.hpp"
#include "in_order.hpp"
#include "spawn.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// Line `number` of `app lines NAME COUNT FROM TO`.
std::string line_of_app(const std::string& name, int number, int from, int to) {
  std::string line = name + " " + std::to_string(number) + " ";
  line.resize(static_cast<std::size_t>(from + number * 7919 % (to - from + 1)), static_cast<char>('a' + number % 26));
  return line;
}

// All lines of it.
std::string lines_of_app(const std::string& name, int count, int from, int to) {
  std::string text;
  for (int number = 0; number < count; ++number) text += line_of_app(name, number, from, to) + "\n";
  return text;
}

// The lines of `text` that begin with `prefix`, without it.
std::string lines_behind(const std::string& prefix, const std::string& text) {
  std::string found;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(prefix)) found += line.substr(prefix.size()) + "\n";
  }
  return found;
}

// Which file a descriptor of a process is.
std::pair<dev_t, ino_t> file_of(const Process& process, int fd) {
  struct stat status {};
  const std::string path = "/proc/" + std::to_string(process.host_pid) + "/fd/" + std::to_string(fd);
  REQUIRE(stat(path.c_str(), &status) == 0);
  return {status.st_dev, status.st_ino};
}

// Waits for the process of the container whose command begins like this.
Process process_of(Container& container, const std::string& command) {
  Process found;
  container.wait_until(
      [&] {
        for (const Process& process : container.processes()) {
          if (process.command.starts_with(command)) found = process;
        }
        return found.pid != 0;
      },
      command);
  return found;
}

bool stands_in_write(const Process& process) {
  const std::string call = read_file("/proc/" + std::to_string(process.host_pid) + "/syscall");
  return call.starts_with(std::to_string(SYS_write) + " ");
}

// What jq, or else python3, makes of `text`, one JSON object a line: `filter` of each, or `python` of each `line`.
Output read_json(const std::string& text, const std::string& filter) {
  const std::string path = "/tmp/cinit-e2e-json." + std::to_string(getpid());
  std::FILE* file = std::fopen(path.c_str(), "we");
  REQUIRE(file != nullptr);
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
  std::FILE* pipe = popen(("jq -j '" + filter + "' < " + path + " 2>&1").c_str(), "re");
  REQUIRE(pipe != nullptr);
  Output output;
  for (int byte = 0; (byte = std::fgetc(pipe)) != EOF;) output.text += static_cast<char>(byte);
  output.code = pclose(pipe);
  std::remove(path.c_str());
  return output;
}

constexpr char kOneShot[] = "restart = 'no'\non-failure = 'ignore'\n";

}  // namespace

TEST_CASE("with log-prefix \"none\" a service writes to the very files that cinit has, otherwise to pipes of its own") {
  for (const bool captured : {false, true}) {
    CAPTURE(captured);
    Container container;
    container.config("[cinit]\nlog-prefix = '" + std::string(captured ? "name" : "none") +
                     "'\n[service.web]\ncommand = ['app', 'app1']\n");
    container.cinit().wait_for("ready\n");
    const std::vector<Process> all = container.processes();
    REQUIRE(all.size() == 2);
    for (const int fd : {1, 2}) CHECK((file_of(all[0], fd) == file_of(all[1], fd)) == !captured);
    CHECK(container.logged("web | ready\n") == captured);
  }
}

TEST_CASE("log-prefix \"name\" puts a service's name in front of each of its lines, those of its commands included") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n"
      "[service.web]\ncommand = ['sh', '-c', 'echo out; echo err >&2; printf unfinished']\n"
      "pre-start = ['echo before']\npost-stop = [['sh', '-c', 'printf after']]\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  for (const char* line : {"web | before\n", "web | out\n", "web | err\n", "web | unfinished\n", "web | after\n"}) {
    CHECK(container.count(line) == 1);
  }
  CHECK(in_order(container.log(), {"web | before\n", "cinit: web: started\n", "web | out\n", "web | unfinished\n",
                                   "cinit: web: exited with code 0 ", "web | after\n"}));
}

TEST_CASE("log-prefix \"json\" makes an object of each line") {
  if (std::system("command -v jq > /dev/null") != 0) {
    FAIL("jq is not installed");
    return;
  }
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'json'\nlog-format = 'json'\n"
      "[service.web]\ncommand = ['sh', '-c', '''app lines web 20 5000 15000; printf 'a \"b\" \\\\ \\t\\1\\n' >&2; "
      "busybox dd if=/dev/zero bs=20000 count=1 2>/dev/null | busybox tr '\\0' z''']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  const std::string log = container.log();
  const Output stdout_lines =
      read_json(log, "select(.stream == \"stdout\") | .message, if .partial then \"\" else \"\\n\" end");
  CHECK(stdout_lines.code == 0);
  CHECK((stdout_lines.text == lines_of_app("web", 20, 5000, 15000) + std::string(20000, 'z') + "\n"));
  const Output stderr_lines = read_json(log, "select(.stream == \"stderr\") | .service, .message");
  CHECK(stderr_lines.text == "weba \"b\" \\ \t\1");
  const Output own = read_json(log, "select(.stream == null) | \"own\"");
  CHECK(own.text.starts_with("own"));
}

TEST_CASE("long lines of two services that write side by side are neither torn nor mixed") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n"
      "[service.one]\ncommand = 'app lines one 300 5000 15000'\n"
      "[service.two]\ncommand = ['sh', '-c', 'app lines two 300 5000 15000 >&2']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  const std::string log = container.log();
  CHECK((lines_behind("one | ", log) == lines_of_app("one", 300, 5000, 15000)));
  CHECK((lines_behind("two | ", log) == lines_of_app("two", 300, 5000, 15000)));
  CHECK(container.count("\n") ==
        container.count("\none | ") + container.count("\ntwo | ") + container.count("\ncinit: ") + 1);
}

TEST_CASE("a line that is longer than any buffer comes in pieces, all but the last of which say so") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n[service.web]\ncommand = 'app lines web 3 50000 90000'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  std::string text = lines_behind("web | ", container.log());
  constexpr std::string_view kMark = " [line continues]\n";
  int pieces = 0;
  for (std::size_t at = 0; (at = text.find(kMark)) != std::string::npos; ++pieces) text.erase(at, kMark.size());
  CHECK(pieces >= 9);
  CHECK((text == lines_of_app("web", 3, 50000, 90000)));
}

TEST_CASE("every byte comes through as it is") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n[service.web]\ncommand = 'app bytes'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  std::string line = "web | ";
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n') line += static_cast<char>(byte);
  }
  CHECK(container.log().find(line + "\n") != std::string::npos);
}

TEST_CASE("the last words of a service, 60 KB of them, stand before the line about its end") {
  for (const char* end : {"exit 3", "kill -KILL $$"}) {
    CAPTURE(end);
    Container container;
    container.config(
        "[cinit]\nlog-prefix = 'name'\n[service.web]\nrestart-delay = '1ms'\non-failure = 'ignore'\n"
        "command = ['sh', '-c', 'app lines web 60 1000 1000; printf unfinished; " +
        std::string(end) + "']\n");
    container.cinit();
    container.wait_exit();
    const std::string log = container.log();
    const std::string words = lines_of_app("web", 60, 1000, 1000) + "unfinished\n";
    int runs = 0;
    std::size_t begin = 0;
    const std::string event = end[0] == 'e' ? "cinit: web: exited" : "cinit: web: killed";
    for (std::size_t at = 0; (at = log.find(event, begin)) != std::string::npos; begin = at + 1, ++runs) {
      REQUIRE((lines_behind("web | ", log.substr(begin, at - begin)) == words));
    }
    CHECK(runs == 10);
  }
}

TEST_CASE("the last words of a command stand before the line about its failure") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n[service.web]\ncommand = 'echo never'\n" + std::string(kOneShot) +
                   "pre-start = [['sh', '-c', 'app lines web 60 1000 1000; printf unfinished; exit 3']]\n");
  container.cinit();
  container.wait_exit();
  const std::string log = container.log();
  const std::size_t at = log.find("cinit: web: pre-start command 1 failed: exited with code 3\n");
  REQUIRE(at != std::string::npos);
  CHECK((lines_behind("web | ", log.substr(0, at)) == lines_of_app("web", 60, 1000, 1000) + "unfinished\n"));
}

TEST_CASE("a process in the background that keeps the pipe open does not keep its service, and its lines still come") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n"
      "[service.web]\nkill-mode = 'process'\n"
      "command = ['sh', '-c', 'setsid sh -c \"echo there; app wait-for /shared/go; echo later\" & "
      "app wait-for /shared/end']\n" +
      std::string(kOneShot) + "[service.other]\ncommand = 'app app1'\n");
  container.cinit().wait_for("web | there\n");
  container.exec({"touch", "/shared/end"});
  container.wait_for("cinit: web: exited with code 0 ");
  CHECK(container.running());
  container.exec({"touch", "/shared/go"});
  container.wait_for("web | later\n");
}

TEST_CASE("a consumer that stops reading blocks the service that writes, and nothing is lost when it reads on") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n"
      "[service.web]\ncommand = 'app lines web 400 5000 15000'\n" +
      std::string(kOneShot) + "[service.other]\ncommand = ['app', 'app1']\n");
  container.stop_reading();
  container.cinit({"-t", "2s"});
  const Process web = process_of(container, "app lines");
  const auto progress = [&] { return read_file("/proc/" + std::to_string(web.host_pid) + "/io"); };
  container.wait_until(
      [&] {
        const std::string before = progress();
        container.watch_for(50ms);
        return stands_in_write(web) && progress() == before;
      },
      "the service is blocked");
  CHECK(container.exec({"true"}).code == 0);
  SUBCASE("it reads on") {
    container.read_on();
    const std::string expected = lines_of_app("web", 400, 5000, 15000);
    container.wait_until([&] { return lines_behind("web | ", container.log()).size() >= expected.size(); }, "the rest");
    CHECK((lines_behind("web | ", container.log()) == expected));
    CHECK(!container.logged("could not be written"));
  }
  SUBCASE("the container is stopped meanwhile") {
    container.signal(SIGTERM);
    const End end = container.wait_exit();
    CHECK(end.code == 0);
    CHECK(end.took < 3s);
    container.read_on();
    const std::string expected = lines_of_app("web", 400, 5000, 15000);
    const std::string got = lines_behind("web | ", container.log());
    CHECK(got.size() > 500'000);
    CHECK((expected.starts_with(got.substr(0, got.size() - 1))));
  }
}

TEST_CASE("a service that floods an output that nobody reads keeps neither cinit nor the others from their work") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n"
      "[service.web]\ncommand = ['busybox', 'yes']\n"
      "[service.other]\ncommand = ['sh', '-c', 'echo up > /shared/up; exec app app1']\nstdout = 'null'\n");
  container.stop_reading();
  container.cinit({"-t", "2s"});
  container.wait_until([&] { return container.read_shared("up") == "up\n"; }, "the other service runs");
  const Process init = container.processes().front();
  const Process yes = process_of(container, "busybox yes");
  container.wait_until([&] { return stands_in_write(yes); }, "the flood is blocked");
  const auto ticks = [&] {
    std::istringstream stat(read_file("/proc/" + std::to_string(init.host_pid) + "/stat"));
    std::string word;
    long user = 0;
    long system = 0;
    for (int i = 0; i < 13; ++i) stat >> word;
    stat >> user >> system;
    return user + system;
  };
  container.watch_for(200ms);
  const long before = ticks();
  container.watch_for(1s);
  CHECK(ticks() - before <= 5);  // hundredths of a second
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < 3s);
}

TEST_CASE("one more stop signal ends the waiting for a reader that never reads") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n[service.web]\ncommand = ['busybox', 'yes']\n");
  container.stop_reading();
  container.cinit({"-t", "1h"});
  container.wait_until([&] { return container.unread() > 1'000'000; }, "the pipe is full");
  container.signal(SIGTERM);
  container.wait_until([&] { return container.processes().size() == 1; }, "only PID 1 is left");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < 5s);
}

TEST_CASE("what was written before the end is waited for when the reader is slow, as long as the stop may take") {
  for (const char* format : {"log-prefix = 'name'", "log-prefix = 'json'", "log-prefix = 'none'"}) {
    CAPTURE(format);
    Container container;
    container.config(
        "[cinit]\n" + std::string(format) +
        "\n[service.job]\nrestart = 'no'\ncommand = ['sh', '-c', 'i=0; while [ $i -lt 1000 ]; do echo \"line $i, " +
        std::string(1100, '.') + "\"; i=$((i+1)); done; echo FATAL; touch /shared/said; exit 7']\n");
    container.stop_reading();
    container.cinit();
    // The pipe has one megabyte: the service ends only when there is a reader, or when cinit has read the rest.
    container.wait_until([&] { return container.unread() > 800'000; }, "the pipe is full");
    container.watch_for(1s);
    container.read_on();
    CHECK(container.wait_exit().code == 7);
    CHECK(container.count("line ") == 1000);
    CHECK(container.logged("FATAL"));
    CHECK(container.logged("exited with code 7"));
  }
}

TEST_CASE("a log file is put aside when it is full, belongs to the service's user, and together they hold every line") {
  Container container;
  container.config(
      "[service.web]\nuser = 'app'\nstdout = 'file:/shared/web.log'\nstderr = 'stdout'\nlog-max-size = '10KB'\n"
      "log-max-files = 4\nrestart-delay = '1ms'\nstart-limit-burst = 5\non-failure = 'ignore'\n"
      "command = ['sh', '-c', 'echo x >> /shared/starts; n=$(grep -c x /shared/starts); app lines out$n 10 200 300; "
      "app lines err$n 10 200 300 >&2; exit 1']\n"
      "[service.other]\ncommand = ['app', 'app1']\n");
  container.cinit().wait_for("cinit: web: failed");
  std::string expected;
  for (const char* run : {"1", "2", "3", "4", "5"}) {
    expected += lines_of_app(std::string("out") + run, 10, 200, 300);
    expected += lines_of_app(std::string("err") + run, 10, 200, 300);
  }
  // Every user may change names in /shared: a process of the service's user puts the files aside, while the last lines wait.
  const std::vector<std::string> names = {"web.log.3", "web.log.2", "web.log.1", "web.log"};
  std::string all;
  container.wait_until(
      [&] {
        all.clear();
        for (const std::string& name : names) all += container.read_shared(name);
        return all.size() >= expected.size();
      },
      "every line is in a file");
  CHECK((all == expected));
  for (const std::string& name : names) {
    const std::size_t size = container.read_shared(name).size();
    CHECK(size <= 10240);
    if (name != "web.log.3" && name != "web.log") CHECK(size > 10240 - 301);
  }
  const Output owners =
      container.exec({"busybox", "stat", "-c", "%u:%g", "/shared/web.log", "/shared/web.log.1", "/shared/web.log.2"});
  CHECK(owners.text == "1000:1000\n1000:1000\n1000:1000\n");
  CHECK(container.read_shared("web.log.4").empty());
}

TEST_CASE("no more than log-max-files are kept") {
  Container container;
  container.config(
      "[service.web]\nstdout = 'file:/shared/web.log'\nlog-max-size = '2KB'\nlog-max-files = 2\n"
      "command = 'app lines web 100 200 300'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  const std::string all = container.read_shared("web.log.1") + container.read_shared("web.log");
  CHECK(all.size() > 1700);
  CHECK(lines_of_app("web", 100, 200, 300).ends_with(all));
  CHECK(container.read_shared("web.log.2").empty());
}

TEST_CASE("two services may share a file with rotation, and each line of both is in it") {
  Container container;
  container.config(
      "[defaults]\nstdout = 'file:/shared/both.log'\nlog-max-size = '100KB'\nlog-max-files = 9\n"
      "[service.one]\ncommand = 'app lines one 50 200 9000'\n"
      "[service.two]\ncommand = 'app lines two 50 200 9000'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  std::string all;
  for (int number = 8; number > 0; --number) {
    const std::string text = container.read_shared("both.log." + std::to_string(number));
    CHECK(text.size() <= 102400);
    all += text;
  }
  all += container.read_shared("both.log");
  CHECK((lines_behind("one ", all) == lines_behind("one ", lines_of_app("one", 50, 200, 9000))));
  CHECK((lines_behind("two ", all) == lines_behind("two ", lines_of_app("two", 50, 200, 9000))));
  CHECK(std::count(all.begin(), all.end(), '\n') == 100);
}

TEST_CASE("stderr = \"stdout\" is the same stream, with prefix or without") {
  for (const char* prefix : {"name", "none"}) {
    CAPTURE(prefix);
    Container container;
    container.config("[cinit]\nlog-prefix = '" + std::string(prefix) +
                     "'\n[service.web]\nstderr = 'stdout'\n"
                     "command = ['sh', '-c', 'for i in 1 2 3; do echo out$i; echo err$i >&2; done']\n");
    container.cinit();
    CHECK(container.wait_exit().code == 0);
    CHECK(in_order(container.log(), {"out1\n", "err1\n", "out2\n", "err2\n", "out3\n", "err3\n"}));
    CHECK(container.logged("web | err2\n") == (prefix == std::string("name")));
  }
}

TEST_CASE("a full disk is a warning, and lines come again when there is room") {
  Container container;
  container.file("/small/.keep", "");
  container.config(
      "[hooks]\npre-start = ['mount -t tmpfs -o size=64k tmpfs /small']\n"
      "[service.web]\nstdout = 'file:/small/web.log'\n"
      "command = ['sh', '-c', 'echo x >> /shared/starts; while :; do app lines web 10 200 900; sleep 0.01; done']\n");
  container.cinit().wait_for("cannot be written to /small/web.log: No space left on device");
  container.exec({"mount", "-o", "remount,size=8m", "/small"});
  container.wait_for(" could not be written to /small/web.log: No space left on device\n");
  const std::size_t size = container.read("/small/web.log").size();
  container.wait_until([&] { return container.read("/small/web.log").size() > size; }, "the file grows again");
  CHECK(container.read_shared("starts") == "x\n");
  // No line is torn: each is one of those that the app writes.
  std::set<std::string> known;
  for (int number = 0; number < 10; ++number) known.insert(line_of_app("web", number, 200, 900));
  std::string text = container.read("/small/web.log");
  std::istringstream stream(text.substr(0, text.rfind('\n')));
  for (std::string line; std::getline(stream, line);) REQUIRE(known.contains(line));
}

TEST_CASE("a program without privilege opens its prefixed output by the name /dev/stdout") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n[service.web]\nuser = 'nobody'\ncommand = 'app open-stdout'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("web | written to /dev/stdout\n"));
  CHECK(container.logged("web | written to /dev/stderr\n"));
}

TEST_CASE("a FIFO as log file keeps nobody waiting, and has what was written when somebody comes to read") {
  Container container;
  container.config(
      "[hooks]\npre-start = ['mkfifo /tmp/fifo']\n"
      "[service.web]\nstdout = 'file:/tmp/fifo'\ncommand = ['sh', '-c', 'echo hello; echo written >&2; exec app "
      "app1']\n");
  container.cinit().wait_for("written\n");
  const Output read = container.exec({"sh", "-c", "read line < /tmp/fifo; echo \"$line\""});
  CHECK(read.text == "hello\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

#include "servicedir/s6.hpp"

#include <doctest/doctest.h>

#include <variant>

#include "tree.hpp"

using namespace cinit;
using namespace cinit::test;
using namespace std::chrono_literals;
using cinit::config::Service;
using cinit::servicedir::Found;
using cinit::servicedir::read_s6;

namespace {

// The only service of a tree, without a problem.
Service read_web(const Tree& tree) {
  const Found found = read_s6(tree.path());
  CHECK(tree.to_text(found.problems) == "");
  return service_of(found, "web");
}

// What is said of a file with this content.
std::string problem_of(const std::string& name, const std::string& content) {
  Tree tree;
  tree.file("/web/" + name, content);
  return tree.to_text(read_s6(tree.path()).problems);
}

int ready_fd(const Service& service) {
  REQUIRE(service.ready);
  return std::get<config::FdReady>(service.ready->when).fd;
}

}  // namespace

TEST_CASE("s6: a directory is a service that is kept up, whose ./run gets its name") {
  Tree tree;
  tree.directory("/web");
  const Service web = read_web(tree);
  CHECK(web.command == std::vector<std::string>{"./run", "web"});
  CHECK(web.working_dir == tree.path("/web"));
  CHECK(web.autostart);
  CHECK(web.restart == config::RestartPolicy::Always);
  REQUIRE(web.directory);
  CHECK(web.directory->suite == config::ServiceDirectory::Suite::S6);
  CHECK(web.directory->path == tree.path("/web"));
  CHECK(web.directory->is_scanned);
  CHECK(web.pipes_into.empty());
}

TEST_CASE("s6: without files it has the defaults of s6-supervise") {
  Tree tree;
  tree.directory("/web");
  const Service web = read_web(tree);
  CHECK(!web.ready);
  CHECK(web.start_timeout == 0s);
  CHECK(!web.stop_timeout);
  CHECK(web.stop_signal == Signal{15});
  CHECK(web.directory->finish_timeout == 5s);
  CHECK(web.directory->death_tally == 100);
}

TEST_CASE("s6: its files say what differs") {
  Tree tree;
  tree.file("/web/down")
      .file("/web/notification-fd", "3\n")
      .file("/web/timeout-kill", "2500\n")
      .file("/web/timeout-finish", "100\n")
      .file("/web/down-signal", "SIGQUIT\n")
      .file("/web/max-death-tally", "4096\n");
  const Service web = read_web(tree);
  CHECK_FALSE(web.autostart);
  CHECK(ready_fd(web) == 3);
  CHECK(web.start_timeout == 0s);
  CHECK(web.stop_timeout == 2500ms);
  CHECK(web.directory->finish_timeout == 100ms);
  CHECK(web.stop_signal == Signal{3});
  CHECK(web.directory->death_tally == 4096);
}

TEST_CASE("s6: 0 is no time limit, and no tally") {
  Tree tree;
  tree.file("/web/timeout-kill", "0\n").file("/web/timeout-finish", "0\n").file("/web/max-death-tally", "0\n");
  const Service web = read_web(tree);
  CHECK(!web.stop_timeout);
  CHECK(!web.directory->finish_timeout);
  CHECK(web.directory->death_tally == 0);
}

TEST_CASE("s6: only the first line counts, without the blanks at its end") {
  Tree tree;
  tree.file("/web/notification-fd", "4 \t\r\nnothing\n")
      .file("/web/down-signal", "term")
      .file("/web/timeout-kill", "1");
  const Service web = read_web(tree);
  CHECK(ready_fd(web) == 4);
  CHECK(web.stop_signal == Signal{15});
  CHECK(web.stop_timeout == 1ms);
}

TEST_CASE("s6: the signal may be a number") {
  Tree tree;
  tree.file("/web/down-signal", "10\n");
  CHECK(read_web(tree).stop_signal == Signal{10});
}

TEST_CASE("s6: what cannot be understood is an error of its file that says what is expected") {
  CHECK(problem_of("notification-fd", "3x\n") ==
        "/web/notification-fd:1:1: error: expected a whole number from 3 to 1023, not \"3x\"\n");
  CHECK(problem_of("notification-fd", "1024") ==
        "/web/notification-fd:1:1: error: expected a whole number from 3 to 1023, not \"1024\"\n");
  for (const std::string standard : {"0", "1", "2"}) {
    CHECK(problem_of("notification-fd", standard) ==
          "/web/notification-fd:1:1: error: expected a whole number from 3 to 1023, not \"" + standard + "\"\n");
  }
  CHECK(problem_of("timeout-kill", "10s\n") ==
        "/web/timeout-kill:1:1: error: expected a number of milliseconds (0: no limit), not \"10s\"\n");
  CHECK(problem_of("timeout-finish", "-1\n") ==
        "/web/timeout-finish:1:1: error: expected a number of milliseconds (0: no limit), not \"-1\"\n");
  CHECK(problem_of("timeout-finish", " 1\n") ==
        "/web/timeout-finish:1:1: error: expected a number of milliseconds (0: no limit), not \" 1\"\n");
  CHECK(problem_of("max-death-tally", "4097\n") ==
        "/web/max-death-tally:1:1: error: expected a whole number from 0 to 4096, not \"4097\"\n");
  CHECK(problem_of("down-signal", "SIGFOO\n") ==
        "/web/down-signal:1:1: error: expected the name or the number of a signal such as SIGTERM, not \"SIGFOO\"\n");
  CHECK(problem_of("down-signal", "") ==
        "/web/down-signal:1:1: error: expected the name or the number of a signal such as SIGTERM, not \"\"\n");
}

TEST_CASE("s6: a file that cannot be read is an error") {
  Tree tree;
  tree.directory("/web/timeout-kill").link("nowhere", "/web/timeout-finish");
  CHECK(tree.to_text(read_s6(tree.path()).problems) ==
        "/web/timeout-kill: error: cannot be read: Is a directory\n"
        "/web/timeout-finish: error: cannot be read: No such file or directory\n");
}

TEST_CASE("s6: files without an effect are named in a warning") {
  for (const std::string name : {"lock-fd", "flag-newpidns", "reload-signal", "flag-timeout-killpg"}) {
    CHECK(problem_of(name, "") == "/web/" + name + ": warning: this file has no effect with cinit\n");
  }
}

TEST_CASE("s6: every directory is one, a link to one as well, but no hidden one and no file") {
  Tree tree;
  tree.directory("/scan/b").directory("/scan/a").directory("/scan/.s6-svscan").directory("/elsewhere/real");
  tree.file("/scan/file").link("../elsewhere/real", "/scan/link").link("nowhere", "/scan/dangling");
  const Found found = read_s6(tree.path("/scan"));
  CHECK(tree.to_text(found.problems) == "");
  CHECK(names_of(found) == "a b link");
  CHECK(service_of(found, "link").command == std::vector<std::string>{"./run", "link"});
  CHECK(service_of(found, "link").directory->path == tree.path("/elsewhere/real"));
}

TEST_CASE("s6: of two names of one directory the second is no service") {
  Tree tree;
  tree.directory("/w").link("w", "/w2");
  CHECK(names_of(read_s6(tree.path())) == "w");
}

TEST_CASE("s6: log/ is the service that its output goes into, with files of its own") {
  Tree tree;
  tree.directory("/web/log/log").file("/web/log/down").file("/web/log/notification-fd", "5").directory("/x");
  const Found found = read_s6(tree.path());
  CHECK(tree.to_text(found.problems) == "");
  CHECK(names_of(found) == "web web/log x");
  CHECK(service_of(found, "web").pipes_into == "web/log");
  CHECK(service_of(found, "web").autostart);
  const Service& log = service_of(found, "web/log");
  CHECK(log.command == std::vector<std::string>{"./run", "web/log"});
  CHECK(log.working_dir == tree.path("/web/log"));
  CHECK(log.pipes_into.empty());
  CHECK_FALSE(log.autostart);
  CHECK(ready_fd(log) == 5);
  CHECK(log.post_stop == service_of(found, "web").post_stop);
}

TEST_CASE("s6: a directory that is not there has no services") { CHECK(names_of(read_s6("/no/such/directory")) == ""); }

#include "servicedir/s6_rc.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <variant>

#include "tree.hpp"

using namespace cinit;
using namespace cinit::test;
using namespace std::chrono_literals;
using cinit::config::Command;
using cinit::config::Service;
using cinit::servicedir::Found;
using cinit::servicedir::read_s6_rc;
using cinit::servicedir::S6RcFound;
using List = std::vector<std::string>;

namespace {

// /src with sources, and a bundle in /user.
class Sources {
 public:
  Sources& file(const std::string& path, std::string_view text = "") {
    tree.file("/src/" + path, text);
    return *this;
  }
  Sources& source(const std::string& name, const std::string& type) { return file(name + "/type", type + "\n"); }
  Sources& oneshot(const std::string& name, const std::string& up = "/bin/true") {
    return source(name, "oneshot").file(name + "/up", up + "\n");
  }
  Sources& longrun(const std::string& name) {
    tree.file("/src/" + name + "/run", "#!/bin/sh\n", 0755);
    return source(name, "longrun");
  }
  Sources& bundle(const std::string& name, const List& contents) {
    for (const std::string& each : contents) file(name + "/contents.d/" + each);
    return source(name, "bundle");
  }
  Sources& depends(const std::string& name, const List& dependencies) {
    for (const std::string& each : dependencies) file(name + "/dependencies.d/" + each);
    return *this;
  }
  Sources& pipe(const std::string& producer, const std::string& consumer) {
    return file(producer + "/producer-for", consumer + "\n").file(consumer + "/consumer-for", producer + "\n");
  }
  Sources& user(const List& names) {
    for (const std::string& each : names) tree.file("/user/" + each);
    return *this;
  }

  S6RcFound read(const List& scanned = {}) const {
    return read_s6_rc(tree.path("/src"), {tree.path("/user")}, scanned);
  }
  // Without a problem.
  Found read_well() const {
    Found found = read();
    CHECK(tree.to_text(found.problems) == "");
    return found;
  }
  std::string names() const { return names_of(read_well()); }
  std::string problems() const { return tree.to_text(read().problems); }

  Tree tree;
};

}  // namespace

TEST_CASE("s6-rc: what the bundle user holds is started, with all that it needs, and nothing else") {
  Sources with;
  with.longrun("web").depends("web", {"config"}).oneshot("config").depends("config", {"users"}).oneshot("users");
  with.longrun("db").longrun("unused").depends("unused", {"db"});
  with.user({"web"});
  CHECK(with.names() == "config users web");
}

TEST_CASE("s6-rc: the bundle may be among the sources, as a directory or as a file") {
  Sources with;
  with.longrun("a").longrun("b").longrun("c");
  with.file("user/contents.d/a").file("user/contents", "b\n").user({"c"});
  CHECK(with.names() == "a b c");
}

TEST_CASE("s6-rc: what is in user2 alone comes after all that user needs") {
  Sources with;
  with.longrun("a").depends("a", {"b"}).longrun("b").longrun("last").depends("last", {"b", "late"}).oneshot("late");
  with.user({"a"}).file("user2/contents.d/last").file("user2/contents.d/a");
  const Found found = with.read_well();
  CHECK(names_of(found) == "a b last late");
  CHECK(service_of(found, "last").required == List{"a", "b", "late"});
  CHECK(service_of(found, "late").required == List{"a", "b"});
  CHECK(service_of(found, "a").required == List{"b"});
}

TEST_CASE("s6-rc: services that are scanned come between user and user2") {
  Sources with;
  with.longrun("a").longrun("b").depends("b", {"a"}).longrun("last").user({"b"}).file("user2/contents.d/last");
  const S6RcFound found = with.read({"web", "web/log"});
  CHECK(found.required == List{"a", "b"});
  CHECK(service_of(found, "a").before == List{"web", "web/log"});
  CHECK(service_of(found, "b").before == List{"web", "web/log"});
  CHECK(service_of(found, "last").before.empty());
  CHECK(service_of(found, "last").after == List{"web", "web/log"});
  CHECK(service_of(found, "last").required == List{"a", "b"});
}

TEST_CASE("s6-rc: what depends on legacy-services, if only by way of others, comes after services that are scanned") {
  Sources with;
  with.longrun("a").longrun("b").depends("b", {"legacy-services"}).longrun("c").depends("c", {"all"});
  with.bundle("all", {"b"}).longrun("d").depends("d", {"legacy-cont-init", "base", "fix-attrs"});
  const Found found = with.user({"a", "c", "d"}).read({"web"});
  CHECK(service_of(found, "a").before == List{"web"});
  CHECK(service_of(found, "d").before == List{"web"});
  for (const std::string late : {"b", "c"}) {
    CHECK(service_of(found, late).before.empty());
    CHECK(service_of(found, late).after == List{"web"});
  }
  CHECK(service_of(found, "b").required == List{"a", "d"});
  CHECK(service_of(found, "c").required == List{"a", "b", "d"});
}

TEST_CASE("s6-rc: a bundle of that name outside of the sources is user2") {
  Sources with;
  with.longrun("a").longrun("z").user({"z"}).tree.file("/bundles/user2/contents.d/a");
  const Found found =
      read_s6_rc(with.tree.path("/src"), {with.tree.path("/user"), with.tree.path("/bundles/user2/contents.d")}, {});
  CHECK(names_of(found) == "a z");
  CHECK(service_of(found, "a").required == List{"z"});
}

TEST_CASE("s6-rc: a bundle stands for all that it holds, in a bundle, in user, and as a dependency") {
  Sources with;
  with.longrun("a").longrun("b").longrun("c").longrun("d").depends("d", {"inner", "c"});
  with.bundle("inner", {"a", "b"}).bundle("outer", {"inner", "d"});
  with.user({"outer"});
  const Found found = with.read_well();
  CHECK(names_of(found) == "a b c d");
  CHECK(service_of(found, "d").required == List{"a", "b", "c"});
}

TEST_CASE("s6-rc: bundles that hold each other end") {
  Sources with;
  with.longrun("a").bundle("x", {"y"}).bundle("y", {"x", "a"}).user({"x"});
  CHECK(with.names() == "a");
}

TEST_CASE("s6-rc: the old lists have a name a line, and comments") {
  Sources with;
  with.longrun("web").longrun("a").longrun("b").longrun("c");
  with.file("web/dependencies", "# what it needs\n\n  a\t\r\nb")
      .source("all", "bundle")
      .file("all/contents", "web\nc\n");
  with.user({"all"});
  const Found found = with.read_well();
  CHECK(names_of(found) == "a b c web");
  CHECK(service_of(found, "web").required == List{"a", "b"});
}

TEST_CASE("s6-rc: each name of a directory is a source of its own") {
  Sources with;
  with.longrun("w").user({"w", "w2"}).tree.link("w", "/src/w2");
  const Found found = with.read_well();
  CHECK(names_of(found) == "w w2");
  CHECK(service_of(found, "w2").command == Command{"./run", "w2"});
}

TEST_CASE("s6-rc: dependencies on what s6-overlay brings along are dropped") {
  Sources with;
  with.longrun("web").depends("web", {"base", "legacy-cont-init", "legacy-services", "fix-attrs", "init-catchall",
                                      "user", "user2", "top", "s6rc-oneshot-runner"});
  with.user({"web", "base"});
  const Found found = with.read_well();
  CHECK(names_of(found) == "web");
  CHECK(service_of(found, "web").required.empty());
}

TEST_CASE("s6-rc: a longrun is kept as a directory of s6, which is not looked at again") {
  Sources with;
  with.longrun("web").file("web/notification-fd", "3\n").file("web/timeout-kill", "100\n").file("web/down");
  with.file("web/down-signal", "QUIT").file("web/timeout-finish", "0").file("web/max-death-tally", "5").user({"web"});
  with.tree.directory("/src/web/log");
  const Found found = with.read_well();
  CHECK(names_of(found) == "web");
  const Service& web = service_of(found, "web");
  CHECK(web.type == config::ServiceType::Simple);
  CHECK(web.command == Command{"./run", "web"});
  CHECK(web.working_dir == with.tree.path("/src/web"));
  CHECK(web.autostart);
  CHECK(std::get<config::FdReady>(web.ready->when).fd == 3);
  CHECK(web.start_timeout == 0s);
  CHECK(web.stop_timeout == 100ms);
  CHECK(web.stop_signal == Signal{3});
  REQUIRE(web.directory);
  CHECK(web.directory->suite == config::ServiceDirectory::Suite::S6);
  CHECK_FALSE(web.directory->is_scanned);
  CHECK(!web.directory->finish_timeout);
  CHECK(web.directory->death_tally == 5);
}

TEST_CASE("s6-rc: a oneshot runs the words of up, and is undone by those of down") {
  Sources with;
  with.oneshot("setup", "#!/command/execlineb -P\n/app/setup \"a b\" # c").file("setup/down", "/app/clean");
  with.user({"setup"});
  const Service setup = service_of(with.read_well(), "setup");
  CHECK(setup.type == config::ServiceType::Oneshot);
  CHECK(setup.command == Command{"/app/setup", "a b"});
  CHECK(setup.undo == Command{"/app/clean"});
  CHECK(setup.env == config::Variables{{"RC_NAME", "setup"}});
  CHECK(setup.restart == config::RestartPolicy::No);
  CHECK(setup.on_failure == config::EndAction::Ignore);
  CHECK(setup.start_timeout == 0s);
  CHECK(!setup.stop_timeout);
  CHECK(!setup.working_dir);
  CHECK(!setup.directory);
  CHECK(setup.input == config::Input::Null);
}

TEST_CASE("s6-rc: a script in the place of the command line of up or down is told of") {
  const std::string warning =
      ":1:1: warning: this is one command line and no script: put the script into a file of its own, and write its "
      "path "
      "here\n";
  Sources with;
  with.oneshot("a", "#!/bin/sh\necho a").file("a/down", "#!/usr/bin/with-contenv bash\necho b").user({"a"});
  CHECK(with.problems() == "/src/a/up" + warning + "/src/a/down" + warning);
}

TEST_CASE("s6-rc: an up with nothing but comments succeeds, and such a down undoes nothing") {
  Sources with;
  with.oneshot("init-services", "# the beginning of the services")
      .file("init-services/down", " \n")
      .user({"init-services"});
  const Service service = service_of(with.read_well(), "init-services");
  CHECK(service.command == Command{"/proc/self/exe", "--as", "true"});
  CHECK(!service.undo);
}

TEST_CASE("s6-rc: the time to start and to stop may be limited") {
  Sources with;
  with.oneshot("setup").file("setup/timeout-up", "1000\n").file("setup/timeout-down", "2000\n");
  with.longrun("web").file("web/timeout-up", "3000").file("web/timeout-down", "4000").file("web/timeout-kill", "5000");
  with.longrun("db")
      .file("db/timeout-up", "0")
      .file("db/timeout-down", "6000")
      .longrun("x")
      .file("x/timeout-down", "0");
  const Found found = with.user({"setup", "web", "db", "x"}).read_well();
  CHECK(service_of(found, "setup").start_timeout == 1s);
  CHECK(service_of(found, "setup").stop_timeout == 2s);
  CHECK(service_of(found, "web").start_timeout == 3s);
  CHECK(service_of(found, "web").stop_timeout == 5s);
  CHECK(service_of(found, "db").start_timeout == 0s);
  CHECK(service_of(found, "db").stop_timeout == 6s);
  CHECK(!service_of(found, "x").stop_timeout);
}

TEST_CASE("s6-rc: a producer pipes into its consumer, which is started with it and stands behind it") {
  Sources with;
  with.longrun("z").longrun("a").longrun("b").pipe("z", "b").pipe("b", "a").longrun("c").user({"c", "z"});
  const Found found = with.read_well();
  CHECK(names_of(found) == "z b a c");
  CHECK(service_of(found, "z").pipes_into == "b");
  CHECK(service_of(found, "b").pipes_into == "a");
  CHECK(service_of(found, "a").pipes_into.empty());
}

TEST_CASE("s6-rc: several producers may have one consumer, which does not start them") {
  Sources with;
  with.longrun("log").longrun("x").longrun("y").file("x/producer-for", "log").file("y/producer-for", "log");
  with.file("log/consumer-for", "x\ny\n").user({"log"});
  CHECK(names_of(with.read()) == "log");
  with.user({"x", "y"});
  CHECK(with.names() == "x y log");
}

TEST_CASE("s6-rc: a consumer without a producer that is started is told of") {
  Sources with;
  with.longrun("log").longrun("x").longrun("y").file("x/producer-for", "log").file("y/producer-for", "log");
  with.file("log/consumer-for", "x\n y\n").user({"log"});
  CHECK(with.problems() ==
        "/src/log/consumer-for:1:1: warning: \"log\" has nothing to read: its producer \"x\" is in no bundle that is "
        "started\n"
        "/src/log/consumer-for:2:2: warning: \"log\" has nothing to read: its producer \"y\" is in no bundle that is "
        "started\n");
  with.user({"y"});
  CHECK(with.names() == "y log");
}

TEST_CASE("s6-rc: the name of a pipeline stands for all of its longruns") {
  Sources with;
  with.longrun("a").longrun("b").longrun("c").pipe("a", "b").pipe("b", "c").file("c/pipeline-name", "all\n");
  with.longrun("web").depends("web", {"all"}).user({"web"});
  const Found found = with.read_well();
  CHECK(names_of(found) == "a b c web");
  CHECK(service_of(found, "web").required == List{"a", "b", "c"});
}

TEST_CASE("s6-rc: a named pipeline with a ring in it ends") {
  Sources with;
  with.longrun("a").longrun("b").longrun("c").pipe("b", "c").file("c/pipeline-name", "all").user({"all"});
  with.file("b/consumer-for", "a").file("a/consumer-for", "b");
  CHECK(names_of(with.read()) == "a b c");
}

TEST_CASE("s6-rc: pipelines in a ring are left to whoever makes an order") {
  Sources with;
  with.longrun("a").longrun("b").pipe("a", "b").pipe("b", "a").user({"a"});
  CHECK(with.names() == "b a");
}

TEST_CASE("s6-rc: only the last longrun of a pipeline can name it") {
  Sources with;
  with.longrun("a")
      .longrun("b")
      .pipe("a", "b")
      .file("a/pipeline-name", "all")
      .longrun("c")
      .file("c/pipeline-name", "c2");
  CHECK(with.problems() ==
        "/src/a/pipeline-name: warning: only the last longrun of a pipeline gives it a name\n"
        "/src/c/pipeline-name: warning: only the last longrun of a pipeline gives it a name\n");
}

TEST_CASE("s6-rc: the name of a pipeline is one, and its own") {
  Sources with;
  with.longrun("a").longrun("b").pipe("a", "b");
  with.file("b/pipeline-name", "one\ntwo\n");
  CHECK(with.problems() == "/src/b/pipeline-name:1:1: error: expected one name\n");
  with.file("b/pipeline-name", "a\n");
  CHECK(with.problems() == "/src/b/pipeline-name:1:1: error: \"a\" is the name of another source\n");
}

TEST_CASE("s6-rc: both ends of a pipe must say so") {
  Sources with;
  with.longrun("a").longrun("b").oneshot("c").file("a/producer-for", "\n  b\n").user({"a"});
  CHECK(with.problems() ==
        "/src/a/producer-for:2:3: error: \"b\" does not say that it is the consumer for \"a\": "
        "add that to its file consumer-for\n");
  with.file("a/producer-for", "").file("b/consumer-for", "a\n").user({"b"});
  CHECK(with.problems() ==
        "/src/b/consumer-for:1:1: error: \"a\" does not say that it is the producer for \"b\": "
        "add that to its file producer-for\n");
  with.file("a/producer-for", "c").file("b/consumer-for", "c\nnothing");
  CHECK(with.problems() ==
        "/src/a/producer-for:1:1: error: \"c\" is no longrun\n"
        "/src/b/consumer-for:1:1: error: \"c\" is no longrun\n"
        "/src/b/consumer-for:2:1: error: there is no \"nothing\" in /src\n");
}

TEST_CASE("s6-rc: a longrun is the producer for one other at most") {
  Sources with;
  with.longrun("a").longrun("b").longrun("c").file("b/consumer-for", "a").file("c/consumer-for", "a");
  with.file("a/producer-for", "b\nc\n").user({"a"});
  CHECK(with.problems() == "/src/a/producer-for:2:1: error: a longrun can only be the producer for one other\n");
}

TEST_CASE("s6-rc: every source needs a type, started or not, but for the bundles of the image") {
  Sources with;
  with.file("a/up")
      .source("b", "longrunn")
      .source("c", "")
      .file("user/contents.d/a")
      .file("user2/type", "?")
      .file("README");
  CHECK(with.problems() ==
        "/src/a/type: error: there is no such file; expected \"oneshot\", \"longrun\" or \"bundle\"\n"
        "/src/b/type:1:1: error: expected \"oneshot\", \"longrun\" or \"bundle\", not \"longrunn\"; did you mean "
        "\"longrun\"?\n"
        "/src/c/type:1:1: error: expected \"oneshot\", \"longrun\" or \"bundle\", not \"\"\n");
}

TEST_CASE("s6-rc: of what is not started nothing is looked at but the type") {
  Sources with;
  with.source("a", "longrun")
      .file("a/timeout-kill", "x")
      .source("b", "oneshot")
      .source("c", "bundle")
      .file("c/contents", "x");
  CHECK(with.names() == "");
}

TEST_CASE("s6-rc: a name that there is not is told where it is written, with the nearest that there is") {
  Sources with;
  with.longrun("web").depends("web", {"databse"}).oneshot("database").bundle("all", {"web", "nothing"});
  with.file("database/dependencies", "# x\n  wbe\n").user({"all", "database", "al"});
  CHECK(with.problems() ==
        "/user/al: error: there is no \"al\" in /src; did you mean \"all\"?\n"
        "/src/all/contents.d/nothing: error: there is no \"nothing\" in /src\n"
        "/src/database/dependencies:2:3: error: there is no \"wbe\" in /src; did you mean \"web\"?\n"
        "/src/web/dependencies.d/databse: error: there is no \"databse\" in /src; did you mean \"database\"?\n");
}

TEST_CASE("s6-rc: what should be a directory of names, and cannot be read as one, is an error") {
  Sources with;
  with.longrun("a").file("a/dependencies.d", "b\n").source("all", "bundle").tree.link("nowhere", "/src/all/contents.d");
  with.file("user/contents.d/all").tree.file("/user", "a\n");
  with.file("user2/contents.d/a");
  CHECK(with.problems() ==
        "/user: error: cannot be read: Not a directory\n"
        "/src/all/contents.d: error: cannot be read: No such file or directory\n"
        "/src/a/dependencies.d: error: cannot be read: Not a directory\n");
}

TEST_CASE("s6-rc: the names of s6-overlay are taken") {
  Sources with;
  with.longrun("base").longrun("s6rc-x");
  CHECK(with.problems() ==
        "/src/base: error: this name belongs to s6-overlay itself\n"
        "/src/s6rc-x: error: this name belongs to s6-overlay itself\n");
}

TEST_CASE("s6-rc: a longrun without a run is an error, and one that is not executable will be") {
  Sources with;
  with.source("a", "longrun").source("b", "longrun").file("b/run", "#!/bin/sh\n").user({"a", "b"});
  CHECK(with.problems() == "/src/a/run: error: there is no such file: it is what a longrun runs\n");
}

TEST_CASE("s6-rc: execlineb runs what is no plain command, where the image has it") {
  Sources with;
  with.oneshot("a", "if { true } echo a").oneshot("b", "exec echo b").oneshot("c", "cd /tmp pwd").user({"a", "b", "c"});
  with.file("b/down", "foreground { echo b } echo down");
  const std::string sources = with.tree.path("/src");
  const Found found =
      read_s6_rc(sources, {with.tree.path("/user")}, {}, {.working_dir = "/place", .execlineb = "/command/execlineb"});
  REQUIRE(found.services.size() == 3);
  CHECK(found.problems.empty());
  CHECK(found.services[0].command == List{"/command/execlineb", "-P", sources + "/a/up"});
  CHECK(found.services[1].command == List{"echo", "b"});
  CHECK(found.services[1].undo == List{"/command/execlineb", "-P", sources + "/b/down"});
  CHECK(found.services[2].command == List{"/command/execlineb", "-P", sources + "/c/up"});
  for (const config::Service& service : found.services) CHECK(service.working_dir == "/place");
}

TEST_CASE("s6-rc: a oneshot without an up is an error, and so is what is no plain command") {
  Sources with;
  with.source("a", "oneshot").oneshot("b", "\nif { true } false").file("b/down", "a \"b").user({"a", "b"});
  CHECK(with.problems() ==
        "/src/a/up: error: there is no such file: it is what a oneshot runs\n"
        "/src/b/up:2:1: error: \"if\" is a program of execline, and PATH leads to no execlineb that could run it; put "
        "what is more than "
        "one plain command into a script, "
        "and "
        "write its path here\n"
        "/src/b/down:1:3: error: a double quote (\") is never closed\n");
}

TEST_CASE("s6-rc: what cannot be read is told once") {
  Sources with;
  with.longrun("a").longrun("b").file("b/consumer-for", "a").user({"a", "b"}).tree.directory("/src/a/producer-for");
  CHECK(with.problems() ==
        "/src/a/producer-for: error: cannot be read: Is a directory\n"
        "/src/b/consumer-for:1:1: error: \"a\" does not say that it is the producer for \"b\": "
        "add that to its file producer-for\n");
}

TEST_CASE("s6-rc: a tree that is not there has no services") {
  CHECK(names_of(read_s6_rc("/no/such", {"/no"}, {})) == "");
}

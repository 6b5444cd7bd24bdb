#include "servicedir/runit.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>

#include "forked.hpp"
#include "os/syscall.hpp"
#include "servicedir/service_trees.hpp"
#include "tree.hpp"

using namespace cinit;
using namespace cinit::test;
using namespace std::chrono_literals;
using cinit::config::Service;
using cinit::servicedir::Found;
using cinit::servicedir::read_runit;
using cinit::servicedir::ServiceTrees;

TEST_CASE("runit: what cannot be looked at for want of descriptors is not taken for gone") {
  Tree tree;
  tree.file("/a/run").directory("/b/log");
  const auto read_with = [&](rlim_t descriptors) {
    return in_child([&] {
      const rlimit64 few{descriptors, descriptors};
      os::sys::setrlimit(RLIMIT_NOFILE, &few);
      ServiceTrees trees;
      trees.runit = {tree.path()};
      trees.s6 = {tree.path("/none")};
      const Found found = trees.read();
      return tree.to_text(found.problems) + std::to_string(found.services.size()) +
             (config::may_pass(found.problems) ? " may pass" : "");
    });
  };
  CHECK(read_with(3).ends_with(": error: cannot be looked at: Too many open files\n0 may pass"));
  CHECK(read_with(64) == "3");
}

TEST_CASE("runit: a directory is a service that is kept up for ever, whose failures end nothing") {
  Tree tree;
  tree.directory("/web");
  const Found found = read_runit(tree.path());
  CHECK(found.problems.empty());
  const Service& web = service_of(found, "web");
  CHECK(web.command == std::vector<std::string>{"./run"});
  CHECK(web.working_dir == tree.path("/web"));
  CHECK(web.autostart);
  CHECK(web.input == config::Input::Inherit);
  CHECK(web.restart == config::RestartPolicy::Always);
  CHECK(web.start_limit_burst == 0);
  CHECK(web.on_failure == config::EndAction::Ignore);
  CHECK(web.kill_mode == config::KillMode::Process);
  CHECK(!web.stop_timeout);
  CHECK(web.pre_start == std::vector<config::Command>{{"control/u"}});
  CHECK(web.post_stop == std::vector<config::Command>{{"./finish"}});
  REQUIRE(web.directory);
  CHECK(web.directory->suite == config::ServiceDirectory::Suite::Runit);
  CHECK(web.directory->is_scanned);
  CHECK(!web.directory->finish_timeout);
}

TEST_CASE("runit: entries that begin with a dot, files and dangling links are no services") {
  Tree tree;
  tree.directory("/web").directory("/.git").file("/README").link("/no/such", "/gone").file("/.hidden/run");
  CHECK(names_of(read_runit(tree.path())) == "web");
}

TEST_CASE("runit: a link to a directory is a service of the link's name, in the directory that it leads to") {
  Tree tree;
  tree.directory("/sv/nginx").directory("/service").link("../sv/nginx", "/service/web");
  const Found found = read_runit(tree.path("/service"));
  const Service& web = service_of(found, "web");
  CHECK(web.working_dir == tree.path("/sv/nginx"));
  CHECK(web.directory->path == tree.path("/sv/nginx"));
  struct stat status {};
  REQUIRE(stat(tree.path("/sv/nginx").c_str(), &status) == 0);
  CHECK(web.directory->inode == status.st_ino);
  CHECK(web.directory->device == status.st_dev);
}

TEST_CASE("runit: a file down says that it is not started by itself, a link that leads nowhere too") {
  Tree tree;
  tree.file("/a/down").directory("/b").link("/no/such", "/c/down").directory("/d/log").file("/d/log/down");
  const Found found = read_runit(tree.path());
  CHECK(!service_of(found, "a").autostart);
  CHECK(service_of(found, "b").autostart);
  CHECK(!service_of(found, "c").autostart);
  CHECK(service_of(found, "d").autostart);
  CHECK(!service_of(found, "d/log").autostart);
}

TEST_CASE(
    "runit: a directory log is the logger, into which the service pipes, and which has no finish and no control") {
  Tree tree;
  tree.directory("/web/log").directory("/plain").file("/odd/log");
  const Found found = read_runit(tree.path());
  CHECK(names_of(found) == "odd plain web web/log");
  CHECK(service_of(found, "web").pipes_into == "web/log");
  CHECK(service_of(found, "plain").pipes_into.empty());
  CHECK(service_of(found, "odd").pipes_into.empty());
  const Service& logger = service_of(found, "web/log");
  CHECK(logger.command == std::vector<std::string>{"./run"});
  CHECK(logger.working_dir == tree.path("/web/log"));
  CHECK(logger.post_stop.empty());
  CHECK(logger.pre_start.empty());
}

TEST_CASE("runit: of two links to one directory the second is no service") {
  Tree tree;
  tree.directory("/sv/x").directory("/service").link("../sv/x", "/service/a").link("../sv/x", "/service/b");
  const Found found = read_runit(tree.path("/service"));
  CHECK(names_of(found) == "a");
}

TEST_CASE("runit: what is not there has no services") { CHECK(read_runit("/no/such").services.empty()); }

// ---- All trees of an image

TEST_CASE("two services of one name are an error that names both places") {
  Tree tree;
  tree.directory("/one/web").directory("/two/web").directory("/two/other");
  const ServiceTrees trees{.runit = {tree.path("/one"), tree.path("/two")}};
  const Found found = trees.read();
  CHECK(names_of(found) == "web other");
  CHECK(tree.to_text(found.problems) ==
        "/two/web: error: there is a service \"web\" in /one/web"
        " already: give one of them another name, or take it out\n");
}

TEST_CASE("a name is told in quotes, whatever is in it") {
  Tree tree;
  tree.directory("/one/a\"\nb").directory("/two/a\"\nb");
  const Found found = ServiceTrees{.runit = {tree.path("/one"), tree.path("/two")}}.read();
  REQUIRE(found.problems.size() == 1);
  CHECK(found.problems.front().message.starts_with("there is a service \"a\\\"\\nb\" in "));
}

TEST_CASE("a service of the configuration and one of a directory cannot have the same name") {
  Tree tree;
  tree.directory("/sv/web").directory("/sv/a");
  config::Loaded loaded;
  loaded.config.services.emplace_back();
  loaded.config.services.back().name = "web";
  loaded.config.services.back().where = {"/etc/cinit.toml", 3, 1};
  ServiceTrees{.runit = {tree.path("/sv")}}.add_to(loaded);
  REQUIRE(loaded.config.services.size() == 2);
  CHECK(loaded.config.services[0].name == "a");
  CHECK(!loaded.config.services[1].directory);
  CHECK(tree.to_text(loaded.problems) ==
        "/sv/web: error: there is a service \"web\" in /etc/cinit.toml:3:1 already: give one of them another name, or "
        "take it out\n");
}

TEST_CASE("services of s6-svscan, and not those of runit, are in order with sources of s6-rc") {
  Tree tree;
  tree.directory("/runit/a").directory("/s6/b/log");
  tree.file("/src/db/type", "longrun\n").file("/src/db/run", "", 0755).file("/src/user/contents.d/db");
  config::Loaded loaded;
  ServiceTrees{.runit = {tree.path("/runit")}, .s6 = {tree.path("/s6")}, .s6_rc = tree.path("/src")}.add_to(loaded);
  CHECK(tree.to_text(loaded.problems) == "");
  const auto db = std::ranges::find(loaded.config.services, "db", &config::Service::name);
  REQUIRE(db != loaded.config.services.end());
  CHECK(db->before == std::vector<std::string>{"b", "b/log"});
}

TEST_CASE("services of s6 have the environment that there is for them, and those of runit the container's") {
  Tree tree;
  tree.directory("/runit/a").directory("/s6/b");
  const ServiceTrees trees{
      .runit = {tree.path("/runit")}, .s6 = {tree.path("/s6")}, .s6_environment = config::Variables{{"PATH", "/bin"}}};
  const Found found = trees.read();
  CHECK(!service_of(found, "a").clear_env);
  CHECK(service_of(found, "b").clear_env);
  CHECK(service_of(found, "b").env == config::Variables{{"PATH", "/bin"}});
}

TEST_CASE("a directory that links in two trees lead to is one service, and a warning names both places") {
  Tree tree;
  tree.directory("/sv/web").directory("/sv/web/log").directory("/a").directory("/b").directory("/b/mail");
  tree.link("../sv/web", "/a/web").link("../sv/web", "/b/site");
  const ServiceTrees trees{.runit = {tree.path("/a"), tree.path("/b")}};
  const Found found = trees.read();
  CHECK(names_of(found) == "web web/log mail");
  CHECK(tree.to_text(found.problems) ==
        "/b/site: warning: this is the same directory as /a/web, of which there is one service: take one of the two "
        "out\n");
}

TEST_CASE("a warning is one line, whatever a directory is called") {
  Tree tree;
  tree.directory("/sv/web").directory("/a").link("../sv/web", "/a/w\n\x1b[2J");
  const ServiceTrees trees{.runit = {tree.path("/a"), tree.path("/sv")}};
  CHECK(tree.to_text(trees.read().problems) ==
        "/sv/web: warning: this is the same directory as \"/a/w\\n\\u001B[2J\", of which there is one service: take "
        "one of "
        "the two out\n");
}

TEST_CASE("two services of which each has a logger in the same directory are two services") {
  Tree tree;
  tree.directory("/log").directory("/a/web").directory("/b/mail");
  tree.link("../../log", "/a/web/log").link("../../log", "/b/mail/log");
  const ServiceTrees trees{.runit = {tree.path("/a"), tree.path("/b")}};
  const Found found = trees.read();
  CHECK(names_of(found) == "web web/log mail mail/log");
  CHECK(found.problems.empty());
}

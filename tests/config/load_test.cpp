#include "config/load.hpp"

#include <doctest/doctest.h>

#include "cases.hpp"
#include "config/keys.hpp"
#include "config/show.hpp"

using namespace cinit::config;
using cinit::test::lookup_in;
using cinit::test::to_text;

namespace {

Loaded load_text(const std::string& text) {
  const std::vector<SourceText> sources{{"t.toml", text}};
  return load(sources, lookup_in({}), Undefined::Error);
}

}  // namespace

TEST_CASE("no file at all is a configuration without services") {
  const Loaded loaded = load({}, lookup_in({}), Undefined::Error);
  CHECK(loaded.problems.empty());
  CHECK(loaded.config.services.empty());
  CHECK_FALSE(loaded.config.container.stop_timeout);
}

TEST_CASE("a name that only a service directory has cannot be used, and the message says so") {
  const std::vector<SourceText> sources{{"t.toml",
                                         "[cinit]\nservice-directories = [\"/srv\"]\nexit-code-from = \"b\"\n"
                                         "[service.web]\ncommand = \"a\"\nafter = [\"db\"]\n"}};
  const auto find = [](std::span<const std::string> directories, std::string_view name) {
    CHECK(directories.front() == "/srv");
    return name == "db" ? std::string("/srv/db") : std::string();
  };
  CHECK(to_text(load(sources, lookup_in({}), Undefined::Error, find).problems) ==
        "t.toml:3:18: error: exit-code-from in [cinit]: there is no service \"b\"\n"
        "t.toml:6:10: error: after in [service.web]: \"db\" is a service directory, \"/srv/db\", and those cannot be "
        "named here: let the program that needs the other wait for it, or make a table [service.db] of the "
        "directory\n");
}

TEST_CASE("services are sorted by name, and know where they are written") {
  const Loaded loaded = load_text("[service.web]\ncommand = \"a\"\n[service.db]\ncommand = \"b\"\n");
  REQUIRE(loaded.config.services.size() == 2);
  CHECK(loaded.config.services[0].name == "db");
  CHECK(loaded.config.services[0].where.file == "t.toml");
  CHECK(loaded.config.services[0].where.line == 3);
}

TEST_CASE("every key refuses a date, with its name, table and place") {
  const auto refuses = [](const std::string& table, std::string_view key, const std::string& rest) {
    const std::string text = "[" + table + "]\n" + std::string(key) + " = 1979-05-27\n" + rest;
    const std::string problems = to_text(load_text(text).problems);
    CAPTURE(problems);
    CHECK(problems.find("t.toml:2:" + std::to_string(key.size() + 4) + ": error: " + std::string(key) + " in [" +
                        table + "]: expected ") == 0);
    CHECK(problems.ends_with(", not a date or time\n"));
  };
  for (const std::string_view key : key_names<Container>()) refuses("cinit", key, "");
  for (const std::string_view key : key_names<Sysctl>()) refuses("sysctl", key, "");
  for (const std::string_view key : key_names<Hooks>()) refuses("hooks", key, "");
  for (const std::string_view key : key_names<Service>()) {
    refuses("defaults", key, "");
    refuses("service.web", key, key == "command" ? "" : "command = \"run\"\n");
  }
}

TEST_CASE("every key of the format that cannot be used yet says so") {
  const auto refuses = [](const std::string& table, std::string_view key) {
    const std::string text = "[" + table + "]\n" + std::string(key) + " = 1\ncommand = \"run\"\n";
    CHECK(to_text(load_text(text).problems).find(std::string(key) + " in [" + table + "] is not supported yet\n") !=
          std::string::npos);
  };
  for (const std::string_view key : kLaterServiceKeys) refuses("defaults", key);
  for (const std::string_view key : kLaterServiceKeys) refuses("service.web", key);
}

TEST_CASE("the value of a variable is in no message") {
  const Variables environment{{"SECRET", "hunter2"}};
  const auto check = [&](const std::string& line) {
    const std::vector<SourceText> sources{{"t.toml", "[service.web]\n" + line}};
    const std::string problems = to_text(load(sources, lookup_in(environment), Undefined::Error).problems);
    CAPTURE(problems);
    CHECK(problems.find("hunter2") == std::string::npos);
  };
  for (const std::string_view key : key_names<Service>()) {
    const std::string quoted = " = \"|${SECRET}:\"\n";
    const std::string list = " = [\"|${SECRET}:\"]\n";
    const std::string table = " = { nofile = \"|${SECRET}:\" }\n";
    for (const std::string& value : {quoted, list, table}) check(std::string(key) + value);
  }
  for (const std::string_view key : key_names<Ready>()) check("ready." + std::string(key) + " = \"${SECRET}\"\n");
  for (const std::string_view key : key_names<Health>()) check("health." + std::string(key) + " = \"${SECRET}\"\n");
}

TEST_CASE("every key of ready and health refuses a date, with its whole name, table and place") {
  const auto refuses = [](const std::string& outer, std::string_view key) {
    const std::string full = outer + '.' + std::string(key);
    const std::string text = "[service.web]\n" + full + " = 1979-05-27\ncommand = \"run\"\n";
    const std::string problems = to_text(load_text(text).problems);
    CAPTURE(problems);
    CHECK(problems.find("t.toml:2:" + std::to_string(full.size() + 4) + ": error: " + full +
                        " in [service.web]: expected ") != std::string::npos);
    CHECK(problems.find(", not a date or time\n") != std::string::npos);
  };
  for (const std::string_view key : key_names<Ready>()) refuses("ready", key);
  for (const std::string_view key : key_names<Health>()) refuses("health", key);
}

TEST_CASE("what is still undefined contradicts nothing") {
  const std::vector<SourceText> sources{{"t.toml", R"(
[defaults]
restart = "no"
stdout = "null"
stderr = "null"
type = "oneshot"
[service.action]
command = "run"
type = "simple"
restart = "${A}"
health = { tcp = 80 }
[service.always]
command = "run"
type = "${A}"
restart = "always"
[service.backoff]
command = "run"
restart-delay = "1h"
restart-max-delay = "${A}"
[service.delay]
command = "run"
type = "simple"
start-timeout = "${A}"
ready = { delay = "2m" }
[service.log]
command = "run"
type = "simple"
stdout = "${A}"
ready = { log = "up" }
log-max-files = 4
[service.once]
command = "run"
type = "${A}"
ready = "notify"
)"}};
  const std::vector<Problem> problems = load(sources, lookup_in({}), Undefined::Warning).problems;
  CAPTURE(to_text(problems));
  CHECK(problems.size() == 6);
  for (const Problem& problem : problems) CHECK(problem.message.find("A is not set") != std::string::npos);
}

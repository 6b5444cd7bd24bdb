#include "config/show.hpp"

#include <doctest/doctest.h>

#include "cases.hpp"
#include "config/load.hpp"
#include "config/quote.hpp"

using namespace cinit::config;
using cinit::test::lookup_in;
using cinit::test::to_text;

namespace {

Config reload(const Config& config) {
  const std::vector<SourceText> sources{{"shown.toml", to_toml(config)}};
  Loaded loaded = load(sources, lookup_in({}), Undefined::Error);
  REQUIRE(to_text(loaded.problems) == "");
  return std::move(loaded.config);
}

Config with_service(Service service) {
  service.name = "web";
  if (service.command.empty()) service.command = {"run"};
  Config config;
  config.services.push_back(std::move(service));
  return config;
}

}  // namespace

TEST_CASE("references, quotes and control characters in values come back as they were") {
  Service service;
  service.command = {"run", "${A}", "$${A}", "a\"b\\c", "tab\tline\nnul-free\x01\x7F", "ü€😀", ""};
  service.env = {{"A B", "${X}"}, {"C", ""}};
  const Service again = reload(with_service(service)).services[0];
  CHECK(again.command == service.command);
  CHECK(again.env == service.env);
}

TEST_CASE("the script of a shell is shown as it was written") {
  Service service;
  service.command = {"sh", "-c", "echo ${A} $${B}", "${C}"};
  const Config config = with_service(service);
  CHECK(to_toml(config).find(R"(command = ["sh", "-c", "echo ${A} $${B}", "$${C}"])") != std::string::npos);
  CHECK(reload(config).services[0].command == service.command);
}

TEST_CASE("a signal without a name comes back by its number") {
  Service service;
  service.stop_signal = {33};
  CHECK(reload(with_service(service)).services[0].stop_signal == service.stop_signal);
}

TEST_CASE("limits come back, the largest numbers included") {
  Service service;
  service.limits = {{"core", {}}, {"nofile", {1024, std::nullopt}}, {"as", {0, 18446744073709551614U}}};
  const Service again = reload(with_service(service)).services[0];
  CHECK_FALSE(again.limits.at("core").soft);
  CHECK(again.limits.at("nofile").soft == 1024);
  CHECK_FALSE(again.limits.at("nofile").hard);
  CHECK(again.limits.at("as").hard == 18446744073709551614U);
}

TEST_CASE("a stop command comes back as it was, and its script as it was written") {
  Service service;
  service.stop_command = {"sh", "-c", "drain ${A}", "$${B}"};
  service.pre_stop = {{"sh", "-c", "leave ${A}"}, {"echo", "${A}"}};
  const Service again = reload(with_service(service)).services[0];
  CHECK(again.stop_command == service.stop_command);
  CHECK(again.pre_stop == service.pre_stop);
}

TEST_CASE("every way to be ready comes back, with its times where it has any") {
  Ready ready;
  const auto back = [&]() {
    Service service;
    service.ready = ready;
    return reload(with_service(service)).services[0].ready.value();
  };
  CHECK(std::holds_alternative<NotifyReady>(back().when));
  ready.when = FdReady{5};
  CHECK(std::get<FdReady>(back().when).fd == 5);
  ready.when = LogReady{"\"${A}\" is up"};
  CHECK(std::get<LogReady>(back().when).text == "\"${A}\" is up");
  ready.when = DelayReady{std::chrono::seconds(5)};
  CHECK(std::get<DelayReady>(back().when).delay == std::chrono::seconds(5));
  ready.interval = std::chrono::milliseconds(10);
  ready.timeout = std::chrono::minutes(2);
  ready.when = Probe(FileProbe{"/run/${A}"});
  CHECK(std::get<FileProbe>(std::get<Probe>(back().when)).path == "/run/${A}");
  CHECK(back().interval == ready.interval);
  CHECK(back().timeout == ready.timeout);
}

TEST_CASE("every kind of health check comes back, with all that goes with it") {
  Health health;
  health.start_period = std::chrono::seconds(7);
  health.retries = 9;
  health.action = HealthAction::Shutdown;
  const auto back = [&]() {
    Service service;
    service.health = health;
    return reload(with_service(service)).services[0].health.value();
  };
  health.check = Probe(ExecProbe{{"sh", "-c", "test ${A}"}});
  CHECK(std::get<ExecProbe>(std::get<Probe>(back().check)).command ==
        std::vector<std::string>{"sh", "-c", "test ${A}"});
  CHECK(back().retries == 9);
  health.check = Probe(TcpProbe{{"::1", 5432}});
  CHECK(std::get<TcpProbe>(std::get<Probe>(back().check)).endpoint.host == "::1");
  health.check = Probe(HttpProbe{{"localhost", 8080}, "/a?b=${C}"});
  CHECK(std::get<HttpProbe>(std::get<Probe>(back().check)).target == "/a?b=${C}");
  health.check = Watchdog{std::chrono::seconds(30)};
  CHECK(std::get<Watchdog>(back().check).within == std::chrono::seconds(30));
  CHECK(back().start_period == health.start_period);
  CHECK(back().action == HealthAction::Shutdown);
}

TEST_CASE("bytes that are no UTF-8 are replaced, because TOML cannot hold them") {
  CHECK(quote("a\xFF"
              "b") == "\"a\\uFFFDb\"");
  CHECK(quote("\xC3") == "\"\\uFFFD\"");
  CHECK(quote("\xC0\xAF") == "\"\\uFFFD\\uFFFD\"");
  CHECK(quote("\xED\xA0\x80") == "\"\\uFFFD\\uFFFD\\uFFFD\"");
  CHECK(quote("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") == "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

TEST_CASE("keys are bare where TOML allows it") {
  CHECK(quote_key("a-B_9") == "a-B_9");
  CHECK(quote_key("a.b") == "\"a.b\"");
  CHECK(quote_key("") == "\"\"");
}

TEST_CASE("control characters are escaped, those of C1 that terminals obey as well") {
  CHECK(quote("a\x1b[2J\xC2\x9B\xC2\xA0\x7F") == "\"a\\u001B[2J\\u009B\xC2\xA0\\u007F\"");
  Service service;
  service.command = {"run", "\xC2\x85"};
  CHECK(reload(with_service(service)).services[0].command == service.command);
}

TEST_CASE("a problem is one line of text, whatever its file is called") {
  CHECK(to_string(Problem{Severity::Error, {"/etc/\x1b[2J\n\xC2\x9B", 3, 1}, "no"}) ==
        "\"/etc/\\u001B[2J\\n\\u009B\":3:1: error: no");
  CHECK(to_string(Location{"/etc/a b.toml", 3, 1}) == "/etc/a b.toml:3:1");
}

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

TEST_CASE("limits come back, the largest numbers included") {
  Service service;
  service.limits = {{"core", {}}, {"nofile", {1024, std::nullopt}}, {"as", {0, 18446744073709551614U}}};
  const Service again = reload(with_service(service)).services[0];
  CHECK_FALSE(again.limits.at("core").soft);
  CHECK(again.limits.at("nofile").soft == 1024);
  CHECK_FALSE(again.limits.at("nofile").hard);
  CHECK(again.limits.at("as").hard == 18446744073709551614U);
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

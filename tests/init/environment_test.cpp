#include "init/environment.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

using namespace cinit::init;
using cinit::config::Variables;

namespace {

// What execve(2) would see.
std::vector<std::string> strings_of(const EnvironmentBlock& block) {
  std::vector<std::string> strings;
  for (char* const* variable = block.envp(); *variable; ++variable) strings.emplace_back(*variable);
  return strings;
}

}  // namespace

TEST_CASE("an environment is read as getenv(3) would: the first of a name, and nothing without =") {
  const char* const raw[] = {"A=1", "B=x=y", "nonsense", "A=2", "EMPTY=", nullptr};
  std::vector<std::string> strings(raw, raw + 5);
  std::vector<char*> envp;
  for (std::string& variable : strings) envp.push_back(variable.data());
  envp.push_back(nullptr);
  CHECK(read_environment(envp.data()) == Variables{{"A", "1"}, {"B", "x=y"}, {"EMPTY", ""}});
}

TEST_CASE("an environment in the form of execve(2) holds every variable, and ends") {
  CHECK(strings_of(EnvironmentBlock(Variables{{"B", "two words"}, {"A", ""}})) ==
        std::vector<std::string>{"A=", "B=two words"});
  CHECK(strings_of(EnvironmentBlock(Variables{})).empty());
}

TEST_CASE("a block that was moved still points to its own variables") {
  EnvironmentBlock first(Variables{{"A", "1"}, {"LONG", std::string(100, 'x')}});
  const EnvironmentBlock second(std::move(first));
  CHECK(strings_of(second) == std::vector<std::string>{"A=1", "LONG=" + std::string(100, 'x')});
  EnvironmentBlock third(Variables{});
  third = EnvironmentBlock(Variables{{"B", "2"}});
  CHECK(strings_of(third) == std::vector<std::string>{"B=2"});
}

TEST_CASE("the place of a value is that of the whole name, and what is written there is in the block") {
  EnvironmentBlock block(Variables{{"LISTEN_PID", "000"}, {"LISTEN_PIDS", "999"}, {"LISTEN", "x"}});
  char* const value = block.value_of("LISTEN_PID");
  REQUIRE(value != nullptr);
  CHECK(std::string(value) == "000");
  std::strcpy(value, "42");
  CHECK(std::string(block.envp()[1]) == "LISTEN_PID=42");
  CHECK(block.value_of("LISTEN_") == nullptr);
  CHECK(block.value_of("NONE") == nullptr);
}

TEST_CASE("of two sets of variables the stronger wins, name by name") {
  Variables variables{{"A", "1"}, {"B", "1"}};
  merge(variables, {{"B", "2"}, {"C", "2"}});
  CHECK(variables == Variables{{"A", "1"}, {"B", "2"}, {"C", "2"}});
}

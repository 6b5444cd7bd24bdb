#include "init/environment.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "files.hpp"
#include "forked.hpp"

using namespace cinit::test;
using namespace cinit::init;
using cinit::config::Variables;

namespace {

// What execve(2) would see.
std::vector<std::string> strings_of(const EnvironmentBlock& block) {
  std::vector<std::string> strings;
  for (char* const* variable = block.envp(); *variable; ++variable) strings.emplace_back(*variable);
  return strings;
}

std::string describe(const cinit::Result<Variables>& read) {
  if (!read) return read.error().message;
  std::string text;
  for (const auto& [name, value] : *read) text += name + "=" + value + ";";
  return text;
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

TEST_CASE("an environment file is read") {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/env", "# comment\nA=1\nB=\"two words\"\n");
  CHECK(describe(read_env_file({directory.path() + "/env", false})) == "A=1;B=two words;");
}

TEST_CASE("a file that may be missing has no variables then, any other is an error that names it") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/env";
  CHECK(describe(read_env_file({path, true})) == "");
  CHECK(describe(read_env_file({path, false})) == "env-file " + path + ": No such file or directory");
}

TEST_CASE("a file that may be missing, but is there and wrong, is an error") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/env";
  write_file(path, "A=1\nnonsense\n");
  CHECK(describe(read_env_file({path, true})) == path + ":2: expected NAME=VALUE");
  CHECK(describe(read_env_file({directory.path(), true})) == "env-file " + directory.path() + ": Is a directory");
  write_file(path, std::string((1 << 20) + 1, '#'));
  CHECK(describe(read_env_file({path, true})) == "env-file " + path + ": it is longer than 1048576 bytes");
}

TEST_CASE("a file that may be missing, but is there and may not be read, is an error") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/env";
  write_file(path, "A=1\n");
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  const auto body = [&] {
    if (setresuid(3000, 3000, 3000) != 0) return std::string("setresuid");
    return describe(read_env_file({path, true}));
  };
  CHECK(in_child(body) == "env-file " + path + ": Permission denied");
}

#include "my_init/options.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "forked.hpp"

using namespace cinit;
using namespace cinit::my_init;
using namespace std::chrono_literals;

namespace {

constexpr const char* kVariables[] = {"ENV_INIT_DIRECTORY", "KILL_PROCESS_TIMEOUT", "KILL_ALL_PROCESSES_TIMEOUT"};

using Variables = std::map<std::string, std::string>;

// The options of "my_init WORD...", with these of my_init's variables and no other.
Options read(std::vector<std::string> words, const Variables& variables = {}) {
  for (const char* name : kVariables) unsetenv(name);
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  words.insert(words.begin(), "my_init");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return read_options(argv.data());
}

// The code with which it ends, and what it prints.
std::string end(const std::vector<std::string>& words, const Variables& variables = {}) {
  return test::in_child([&] {
    int output[2];
    if (pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const int saved[] = {dup(1), dup(2)};
    dup2(output[1], 1);
    dup2(output[1], 2);
    close(output[1]);
    const int code = read(words, variables).exit_code.value_or(-1);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    return std::to_string(code) + ": " + test::read_all(output[0]);
  });
}

bool is_usage(const std::string& text) {
  return text.find("2: ") == 0 && text.find("usage: my_init [-h]") != std::string::npos;
}

std::optional<Duration> process_timeout(const char* text) { return read({}, {{kVariables[1], text}}).process_timeout; }

}  // namespace

TEST_CASE("without options and variables everything is as my_init has it") {
  const Options options = read({});
  CHECK(!options.exit_code);
  CHECK(!options.enable_insecure_key);
  CHECK(!options.skip_startup_files);
  CHECK(!options.skip_runit);
  CHECK(options.kills_all_on_exit);
  CHECK(!options.quiet);
  CHECK(options.main_command.empty());
  CHECK(options.hook_directories == std::vector<std::string>{"/etc/my_init.d"});
  CHECK(options.process_timeout == Duration(30s));
  CHECK(options.all_processes_timeout == Duration(30s));
}

TEST_CASE("each option, whole or abbreviated") {
  CHECK(read({"--enable-insecure-key"}).enable_insecure_key);
  CHECK(read({"--en"}).enable_insecure_key);
  CHECK(read({"--skip-startup-files"}).skip_startup_files);
  CHECK(read({"--skip-s"}).skip_startup_files);
  CHECK(read({"--skip-runit", "true"}).skip_runit);
  CHECK(read({"--skip-r", "true"}).skip_runit);
  CHECK(!read({"--no-kill-all-on-exit"}).kills_all_on_exit);
  CHECK(read({"--quiet"}).quiet);
}

TEST_CASE("the main command is what follows the options, with or without --") {
  using Words = std::vector<std::string>;
  CHECK(read({"echo", "hi"}).main_command == Words{"echo", "hi"});
  CHECK(read({"--quiet", "--", "sh", "-c", "x"}).main_command == Words{"sh", "-c", "x"});
  CHECK(read({"sh", "-c", "x"}).main_command == Words{"sh", "-c", "x"});
  CHECK(read({"--", "echo", "--quiet", "--"}).main_command == Words{"echo", "--quiet", "--"});
  CHECK(!read({"--", "echo", "--quiet"}).quiet);
  CHECK(read({"--"}).main_command.empty());
}

TEST_CASE("-h and --help print the options, and that is all") {
  for (const char* option : {"-h", "--help", "--he"}) {
    const std::string text = end({option, "--nosuch"});
    CHECK(text.find("0: usage: my_init [-h]") == 0);
    CHECK(text.find("KILL_PROCESS_TIMEOUT") != std::string::npos);
  }
}

TEST_CASE("mistakes on the command line are usage errors") {
  CHECK(is_usage(end({"--nosuch"})));
  CHECK(is_usage(end({"-x"})));
  CHECK(is_usage(end({"--skip", "true"})));
  CHECK(is_usage(end({"--quiet=1"})));
}

TEST_CASE("without services there must be a main command") {
  CHECK(end({"--skip-runit"}) == "1: *** When --skip-runit is given, you must also pass a main command.\n");
  CHECK(!read({"--skip-runit", "--", "true"}).exit_code.has_value());
}

TEST_CASE("the variables") {
  const Options options = read(
      {}, {{"ENV_INIT_DIRECTORY", "/opt/hooks"}, {"KILL_PROCESS_TIMEOUT", "5"}, {"KILL_ALL_PROCESSES_TIMEOUT", "7"}});
  CHECK(options.hook_directories == std::vector<std::string>{"/opt/hooks"});
  CHECK(options.process_timeout == Duration(5s));
  CHECK(options.all_processes_timeout == Duration(7s));
}

TEST_CASE("0 seconds are for ever") {
  const Options options = read({}, {{"KILL_PROCESS_TIMEOUT", "0"}, {"KILL_ALL_PROCESSES_TIMEOUT", "00"}});
  CHECK(!options.process_timeout);
  CHECK(!options.all_processes_timeout);
}

TEST_CASE("no name of a directory of hooks, no hooks") {
  CHECK(read({}, {{"ENV_INIT_DIRECTORY", ""}}).hook_directories.empty());
}

TEST_CASE("more seconds than anybody lives are for ever") {
  CHECK(process_timeout("1000000000") == Duration(1000000000s));
  for (const char* text : {"2000000000", "4000000000", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK(!process_timeout(text));
  }
}

TEST_CASE("a number is read as Python reads it") {
  for (const char* text : {"5", " 5", "5\n", "\t 5 \r\n", "+5", " +5 ", "05"}) {
    CAPTURE(text);
    CHECK(process_timeout(text) == Duration(5s));
  }
}

TEST_CASE("what is no number ends it before the command line is looked at") {
  for (const char* text : {"", " ", "x", "5s", "1.5", "5 5", "++5", "+", "-1", "99999999999999999999s"}) {
    CAPTURE(text);
    const std::string message = "=\"" + std::string(text) + "\" is no number of seconds\n";
    CHECK(end({"-h"}, {{kVariables[1], text}}) == "1: *** KILL_PROCESS_TIMEOUT" + message);
    CHECK(end({"true"}, {{kVariables[2], text}}) == "1: *** KILL_ALL_PROCESSES_TIMEOUT" + message);
  }
}

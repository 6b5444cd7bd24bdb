#include "cli/options.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <string>
#include <utility>
#include <vector>

using namespace cinit::cli;
using namespace std::chrono_literals;

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

// Variables that are set while a test runs.
class Environment {
 public:
  explicit Environment(Variables variables) : variables_(std::move(variables)) {
    for (const auto& [name, value] : variables_) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : variables_) unsetenv(name.c_str());
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  Variables variables_;
};

// A command line, "cinit" in front, together with what is made of it.
class Parsed {
 public:
  Parsed(std::initializer_list<std::string> words) : words_(words) {
    pointers_.push_back(name_.data());
    for (std::string& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
    parsed_ = parse_options(pointers_.data());
  }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  bool ok() const { return !parsed_.mistake; }
  std::string mistake() const { return parsed_.mistake ? std::string(parsed_.mistake->text()) : "no mistake"; }
  const Options* operator->() const { return &parsed_.options; }

  // The main command's words with "|" behind each; "none".
  std::string command() const {
    if (!parsed_.options.main_command) return "none";
    std::string text;
    for (char** word = parsed_.options.main_command; *word; ++word) text += std::string(*word) + "|";
    return text;
  }
  std::string config_file() const { return parsed_.options.config_file ? parsed_.options.config_file : "none"; }
  char** argv() { return pointers_.data(); }
  // What a command for the cinit that runs is about.
  std::string words() const {
    std::string text;
    for (const char* word : parsed_.options.words) text += std::string(word) + "|";
    return text;
  }

 private:
  std::string name_ = "cinit";
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
  ParsedOptions parsed_;
};

}  // namespace

TEST_CASE("without anything nothing is chosen") {
  const Parsed parsed{};
  REQUIRE(parsed.ok());
  CHECK(parsed->action == Action::Run);
  CHECK(parsed.command() == "none");
  CHECK(parsed.config_file() == "none");
  CHECK_FALSE(parsed->stop_timeout);
  CHECK_FALSE(parsed->no_services);
  CHECK_FALSE(parsed->defaults);
}

TEST_CASE("an empty argv is a command line without words") {
  char* none[] = {nullptr};
  const ParsedOptions parsed = parse_options(none);
  CHECK_FALSE(parsed.mistake);
  CHECK(parsed.options.main_command == nullptr);
}

TEST_CASE("every option is read in its short and its long form") {
  CHECK(Parsed({"-c", "f.toml"}).config_file() == "f.toml");
  CHECK(Parsed({"--config", "f.toml"}).config_file() == "f.toml");
  CHECK(Parsed({"--config=f=g.toml"}).config_file() == "f=g.toml");
  CHECK(Parsed({"-t", "30s"})->stop_timeout == 30s);
  CHECK(Parsed({"-t30s"})->stop_timeout == 30s);
  CHECK(Parsed({"--skip-startup-files"})->skip_startup_files);
  CHECK(Parsed({"--stop-timeout", "500ms"})->stop_timeout == 500ms);
  CHECK(Parsed({"--stop-timeout=1m30s"})->stop_timeout == 90s);
  CHECK(Parsed({"-t", "0"})->stop_timeout == 0s);
  CHECK(Parsed({"--no-services"})->no_services);
  CHECK(Parsed({"-h"})->action == Action::Help);
  CHECK(Parsed({"--help"})->action == Action::Help);
  CHECK(Parsed({"-V"})->action == Action::Version);
  CHECK(Parsed({"--version"})->action == Action::Version);
}

TEST_CASE("options may be combined, and the last of the same kind wins") {
  const Parsed parsed{"-c", "a", "--no-services", "-t", "1s", "-c", "b", "--stop-timeout=2s", "cmd"};
  REQUIRE(parsed.ok());
  CHECK(parsed.config_file() == "b");
  CHECK(parsed->stop_timeout == 2s);
  CHECK(parsed->no_services);
  CHECK(parsed.command() == "cmd|");
}

TEST_CASE("options end at the first word that is none, and what follows belongs to the main command") {
  const Parsed parsed{"--no-services", "nginx", "-c", "x", "--help", "--", "-t"};
  REQUIRE(parsed.ok());
  CHECK(parsed->action == Action::Run);
  CHECK(parsed.config_file() == "none");
  CHECK(parsed.command() == "nginx|-c|x|--help|--|-t|");
}

TEST_CASE("the main command is part of argv, with a slot in front of it") {
  Parsed parsed{"--", "nginx"};
  CHECK(parsed->main_command == parsed.argv() + 2);
}

TEST_CASE("behind -- nothing is an option or a subcommand") {
  CHECK(Parsed({"--", "check"}).command() == "check|");
  CHECK(Parsed({"--", "check"})->action == Action::Run);
  CHECK(Parsed({"--", "-c", "x"}).command() == "-c|x|");
  CHECK(Parsed({"--", "--"}).command() == "--|");
  CHECK(Parsed({"-c", "f", "--", "status"}).command() == "status|");
}

TEST_CASE("-- with nothing behind it is no command") {
  CHECK(Parsed({"--"}).ok());
  CHECK(Parsed({"--"}).command() == "none");
}

TEST_CASE("a lone dash and an empty word are words") {
  CHECK(Parsed({"-", "x"}).command() == "-|x|");
  CHECK(Parsed({""}).command() == "|");
}

TEST_CASE("the first word may be a subcommand, with options on both sides") {
  CHECK(Parsed({"check"})->action == Action::Check);
  CHECK(Parsed({"show"})->action == Action::Show);
  CHECK(Parsed({"help"})->action == Action::Help);
  const Parsed behind{"check", "-c", "f"};
  CHECK(behind->action == Action::Check);
  CHECK(behind.config_file() == "f");
  CHECK(Parsed({"-c", "f", "check"}).config_file() == "f");
  CHECK(Parsed({"show", "--defaults"})->defaults);
  CHECK(Parsed({"--defaults", "show"})->defaults);
}

TEST_CASE("a program with the path of a subcommand's name is a program") {
  CHECK(Parsed({"./check"}).command() == "./check|");
  CHECK(Parsed({"checks"}).command() == "checks|");
}

TEST_CASE("a subcommand that is to come says so, and how to run a program of that name") {
  CHECK(Parsed({"reload"}).mistake() ==
        "cinit: \"cinit reload\" is not supported yet: a changed configuration is read when the container starts again "
        "(to run "
        "a program of that name: cinit -- reload)");
  for (const char* word : {"events", "plot", "import", "doctor"}) {
    CAPTURE(word);
    const std::string name = word;
    CHECK(Parsed({name}).mistake() ==
          "cinit: \"cinit " + name + "\" is not supported yet (to run a program of that name: cinit -- " + name + ")");
  }
}

TEST_CASE("commands for the cinit that runs take words and options in any order") {
  for (const std::string name : {"status", "start", "stop", "restart", "signal", "logs", "health", "shutdown"}) {
    CAPTURE(name);
    const Parsed parsed{name, "web", "--socket", "/s", "db*"};
    REQUIRE(parsed.ok());
    CHECK(parsed->action == Action::Ask);
    CHECK(parsed->command == name);
    CHECK(parsed.words() == "web|db*|");
    CHECK(parsed->socket == std::string("/s"));
    CHECK(parsed->main_command == nullptr);
  }
  CHECK(Parsed({"signal", "HUP", "stop"}).words() == "HUP|stop|");
  CHECK(Parsed({"-c", "f", "status"}).config_file() == "f");
}

TEST_CASE("what stands behind these commands is the server's to read") {
  CHECK(Parsed({"status", "--json"}).words() == "--json|");
  CHECK(Parsed({"logs", "-f", "-n", "5", "web", "--lines=20"}).words() == "-f|-n|5|web|--lines=20|");
  CHECK(Parsed({"signal", "-9", "web"}).words() == "-9|web|");
  CHECK(Parsed({"--json", "status"}).mistake() == "cinit: unknown option --json");
}

TEST_CASE("help is about one subcommand, if one is named") {
  for (const auto& [first, second] : {std::pair("status", "--help"), {"help", "status"}, {"-h", "status"}}) {
    const Parsed parsed{first, second};
    CAPTURE(parsed.mistake());
    REQUIRE(parsed.ok());
    CHECK(parsed->action == Action::Help);
    CHECK(std::string(parsed->command) == "status");
  }
  CHECK(Parsed({"help"})->command == nullptr);
  CHECK(std::string(Parsed({"help", "check"})->command) == "check");
  CHECK(Parsed({"help", "nothing"}).mistake() == "cinit: unexpected argument \"nothing\"");
}

TEST_CASE("an option of the client is a mistake where it has no meaning") {
  CHECK(Parsed({"check", "--socket", "/s"}).mistake().starts_with("cinit: --socket belongs to "));
  CHECK(Parsed({"--socket", "/s", "nginx"}).mistake().starts_with("cinit: --socket belongs to "));
}

TEST_CASE("commands of others are answered with cinit's own") {
  CHECK(subcommand_for("ps") == "cinit has \"cinit status [NAME]\"");
  CHECK(subcommand_for("tail") == "cinit has \"cinit logs -f [NAME]\"");
  CHECK(subcommand_for("poweroff") == "cinit has \"cinit shutdown [CODE]\"");
  CHECK(subcommand_for("statsu") == "did you mean \"status\"?");
  CHECK(subcommand_for("nginx").empty());
}

TEST_CASE("a command for the cinit that runs and a command to run exclude each other") {
  CHECK(Parsed({"status", "--", "web"}).mistake() == "cinit: a subcommand and a command to run exclude each other");
  CHECK(Parsed({"--", "logs", "-f"}).command() == "logs|-f|");
}

TEST_CASE("behind a subcommand there are options only") {
  CHECK(Parsed({"show", "web"}).mistake() == "cinit: unexpected argument \"web\"");
  CHECK(Parsed({"check", "a.toml", "b.toml"}).mistake() == "cinit: unexpected argument \"b.toml\"");
  CHECK(std::string_view(Parsed({"check", "show"})->config_file) == "show");
  CHECK(Parsed({"check", "--", "cmd"}).mistake() == "cinit: a subcommand and a command to run exclude each other");
}

TEST_CASE("an unknown option is named, with the one that was probably meant") {
  CHECK(Parsed({"--no-service"}).mistake() == "cinit: unknown option --no-service; did you mean --no-services?");
  CHECK(Parsed({"--stop-timout=3s"}).mistake() == "cinit: unknown option --stop-timout; did you mean --stop-timeout?");
  CHECK(Parsed({"--colour"}).mistake() == "cinit: unknown option --colour");
  CHECK(Parsed({"-x"}).mistake() == "cinit: unknown option -x");
  CHECK(Parsed({"-q3"}).mistake() == "cinit: unknown option -q");
}

TEST_CASE("an option without its value is a mistake") {
  for (const char* name : {"-c", "--config", "-t", "--stop-timeout"}) {
    CAPTURE(name);
    const std::string expected = std::string("cinit: ") + name + " needs a value";
    CHECK(Parsed({name}).mistake() == expected);
    CHECK(Parsed({name, ""}).mistake() == expected);
  }
  CHECK(Parsed({"--config="}).mistake() == "cinit: --config needs a value");
}

TEST_CASE("a value that an option does not take is a mistake") {
  CHECK(Parsed({"--no-services=yes"}).mistake() == "cinit: --no-services takes no value");
  CHECK(Parsed({"--help="}).mistake() == "cinit: --help takes no value");
}

TEST_CASE("a stop timeout that is no duration is shown, with the form that is expected") {
  CHECK(Parsed({"-t", "soon"}).mistake().starts_with("cinit: -t: \"soon\" is not a duration such as"));
  CHECK(Parsed({"--stop-timeout=-1s"}).mistake().starts_with("cinit: --stop-timeout: \"-1s\" is not a duration"));
}

TEST_CASE("--defaults belongs to show, and to nothing else") {
  CHECK(Parsed({"--defaults"}).mistake() == "cinit: --defaults belongs to \"cinit show\"");
  CHECK(Parsed({"check", "--defaults"}).mistake() == "cinit: --defaults belongs to \"cinit show\"");
}

TEST_CASE("the first mistake is the one that is told") {
  CHECK(Parsed({"--nope", "-t", "x", "--config="}).mistake() == "cinit: unknown option --nope");
}

TEST_CASE("a mistake that is longer than a line is cut") {
  CHECK(Parsed({"--" + std::string(5000, 'x')}).mistake().starts_with("cinit: unknown option --xxx"));
}

TEST_CASE("variables stand in for options") {
  const Environment environment(Variables{{"CINIT_CONFIG", "/env.toml"}, {"CINIT_STOP_TIMEOUT", "7s"}});
  const Parsed parsed{"cmd"};
  REQUIRE(parsed.ok());
  CHECK(parsed.config_file() == "/env.toml");
  CHECK(parsed->stop_timeout == 7s);
  CHECK(Parsed({"check"})->stop_timeout == 7s);
  CHECK_FALSE(Parsed({"status"})->stop_timeout);
}

TEST_CASE("the command line wins over variables") {
  const Environment environment(Variables{{"CINIT_CONFIG", "/env.toml"}, {"CINIT_STOP_TIMEOUT", "7s"}});
  const Parsed parsed{"-c", "/line.toml", "-t", "3s"};
  CHECK(parsed.config_file() == "/line.toml");
  CHECK(parsed->stop_timeout == 3s);
}

TEST_CASE("empty variables are as good as none") {
  const Environment environment(Variables{{"CINIT_CONFIG", ""}, {"CINIT_STOP_TIMEOUT", ""}});
  const Parsed parsed{};
  REQUIRE(parsed.ok());
  CHECK(parsed.config_file() == "none");
  CHECK_FALSE(parsed->stop_timeout);
}

TEST_CASE("a variable that is wrong is named") {
  const Environment environment(Variables{{"CINIT_STOP_TIMEOUT", "9 minutes"}});
  CHECK(Parsed({"cmd"}).mistake().starts_with("cinit: CINIT_STOP_TIMEOUT: \"9 minutes\" is not a duration"));
}

#include "cli/options.hpp"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/nearest.hpp"
#include "config/duration.hpp"
#include "control/command_table.hpp"

namespace cinit::cli {
namespace {

struct Subcommand {
  std::string_view name;
  std::optional<Action> action;  // nothing: reserved for what is to come
};

constexpr Subcommand kSubcommands[] = {
    {"check", Action::Check}, {"show", Action::Show}, {"help", Action::Help}, {"reload", {}},
    {"events", {}},           {"plot", {}},           {"import", {}},         {"doctor", {}},
};

// Commands of others for which cinit has its own.
struct Synonym {
  std::string_view words;  // with blanks around each
  std::string_view own;
};

constexpr Synonym kSynonyms[] = {
    {" ps list list-units svstat s6-svstat pid avail inspect is-active is-failed is-system-running top ",
     "\"cinit status [NAME]\""},
    {" up once enable unmask add run ", "\"cinit start NAME\" (autostart and enabled are keys of the configuration)"},
    {" down disable mask remove rm force-stop ",
     "\"cinit stop NAME\" (autostart and enabled are keys of the configuration)"},
    {" try-restart reload-or-restart force-restart ", "\"cinit restart NAME\""},
    {" tail maintail log journalctl attach fg ", "\"cinit logs -f [NAME]\""},
    {" kill hup term int alarm interrupt quit pause unpause cont usr1 usr2 ", "\"cinit signal SIGNAL NAME\""},
    {" poweroff halt reboot exit ", "\"cinit shutdown [CODE]\""},
    {" reread update daemon-reload ",
     "nothing like that: a changed configuration is read when the container starts again. \"cinit check\" says what is "
     "wrong with it"},
    {" cat configtest test edit ", "\"cinit show\" and \"cinit check\""},
    {" version ", "\"cinit --version\""},
};

constexpr std::array<std::string_view, 14> kOptionNames = {
    "--strict", "-c", "--config", "-t", "--stop-timeout", "--no-services", "--skip-startup-files", "--defaults",
    "--socket", "-h", "--help",   "-V", "--version",      "--as"};

class Parser {
 public:
  explicit Parser(char** argv) : next_(*argv ? argv + 1 : argv) {}

  ParsedOptions parse() {
    while (!failed_ && *next_ && !options_.main_command) take(*next_++);
    take_environment();
    check_own_options();
    return {options_, failed_ ? std::optional<Line>(error_) : std::nullopt};
  }

 private:
  void take_environment() {
    if (const char* file = getenv("CINIT_CONFIG"); file && *file && !options_.config_file) options_.config_file = file;
    const bool has_stop = options_.action == Action::Run || options_.action == Action::Check;
    if (!has_stop || options_.stop_timeout) return;
    if (const char* text = getenv("CINIT_STOP_TIMEOUT"); text && *text) take_stop_timeout("CINIT_STOP_TIMEOUT", text);
  }

  // An option may stand before its subcommand, so that only now it is known whose it is.
  void check_own_options() {
    if (options_.defaults && options_.action != Action::Show && !help_) {
      fail() << "--defaults belongs to \"cinit show\"";
    }
    if (options_.strict && options_.action != Action::Check && !help_) {
      fail() << "--strict belongs to \"cinit check\"";
    }
    if (options_.socket && options_.action != Action::Ask && !help_) {
      fail() << "--socket belongs to the commands for the cinit that runs: \"cinit status\"";
    }
    if (!help_) return;
    options_.action = Action::Help;
    options_.command = subcommand_.empty() || subcommand_ == "help" ? options_.command : subcommand_.data();
  }

  void take(const char* argument) {
    const std::string_view word = argument;
    if (word == "--") {
      options_.after_dashes = true;
      return take_command();
    }
    if (word.size() < 2 || word[0] != '-') return take_word(argument);
    // "--name=value", and "-nvalue" as well as "-n value".
    const bool is_long = word.starts_with("--");
    const std::size_t name_end = is_long ? std::min(word.find('='), word.size()) : 2;
    const std::size_t value_begin = is_long ? name_end + 1 : name_end;
    const std::string_view name = word.substr(0, name_end);
    constexpr std::string_view kForClient[] = {"--socket", "-c", "--config", "-h", "--help"};
    if (options_.action == Action::Ask && std::ranges::find(kForClient, name) == std::end(kForClient)) {
      return options_.words.push_back(argument);
    }
    value_ = value_begin <= word.size() && name_end < word.size() ? argument + value_begin : nullptr;
    take_option(name);
    if (!failed_ && value_) fail() << name << " takes no value";
  }

  void take_option(std::string_view name) {
    if (name == "-c" || name == "--config") {
      options_.config_file = take_value(name);
    } else if (name == "-t" || name == "--stop-timeout") {
      if (const char* text = take_value(name)) take_stop_timeout(name, text);
    } else if (name == "--no-services") {
      options_.no_services = true;
    } else if (name == "--skip-startup-files") {
      options_.skip_startup_files = true;
    } else if (name == "--defaults") {
      options_.defaults = true;
    } else if (name == "--strict") {
      options_.strict = true;
    } else if (name == "--socket") {
      options_.socket = take_value(name);
    } else if (name == "-h" || name == "--help") {
      help_ = true;
    } else if (name == "-V" || name == "--version") {
      options_.action = Action::Version;
    } else if (name == "--as") {
      value_ = nullptr;
      fail() << "--as PROGRAM must be the first option";
    } else {
      Line& error = fail() << "unknown option " << name;
      const std::string_view near = name.starts_with("--") ? nearest(name, kOptionNames) : std::string_view();
      if (!near.empty()) error << "; did you mean " << near << "?";
    }
  }

  const char* take_value(std::string_view name) {
    const char* value = std::exchange(value_, nullptr);
    if (!value && *next_) value = *next_++;
    if (!value || !*value) fail() << name << " needs a value";
    return value;
  }

  void take_stop_timeout(std::string_view name, const char* text) {
    options_.stop_timeout = config::parse_duration(text);
    if (!options_.stop_timeout) fail() << name << ": \"" << text << "\" is not " << config::kDurationForm;
  }

  // A word that is no option: the name of a subcommand, the main command, or, behind some subcommands, what they are about.
  void take_word(const char* argument) {
    const std::string_view word = argument;
    if (!subcommand_.empty()) {
      if (options_.action == Action::Ask) return options_.words.push_back(argument);
      if (options_.action == Action::Check && !options_.config_file) {
        options_.config_file = argument;
        return;
      }
      if (subcommand_ == "help" && !options_.command && is_subcommand(word)) {
        options_.command = argument;
      } else {
        fail() << "unexpected argument \"" << word << "\"";
      }
      return;
    }
    if (const control::CommandRow* const row = control::find_command(word)) {
      subcommand_ = row->name;
      options_.action = Action::Ask;
      options_.command = argument;
      return;
    }
    const auto* found = std::find_if(std::begin(kSubcommands), std::end(kSubcommands),
                                     [&](const Subcommand& subcommand) { return subcommand.name == word; });
    if (found == std::end(kSubcommands)) {
      --next_;
      return take_command();
    }
    subcommand_ = found->name;
    if (found->action) {
      options_.action = *found->action;
      help_ = help_ || options_.action == Action::Help;
    } else {
      fail() << "\"cinit " << word << "\" is not supported yet"
             << (word == "reload" ? ": a changed configuration is read when the container starts again" : "")
             << " (to run a program of that name: cinit -- " << word << ")";
    }
  }

  void take_command() {
    if (!subcommand_.empty()) {
      fail() << "a subcommand and a command to run exclude each other";
    } else if (*next_) {
      options_.main_command = next_;
    }
  }

  static bool is_subcommand(std::string_view word) {
    return control::find_command(word) ||
           std::ranges::find(kSubcommands, word, &Subcommand::name) != std::end(kSubcommands);
  }

  // The first mistake is the one to tell of.
  Line& fail() {
    if (failed_) return ignored_;
    failed_ = true;
    return error_ << "cinit: ";
  }

  char** next_;
  Options options_;
  const char* value_ = nullptr;  // of --option=value, until it is taken
  std::string_view subcommand_;
  bool help_ = false;
  bool failed_ = false;
  Line error_;
  Line ignored_;
};

}  // namespace

std::string subcommand_for(std::string_view word) {
  const std::string with_blanks = " " + std::string(word) + " ";
  for (const Synonym& synonym : kSynonyms) {
    if (synonym.words.find(with_blanks) != std::string_view::npos) return "cinit has " + std::string(synonym.own);
  }
  std::vector<std::string_view> names;
  for (const Subcommand& subcommand : kSubcommands) names.push_back(subcommand.name);
  for (const control::CommandRow& row : control::kCommands) names.push_back(row.name);
  const std::string_view near = nearest(word, names);
  return near.empty() ? "" : "did you mean \"" + std::string(near) + "\"?";
}

ParsedOptions parse_options(char** argv) { return Parser(argv).parse(); }

}  // namespace cinit::cli

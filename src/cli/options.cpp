#include "cli/options.hpp"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "base/nearest.hpp"
#include "config/duration.hpp"

namespace cinit::cli {
namespace {

struct Subcommand {
  std::string_view name;
  std::optional<Action> action;  // nothing: reserved for what is to come
};

constexpr Subcommand kSubcommands[] = {
    {"check", Action::Check},
    {"show", Action::Show},
    {"help", Action::Help},
    {"status", Action::Ask},
    {"start", Action::Ask},
    {"stop", Action::Ask},
    {"restart", Action::Ask},
    {"signal", Action::Ask},
    {"logs", Action::Ask},
    {"reload", {}},
    {"events", {}},
    {"health", Action::Ask},
    {"plot", {}},
    {"import", {}},
    {"doctor", {}},
};

// An option that belongs to some subcommands, and stands for a mistake anywhere else.
struct OwnOption {
  std::string_view name;
  std::string_view short_name;
  std::string_view subcommands;  // with blanks around each
};

constexpr OwnOption kOwnOptions[] = {
    {"--defaults", "", " show "}, {"--socket", "", " status start stop restart signal logs health "},
    {"--json", "", " status "},   {"--no-wait", "", " start stop restart "},
    {"--group", "", " signal "},  {"--follow", "-f", " logs "},
    {"--lines", "-n", " logs "},  {"--strict", "", " check "},
};

constexpr std::array<std::string_view, 18> kOptionNames = {
    "--strict",   "-c",       "--config", "-t",        "--stop-timeout", "--no-services", "--skip-startup-files",
    "--defaults", "--socket", "--json",   "--no-wait", "--group",        "--follow",      "--lines",
    "-h",         "--help",   "-V",       "--version"};

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
    for (const OwnOption* own : own_options_) {
      const std::string subcommand = " " + std::string(subcommand_) + " ";
      if (!subcommand_.empty() && own->subcommands.find(subcommand) != std::string_view::npos) continue;
      Line& error = fail() << own->name << " belongs to ";
      std::string_view rest = own->subcommands.substr(1);
      for (bool first = true; !rest.empty(); first = false) {
        const std::size_t end = rest.find(' ');
        const bool last = end + 1 == rest.size();
        error << (first ? "" : last ? " and " : ", ") << "\"cinit " << rest.substr(0, end) << "\"";
        rest.remove_prefix(end + 1);
      }
    }
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
    } else if (const OwnOption* own = find_own(name)) {
      own_options_.push_back(own);
      take_own_option(own->name);
    } else if (name == "-h" || name == "--help") {
      options_.action = Action::Help;
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

  static const OwnOption* find_own(std::string_view name) {
    const auto* found = std::ranges::find_if(
        kOwnOptions, [&](const OwnOption& own) { return name == own.name || name == own.short_name; });
    return found == std::end(kOwnOptions) ? nullptr : found;
  }

  void take_own_option(std::string_view name) {
    if (name == "--defaults") options_.defaults = true;
    if (name == "--socket") options_.socket = take_value(name);
    if (name == "--strict") options_.strict = true;
    if (name == "--json") options_.json = true;
    if (name == "--no-wait") options_.no_wait = true;
    if (name == "--group") options_.group = true;
    if (name == "--follow") options_.follow = true;
    if (name == "--lines") take_lines(name);
  }

  void take_lines(std::string_view name) {
    const char* text = take_value(name);
    if (!text) return;
    unsigned lines = 0;
    const char* end = text + std::string_view(text).size();
    const auto [rest, error] = std::from_chars(text, end, lines);
    if (error != std::errc() || rest != end) fail() << name << ": \"" << text << "\" is not a number of lines";
    options_.lines = lines;
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
      fail() << "unexpected argument \"" << word << "\"";
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
      options_.command = argument;
    } else {
      fail() << "\"cinit " << word << "\" is not supported yet (to run a program of that name: cinit -- " << word
             << ")";
    }
  }

  void take_command() {
    if (!subcommand_.empty()) {
      fail() << "a subcommand and a command to run exclude each other";
    } else if (*next_) {
      options_.main_command = next_;
    }
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
  std::vector<const OwnOption*> own_options_;  // those that were given
  bool failed_ = false;
  Line error_;
  Line ignored_;
};

}  // namespace

std::string_view nearest_subcommand(std::string_view word) {
  std::vector<std::string_view> names;
  for (const Subcommand& subcommand : kSubcommands) names.push_back(subcommand.name);
  return nearest(word, names);
}

ParsedOptions parse_options(char** argv) { return Parser(argv).parse(); }

}  // namespace cinit::cli

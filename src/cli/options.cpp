#include "cli/options.hpp"

#include <stdlib.h>

#include <algorithm>
#include <array>
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
    {"status", {}},
    {"start", {}},
    {"stop", {}},
    {"restart", {}},
    {"signal", {}},
    {"logs", {}},
    {"reload", {}},
    {"events", {}},
    {"health", {}},
    {"plot", {}},
    {"import", {}},
    {"doctor", {}},
};

constexpr std::array<std::string_view, 11> kOptionNames = {
    "-c", "--config", "-t", "--stop-timeout", "--no-services", "--skip-startup-files", "--defaults",
    "-h", "--help",   "-V", "--version"};

class Parser {
 public:
  explicit Parser(char** argv) : next_(*argv ? argv + 1 : argv) {}

  ParsedOptions parse() {
    while (!failed_ && *next_ && !options_.main_command) take(*next_++);
    take_environment();
    if (!failed_ && options_.defaults && options_.action != Action::Show)
      fail() << "--defaults belongs to \"cinit show\"";
    return {options_, failed_ ? std::optional<Line>(error_) : std::nullopt};
  }

 private:
  void take_environment() {
    if (const char* file = getenv("CINIT_CONFIG"); file && *file && !options_.config_file) options_.config_file = file;
    if (options_.action != Action::Run || options_.stop_timeout) return;
    if (const char* text = getenv("CINIT_STOP_TIMEOUT"); text && *text) take_stop_timeout("CINIT_STOP_TIMEOUT", text);
  }

  void take(const char* argument) {
    const std::string_view word = argument;
    if (word == "--") return take_command();
    if (word.size() < 2 || word[0] != '-') return take_word(word);
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
    } else if (name == "--defaults") {
      options_.defaults = true;
    } else if (name == "-h" || name == "--help") {
      options_.action = Action::Help;
    } else if (name == "-V" || name == "--version") {
      options_.action = Action::Version;
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

  // A word that is no option: the name of a subcommand, or the main command. Behind a subcommand there are options only.
  void take_word(std::string_view word) {
    if (has_subcommand_) {
      fail() << "\"" << word << "\" is one word too many";
      return;
    }
    const auto* found = std::find_if(std::begin(kSubcommands), std::end(kSubcommands),
                                     [&](const Subcommand& subcommand) { return subcommand.name == word; });
    if (found == std::end(kSubcommands)) {
      --next_;
      return take_command();
    }
    has_subcommand_ = true;
    if (found->action) {
      options_.action = *found->action;
    } else {
      fail() << "\"cinit " << word << "\" is not supported yet (to run a program of that name: cinit -- " << word
             << ")";
    }
  }

  void take_command() {
    if (has_subcommand_) {
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
  bool has_subcommand_ = false;
  bool failed_ = false;
  Line error_;
  Line ignored_;
};

}  // namespace

ParsedOptions parse_options(char** argv) { return Parser(argv).parse(); }

}  // namespace cinit::cli

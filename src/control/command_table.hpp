// The commands for the cinit that runs: what the server takes of them, and what help says. An option stands here alone.
#pragma once

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>

namespace cinit::control {

enum class Option : unsigned { Json, NoWait, Group, Follow, Lines };

struct OptionRow {
  Option option;
  std::string_view name;
  char letter;             // of the short form; 0: there is none
  std::string_view value;  // what it takes; empty: nothing
  std::string_view help;
};

struct CommandRow {
  std::string_view name;
  std::string_view words;  // what stands behind it
  std::span<const OptionRow> options;
  std::string_view help;
};

namespace table {

inline constexpr OptionRow kStatus[] = {{Option::Json, "--json", 0, "", "as JSON, for programs"}};
inline constexpr OptionRow kAsk[] = {{Option::NoWait, "--no-wait", 0, "", "do not wait for what comes of it"}};
inline constexpr OptionRow kSignal[] = {{Option::Group, "--group", 0, "", "to the whole process group of the service"}};
inline constexpr OptionRow kLogs[] = {{Option::Follow, "--follow", 'f', "", "and what is written from now on"},
                                      {Option::Lines, "--lines", 'n', "LINES", "the last LINES lines only"}};

}  // namespace table

inline constexpr CommandRow kCommands[] = {
    {"status", "[NAME...]", table::kStatus, "what every service is doing; 3: one of NAME is not running"},
    {"start", "NAME...", table::kAsk, "start services, and wait until they are ready; 1: it failed"},
    {"stop", "NAME...", table::kAsk, "stop services; the container goes on"},
    {"restart", "NAME...", table::kAsk, "stop services and start them again; 1: it failed"},
    {"signal", "SIGNAL NAME...", table::kSignal, "send a signal to the main process of services"},
    {"logs", "[NAME...]", table::kLogs, "the last lines that services have written"},
    {"health", "[NAME...]", {}, "for HEALTHCHECK: 0: all that should be ready is; 1: what is not, and why"},
    {"shutdown", "[CODE]", {}, "end the container, with exit code CODE or as docker stop does"},
};

constexpr const CommandRow* find_command(std::string_view name) {
  const auto* const found = std::ranges::find(kCommands, name, &CommandRow::name);
  return found == std::end(kCommands) ? nullptr : found;
}

}  // namespace cinit::control

// Parsers, each with the rules that hold for it whatever its input is.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cinit::fuzz {

struct Target {
  std::string_view name;
  // Takes any bytes. Ends the process with abort(3) when a rule does not hold.
  void (*take)(std::string_view input);
};

std::span<const Target> targets();

// nullptr: there is none of that name.
const Target* find_target(std::string_view name);

// Ends the process unless the rule holds; `rule` says what should be so, and `detail` what is.
void require(bool holds, std::string_view rule, std::string_view detail = "");

// What each of targets/ defines.
void take_accounts(std::string_view input);
void take_control_answer(std::string_view input);
void take_control_request(std::string_view input);
void take_env_file(std::string_view input);
void take_execline(std::string_view input);
void take_fix_attrs(std::string_view input);
void take_http_answer(std::string_view input);
void take_notify(std::string_view input);
void take_output(std::string_view input);
void take_service_directories(std::string_view input);
void take_sysctl(std::string_view input);
void take_toml(std::string_view input);
void take_values(std::string_view input);
void take_words(std::string_view input);

}  // namespace cinit::fuzz

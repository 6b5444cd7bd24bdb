// Files of NAME=VALUE lines.
#include "config/env_file.hpp"

#include <charconv>

#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr std::string_view kFile = "/etc/app.env";

void check_error(const std::string& message, std::size_t lines) {
  require(is_one_line(message), "an error is one line", message);
  require(message.starts_with(std::string(kFile) + ":"), "an error begins with its place", message);
  std::size_t line = 0;
  std::from_chars(message.data() + kFile.size() + 1, message.data() + message.size(), line);
  require(line >= 1 && line <= lines, "an error is of a line of the file", message);
}

void check_variables(const config::Variables& variables) {
  std::string text;
  for (const auto& [name, value] : variables) {
    require(!name.empty() && name.find_first_of("= \t\n") == std::string::npos, "a variable has a name", name);
    require(value.find_first_of(std::string_view("\n\0", 2)) == std::string::npos, "a value is part of one line",
            value);
    text += "export " + name + "=\"" + value + "\"\n";
  }
  const Result<config::Variables> again = config::parse_env_file(kFile, text);
  require(again && *again == variables, "variables come back as they were", text);
}

}  // namespace

void take_env_file(std::string_view input) {
  const Result<config::Variables> variables = config::parse_env_file(kFile, input);
  if (variables) {
    check_variables(*variables);
  } else {
    check_error(variables.error().message, split(input, "\n").size());
  }
}

}  // namespace cinit::fuzz

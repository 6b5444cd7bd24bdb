// A command as one string, and references in values.
#include "config/words.hpp"

#include <algorithm>

#include "config/expand.hpp"
#include "config/shell_script.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr std::string_view kSecret = "three";  // part of the variable WORDS

std::string in_single_quotes(std::string_view word) {
  std::string quoted = "'";
  for (const char letter : word) quoted += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return quoted + "'";
}

std::string in_double_quotes(std::string_view word) {
  std::string quoted = "\"";
  for (const char letter : word) {
    if (std::string_view("\\\"$`").find(letter) != std::string_view::npos) quoted += '\\';
    quoted += letter;
  }
  return quoted + "\"";
}

void check_quoting(const std::vector<std::string>& words, std::string (*quote)(std::string_view)) {
  std::string command;
  for (const std::string& word : words) command += quote(word) + " ";
  const config::Words again = config::split_words(command, look_up);
  require(again.failures.empty() && again.words == words, "quoted words come back as they were", command);
}

void check_failures(const std::vector<config::ExpandFailure>& failures) {
  for (const config::ExpandFailure& failure : failures) {
    require(!failure.message.empty(), "a failure says why");
    require(failure.message.find(kSecret) == std::string::npos, "a failure holds no value", failure.message);
  }
}

void check_split(std::string_view input) {
  const config::Words split = config::split_words(input, look_up);
  check_failures(split.failures);
  if (!split.failures.empty()) return;
  require(!split.words.empty(), "without a failure there is a command");
  check_quoting(split.words, in_single_quotes);
  check_quoting(split.words, in_double_quotes);
  const auto script = config::find_shell_script(split.words);
  require(!script || *script < split.words.size(), "the script of a shell is one of the words");
}

}  // namespace

void take_words(std::string_view input) {
  // Then it is no value of a variable that a failure shows.
  if (input.find(kSecret) != std::string_view::npos) return;
  check_split(input);
  check_failures(config::expand(input, look_up).failures);
  const config::Expansion same = config::expand(config::escape_references(input), look_up);
  require(same.failures.empty() && same.text == input, "escaped references come back as they were", input);
}

}  // namespace cinit::fuzz

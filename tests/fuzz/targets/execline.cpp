// The command lines of s6-rc's oneshots.
#include "servicedir/execline.hpp"

#include "problems.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr char kFile[] = "/etc/s6-overlay/s6-rc.d/setup/up";

std::string in_quotes(std::string_view word) {
  std::string quoted = "\"";
  for (const char letter : word) {
    if (letter == '"' || letter == '\\') quoted += '\\';
    quoted += letter;
  }
  return quoted + "\"";
}

std::string behind_backslashes(std::string_view word) {
  std::string quoted = word.empty() ? "\"\"" : "";
  for (const char letter : word) quoted += {'\\', letter};
  return quoted;
}

void check_quoting(const std::vector<std::string>& words, std::string (*quote)(std::string_view)) {
  std::string text;
  for (const std::string& word : words) text += quote(word) + " ";
  const servicedir::CommandLine again = servicedir::parse_command_line(kFile, text);
  require(!again.problem && again.words == words, "quoted words come back as they were", text);
}

// A word that is written as a line break behind a backslash joins lines instead, when it stands at the beginning.
bool begins_with_line_break(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word.starts_with('\n')) return true;
  }
  return false;
}

}  // namespace

void take_execline(std::string_view input) {
  const servicedir::CommandLine line = servicedir::parse_command_line(kFile, input);
  if (line.problem) {
    check_problems({&*line.problem, 1}, Place::Line);
    require(line.problem->where.line <= split(input, "\n").size(), "a problem is of a line of the file");
    return;
  }
  check_quoting(line.words, in_quotes);
  if (!begins_with_line_break(line.words)) check_quoting(line.words, behind_backslashes);
  servicedir::begins_like_script(input);
}

}  // namespace cinit::fuzz

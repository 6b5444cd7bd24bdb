#include "config/shell_script.hpp"

#include <algorithm>
#include <string_view>

namespace cinit::config {
namespace {

constexpr std::string_view kShells[] = {"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox-sh"};

bool is_shell(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return std::ranges::find(kShells, name) != std::end(kShells);
}

// Options of shells that take the next argument for themselves.
bool takes_argument(std::string_view option) {
  if (option.starts_with("--")) return option == "--rcfile" || option == "--init-file";
  return option.find_first_of("oO") != std::string_view::npos;
}

// The script among the arguments that begin at `first`: the first operand behind options of which one is `c`.
std::optional<std::size_t> find_script_operand(const std::vector<std::string>& argv, std::size_t first) {
  bool is_script = false;
  for (std::size_t i = first; i < argv.size(); ++i) {
    const std::string_view word = argv[i];
    const bool is_option = word.size() > 1 && (word[0] == '-' || word[0] == '+') && word != "--";
    if (!is_option) {
      const std::size_t operand = word == "--" ? i + 1 : i;
      return is_script && operand < argv.size() ? std::optional(operand) : std::nullopt;
    }
    if (word[0] == '-' && !word.starts_with("--") && word.find('c') != std::string_view::npos) is_script = true;
    if (takes_argument(word)) ++i;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> find_shell_script(const std::vector<std::string>& argv) {
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (!is_shell(argv[i])) continue;
    if (const std::optional<std::size_t> script = find_script_operand(argv, i + 1)) return script;
  }
  return std::nullopt;
}

}  // namespace cinit::config

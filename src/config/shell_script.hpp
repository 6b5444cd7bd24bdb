// The script in `sh -c SCRIPT`, which is left to the shell.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cinit::config {

// Where in an argv the script of a shell is: the operand of `sh -c`, of any usual shell and wherever in the argv it stands
// (`env sh -c`, `busybox sh -c`, `setpriv ... bash -ec`). Nothing when there is none.
std::optional<std::size_t> find_shell_script(const std::vector<std::string>& argv);

}  // namespace cinit::config

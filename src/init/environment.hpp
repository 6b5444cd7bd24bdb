// Environments of processes.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace cinit::init {

// Variables that are about cinit's own descriptors and its own supervisor, and mislead anybody but the main command.
inline constexpr std::array<const char*, 7> kOwnVariables = {
    "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "MAINPID"};
// The environment without them.
config::Variables without_own(config::Variables variables);

// An environment in the form that execve(2) takes. It can be moved, not copied: it holds pointers into itself.
class EnvironmentBlock {
 public:
  explicit EnvironmentBlock(const config::Variables& variables);
  EnvironmentBlock(EnvironmentBlock&&) = default;
  EnvironmentBlock& operator=(EnvironmentBlock&&) = default;
  EnvironmentBlock(const EnvironmentBlock&) = delete;
  EnvironmentBlock& operator=(const EnvironmentBlock&) = delete;

  char* const* envp() const { return pointers_.data(); }
  // Where the value of variable `name` is, for changes that make it no longer; null when there is no such variable.
  char* value_of(std::string_view name);

 private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

// The variables of an array such as environ(7). What has no "=" is dropped; of a name that occurs twice the first is
// taken, as getenv(3) does.
config::Variables read_environment(char* const* envp);

// Puts `stronger` over `variables`.
void merge(config::Variables& variables, const config::Variables& stronger);

}  // namespace cinit::init

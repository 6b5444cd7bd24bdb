#include "base/capability.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace cinit {
namespace {

// capabilities(7) and linux/capability.h: the place of a name is its number.
constexpr std::array<std::string_view, 41> kNames = {
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
};

constexpr std::string_view kPrefix = "cap_";

// ASCII only, whatever the locale.
std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

}  // namespace

std::optional<Capability> parse_capability(std::string_view text) {
  std::string name = lower_case(text);
  if (!name.starts_with(kPrefix)) name.insert(0, kPrefix);
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return Capability{static_cast<int>(found - kNames.begin())};
}

std::string to_string(Capability capability) {
  const auto number = static_cast<std::size_t>(capability.number);
  return number < kNames.size() ? std::string(kNames[number]) : std::to_string(capability.number);
}

std::span<const std::string_view> capability_names() { return kNames; }

}  // namespace cinit

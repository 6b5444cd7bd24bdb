// Capabilities of the kernel and their names: capabilities(7).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cinit {

// A capability's number, 0 to 63.
struct Capability {
  int number = 0;

  friend constexpr bool operator==(Capability, Capability) = default;
};

// Those that cinit itself may need, to set up a service.
inline constexpr Capability kSetCapabilities{8};  // CAP_SETPCAP
inline constexpr Capability kSystemNice{23};
inline constexpr Capability kSystemResource{24};

// Several of them, as the kernel has it: bit N stands for capability N.
struct CapabilitySet {
  std::uint64_t bits = 0;

  constexpr bool has(Capability capability) const { return (bits >> capability.number & 1) != 0; }
  constexpr void add(Capability capability) { bits |= std::uint64_t{1} << capability.number; }
  friend constexpr bool operator==(CapabilitySet, CapabilitySet) = default;
};

// Reads "cap_net_bind_service" or "net_bind_service", in any case. Nothing when it names no capability.
std::optional<Capability> parse_capability(std::string_view text);

// "cap_net_bind_service", as capsh(1) prints it; the number alone when it has no name.
std::string to_string(Capability capability);

// Every name, with "cap_" in front, in the order of the numbers from 0 on.
std::span<const std::string_view> capability_names();

}  // namespace cinit

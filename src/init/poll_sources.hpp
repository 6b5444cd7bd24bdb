// What the poller reports: whose descriptor is ready.
#pragma once

#include <cstdint>

#include "core/plan.hpp"

namespace cinit::init {

enum class Source : std::uint32_t {
  Signals,
  Outsider,
  Output,
  Probe,
  Notification,
  ReadyFd,
  Control,
  Supervise,
  Directories,
  ScanControl,
  Start,
};

// A source, and in its lower half which of them: of a service, its place in the plan.
constexpr std::uint64_t token_base(Source source) { return std::uint64_t{static_cast<std::uint32_t>(source)} << 32U; }
constexpr Source source_of(std::uint64_t token) { return static_cast<Source>(token >> 32U); }
constexpr core::ServiceId service_of(std::uint64_t token) {
  return static_cast<core::ServiceId>(static_cast<std::uint32_t>(token));
}

}  // namespace cinit::init

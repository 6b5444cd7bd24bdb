#include "init/leftovers.hpp"

#include <algorithm>
#include <chrono>

#include "os/clock.hpp"
#include "os/syscall.hpp"

namespace cinit::init {
namespace {

// How many marks are read in one look: the rest is for the next.
constexpr int kMostNewLeftovers = 512;

// What a look may cost without a pause after it, and how much longer than a longer one that pause is.
constexpr Duration kCheapLook = std::chrono::milliseconds(1);
constexpr int kPauseForLook = 20;

}  // namespace

bool Leftovers::look(Time now, bool must) {
  if (now < not_before_ && !must) return false;
  ++looks_;
  room_ = kMostNewLeftovers;
  processes_.for_each_child([this](pid_t pid) { take_in(pid); });
  std::erase_if(known_, [this](const auto& entry) { return entry.second.seen != looks_; });
  const Time after = os::now();
  if (after - now > kCheapLook) not_before_ = later(after, (after - now) * kPauseForLook);
  return true;
}

void Leftovers::take_in(pid_t pid) {
  if (children_.started(pid)) return;
  auto found = known_.find(pid);
  if (found == known_.end()) {
    if (room_-- <= 0) return;
    Known known;
    if (const auto mark = marks_.of(processes_, pid)) {
      known.owner = core::ServiceId{mark->number};
      known.of_probe = mark->kind == os::MarkKind::Probe;
    }
    found = known_.emplace(pid, known).first;
  }
  Known& known = found->second;
  known.seen = looks_;
  if (!known.owner) return;
  const auto signal = signals_.find(*known.owner);
  if (signal != signals_.end()) deliver(pid, known, signal->second);
}

void Leftovers::deliver(pid_t pid, Known& known, int signal) {
  if (known.told == signal) return;
  known.told = signal;
  os::sys::kill(pid, signal);
  if (signal != SIGKILL) os::sys::kill(pid, SIGCONT);
}

std::vector<os::Process> Leftovers::of(core::ServiceId service) const {
  std::vector<os::Process> found;
  for (const auto& [pid, known] : known_) {
    if (known.owner != service || children_.started(pid)) continue;
    os::Process process;
    if (processes_.read(pid, process) && !process.ended()) found.push_back(process);
  }
  std::ranges::sort(found, {}, [](const os::Process& process) { return std::pair(process.start, process.pid); });
  return found;
}

void Leftovers::pass_over(pid_t pid) { known_.insert_or_assign(pid, Known{}); }

bool Leftovers::has(core::ServiceId service) const {
  return std::ranges::any_of(
      known_, [&](const auto& entry) { return entry.second.owner == service && !children_.started(entry.first); });
}

bool Leftovers::owns(core::ServiceId service, pid_t pid) const {
  const auto found = known_.find(pid);
  return found != known_.end() && found->second.owner == service;
}

void Leftovers::send(core::ServiceId service, int signal) {
  const auto [place, is_first] = signals_.emplace(service, signal);
  if (!is_first && place->second == SIGKILL) return;
  place->second = signal;
  for (auto& [pid, known] : known_) {
    if (known.owner == service && !children_.started(pid)) deliver(pid, known, signal);
  }
}

int Leftovers::end_probes(core::ServiceId service, Time now) {
  look(now);
  int count = 0;
  for (auto& [pid, known] : known_) {
    if (known.owner != service || !known.of_probe || children_.started(pid)) continue;
    deliver(pid, known, SIGKILL);
    ++count;
  }
  return count;
}

std::string names_of(const std::vector<os::Process>& processes) {
  constexpr std::size_t kMost = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(processes.size(), kMost); ++i) {
    text += std::string(i == 0 ? "" : ", ") + static_cast<const char*>(processes[i].name) + " (" +
            std::to_string(processes[i].pid) + ")";
  }
  if (processes.size() > kMost) text += " and " + std::to_string(processes.size() - kMost) + " more";
  return text;
}

}  // namespace cinit::init

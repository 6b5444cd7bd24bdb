#include "control/followers.hpp"

#include <algorithm>
#include <utility>

namespace cinit::control {
namespace {

// What is kept for words of our own.
constexpr std::size_t kReserve = 4096;

}  // namespace

// What is kept for each of them, so that all of them together stay within their bound.
std::size_t Followers::most_pending() const {
  return std::min(Replies::kMostPending, Replies::kMostPendingOfAll / std::max<std::size_t>(followers_.size(), 1));
}

void Followers::add(ClientId client, std::map<core::ServiceId, std::string> services) {
  followers_.insert_or_assign(client, Follower{std::move(services)});
}

void Followers::line(core::ServiceId service, std::string_view text) {
  const std::size_t most = most_pending();
  for (auto& [client, follower] : followers_) {
    const auto found = follower.services.find(service);
    if (found == follower.services.end()) continue;
    const std::size_t size = found->second.size() + text.size() + kReserve;
    if (follower.skipped > 0 || replies_.pending(client) + size > most) {
      ++follower.skipped;
      continue;
    }
    replies_.out(client, found->second + std::string(text));
  }
}

void Followers::service_gone(core::ServiceId service) {
  for (auto entry = followers_.begin(); entry != followers_.end();) {
    auto& [client, follower] = *entry;
    if (follower.services.erase(service) == 0 || !follower.services.empty()) {
      ++entry;
      continue;
    }
    tell_skipped(client, follower);
    replies_.err(client, "cinit: the service has gone");
    replies_.end(client, 0);
    entry = followers_.erase(entry);
  }
}

void Followers::has_room(ClientId client) {
  const auto found = followers_.find(client);
  // Once lines are skipped, half of the room must be free before they go on: gaps are few and long, not many and short.
  if (found == followers_.end() || replies_.pending(client) > most_pending() / 2) return;
  tell_skipped(client, found->second);
}

void Followers::tell_skipped(ClientId client, Follower& follower) {
  const std::uint64_t skipped = std::exchange(follower.skipped, 0);
  if (skipped == 0) return;
  const char* what = skipped == 1 ? " line was" : " lines were";
  replies_.err(client, "cinit: " + std::to_string(skipped) + what + " skipped: they came faster than they were read");
}

void Followers::leave() {
  for (auto& [client, follower] : std::exchange(followers_, {})) {
    tell_skipped(client, follower);
    replies_.end(client, 0);
  }
}

}  // namespace cinit::control

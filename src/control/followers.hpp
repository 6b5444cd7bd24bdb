// Who reads along what services write: "cinit logs -f".
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "control/replies.hpp"
#include "core/plan.hpp"

namespace cinit::control {

// A client that does not read fast enough loses lines, and is told how many.
class Followers {
 public:
  // `replies` must outlive it.
  explicit Followers(Replies& replies) : replies_(replies) {}

  // The services to follow, each with what stands in front of its lines.
  void add(ClientId client, std::map<core::ServiceId, std::string> services);
  void forget(ClientId client) { followers_.erase(client); }
  std::size_t size() const { return followers_.size(); }

  // The service has gone, and its number may be another's: it is followed no more. Ends the clients that follow no other.
  void service_gone(core::ServiceId service);
  void line(core::ServiceId service, std::string_view text);
  // The client has read something.
  void has_room(ClientId client);
  // Ends all of them.
  void leave();

 private:
  std::size_t most_pending() const;
  struct Follower {
    std::map<core::ServiceId, std::string> services;
    std::uint64_t skipped = 0;  // lines, since the last one that it got
  };

  void tell_skipped(ClientId client, Follower& follower);

  Replies& replies_;
  std::map<ClientId, Follower> followers_;
};

}  // namespace cinit::control

// The commands: what is asked for on the control socket, done and answered. It knows nothing of sockets.
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "control/arguments.hpp"
#include "control/followers.hpp"
#include "control/host.hpp"
#include "control/protocol.hpp"
#include "control/replies.hpp"
#include "control/wait.hpp"

namespace cinit::control {

class Commander {
 public:
  // Both must outlive it.
  Commander(Host& host, Replies& replies) : host_(host), replies_(replies), followers_(replies) {}

  // Carries out a request, which is without its newline. What can be answered at once is; the others are answered later.
  void take(ClientId client, std::string_view line);
  // The client has gone; its number may be used again. What it asked for goes on.
  void forget(ClientId client);

  // Answers those who wait for something that has come true, or will not any more.
  void progress();
  // When progress() is to be called though nothing happens; kNever: not at all.
  Time next_deadline() const;
  void service_gone(core::ServiceId service) { followers_.service_gone(service); }
  // A service has written a line.
  void line(core::ServiceId service, std::string_view text) { followers_.line(service, text); }
  // A client has read some of what there was for it.
  void has_room(ClientId client) { followers_.has_room(client); }
  // cinit ends: whoever is not answered yet is.
  void leave();

 private:
  struct CommandEntry;  // a row of the table of commands

  // The exit code with which a command is over. Nothing: it goes on.
  using Code = std::optional<int>;

  // What somebody still waits for.
  struct Pending {
    core::Requested::What what = core::Requested::What::Start;
    std::vector<Awaited> awaited;
    int code = 0;
  };

  Code run(ClientId client, std::string_view line);
  Code status(ClientId client, const Arguments& arguments);
  Code start(ClientId client, const Arguments& arguments);
  Code stop(ClientId client, const Arguments& arguments);
  Code restart(ClientId client, const Arguments& arguments);
  Code signal(ClientId client, const Arguments& arguments);
  Code logs(ClientId client, const Arguments& arguments);
  Code health(ClientId client, const Arguments& arguments);
  Code shutdown(ClientId client, const Arguments& arguments);

  Code ask(ClientId client, const Arguments& arguments, core::Requested::What what);
  bool answer(ClientId client, Pending& pending);
  void print_recent(ClientId client, const std::map<core::ServiceId, std::string>& services, std::size_t most);
  ServiceView view_of(core::ServiceId service) const;
  ServiceView full_view_of(core::ServiceId service) const;
  bool holds_up(core::ServiceId service) const;
  int fail(ClientId client, std::string_view message, int code);
  bool has_place_for_lasting() const { return pending_.size() + followers_.size() < Replies::kMostLasting; }

  static const CommandEntry kEntries[];

  Host& host_;
  Replies& replies_;
  Followers followers_;
  std::map<ClientId, Pending> pending_;
};

}  // namespace cinit::control

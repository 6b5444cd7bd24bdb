// What services say: their output, their notifications, and the newline by which one tells that it is ready.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/config.hpp"
#include "core/event.hpp"
#include "core/plan.hpp"
#include "init/pipes.hpp"
#include "init/wiring.hpp"
#include "log/log.hpp"
#include "notify/socket.hpp"
#include "os/discarder.hpp"
#include "os/poller.hpp"
#include "output/relay.hpp"

namespace cinit::init {

// Pays only for what the plan asks for: a service without any of it has no pipe and no socket.
class Listener {
 public:
  struct Channels {
    os::LineWriter& out;
    os::LineWriter& err;
    std::string upstream;  // the NOTIFY_SOCKET that cinit itself was given; empty: none
  };

  // All of them must outlive it.
  Listener(const core::Plan& plan, const config::Config& config, os::Poller& poller, os::Discarder& discarder,
           const Channels& channels, log::Log& log);

  // What the main process of the service is to get. `user` is what it will be. The failure is that of its start.
  std::variant<Wiring, core::StartFailure> provide(core::ServiceId id, const os::Identity& user);
  // The same for one of its commands, which only has its output.
  std::variant<Wiring, core::StartFailure> provide_for_command(core::ServiceId id, const os::Identity& user);
  // The process has what it needs, or could not be started.
  void spawned(core::ServiceId id);

  // The plan has more services than before, or others.
  void plan_revised() { voices_.resize(plan_.services.size()); }
  // The service gets no more input: it reads what there is, and then the end.
  void close_input(core::ServiceId id) { pipes_.close_input(id); }

  // When hear_output() is to be called at the latest.
  Time next_deadline() const;
  // What the poller has reported.
  void hear_output() { relay_.handle(); }
  void hear_notifications(core::ServiceId id);
  void hear_ready_fd(core::ServiceId id);
  // The main process has ended: takes in what it has said until then.
  void drain(core::ServiceId id);
  // One of its commands has ended: the same. A main process that runs beside it may be in the middle of a line.
  void drain_command(core::ServiceId id, bool is_beside_main);
  // Once a turn: see output::Relay::watch_room().
  void watch_room();
  // The end of cinit: passes on what services have written, as far as there is room until `deadline`. False: it was not
  // enough. It may be called again then.
  bool finish(Time deadline) { return relay_.finish(deadline); }

  // What it has heard since the last call, in order.
  std::vector<core::Event> take_events() { return std::exchange(events_, {}); }
  // To be called when these have been dealt with: a process that waits at a barrier (sd_notify_barrier(3)) goes on.
  // What comes with descriptors of others holds up its own socket until a child has taken it out of there.
  void pass_barriers();
  // The process that the service says is its main process from now on: MAINPID. Told once.
  std::optional<pid_t> take_main_pid(core::ServiceId id) { return std::exchange(at(id).main_pid, std::nullopt); }

  // Called for each line of output that goes through cinit. It must not call the listener.
  using LineObserver = std::function<void(core::ServiceId, std::string_view line)>;
  void observe_lines(LineObserver observer) { line_observer_ = std::move(observer); }

  // Tells whoever started cinit, as with sd_notify(3).
  void tell_who_started_us(std::string_view state) const;

  // The last lines of a service's output, as far as it goes through cinit.
  const output::Relay& relay() const { return relay_; }
  output::Relay& relay() { return relay_; }
  // Whether it does.
  bool captures(core::ServiceId id) const;

 private:
  struct Voice {
    std::optional<notify::Socket> socket;
    uid_t owner = static_cast<uid_t>(-1);
    // Heard: the next datagram is not out of the queue yet, for it holds descriptors. Unreadable: no memory for it,
    // say.
    enum class Head { Free, Heard, BeingDiscarded, Unreadable } head = Head::Free;
    Time readable_at = kNever;  // when an unreadable one is looked at again
    bool trouble_is_told = false;
    os::Fd ready_read;
    os::Fd ready_write;  // until the process has it
    std::optional<pid_t> main_pid;
  };

  Voice& at(core::ServiceId id) { return voices_[core::index_of(id)]; }
  bool captures(core::ServiceId id, const os::Identity& user) const;
  std::optional<output::Destination> destination_of(const config::Service& spec, const config::Output& output,
                                                    const os::Identity& user) const;
  std::optional<core::StartFailure> capture(core::ServiceId id, const os::Identity& user, Wiring& wiring);
  std::optional<core::StartFailure> open_notify_socket(core::ServiceId id, const os::Identity& user, Wiring& wiring);
  std::optional<core::StartFailure> renew_notify_socket(core::ServiceId id, uid_t owner, gid_t gid);
  void close_notify_socket(Voice& voice);
  void close_ready_pipe(Voice& voice);
  void hold_up(core::ServiceId id, Voice::Head head);
  void tell_trouble(core::ServiceId id);
  bool pass_barrier(core::ServiceId id);
  std::uint64_t notification_token(core::ServiceId id) const;
  std::optional<core::StartFailure> open_ready_pipe(core::ServiceId id, Wiring& wiring);
  bool watch_output();
  void hear_line(const output::Record& record);
  void hear(core::ServiceId id, notify::Received& received);

  const core::Plan& plan_;
  const config::Config& config_;
  os::Poller& poller_;
  os::Discarder& discarder_;
  log::Log& log_;
  output::Relay relay_;
  Pipes pipes_;
  std::string upstream_;
  LineObserver line_observer_;
  bool watches_output_ = false;
  std::vector<Voice> voices_;
  std::vector<core::Event> events_;
  std::vector<core::ServiceId> held_up_;  // whose next datagram is not free
};

}  // namespace cinit::init

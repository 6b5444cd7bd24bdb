#include "init/listener.hpp"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "init/poll_sources.hpp"
#include "notify/send.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "output/log_place.hpp"

namespace cinit::init {
namespace {

// What one turn of the loop listens to from one service, so that no process can keep it.
constexpr int kMostDatagrams = 32;

// How long a socket is left alone that could not be read.
constexpr Duration kReadAgain = std::chrono::seconds(1);

// Takes out what can be taken out in one turn. False: something is left.
bool empty(notify::Socket& socket) {
  for (int i = 0; i < kMostDatagrams; ++i) {
    const std::optional<notify::Received> received = socket.receive();
    if (!received) return true;
    if (received->holds_descriptors) return false;
  }
  return false;
}

bool is_captured_for_its_text(const config::Service& spec) {
  return spec.ready && std::holds_alternative<config::LogReady>(spec.ready->when);
}

bool has_watchdog(const config::Service& spec) {
  return spec.health && std::holds_alternative<config::Watchdog>(spec.health->check);
}

bool notifies(const config::Service& spec) {
  return has_watchdog(spec) || (spec.ready && std::holds_alternative<config::NotifyReady>(spec.ready->when));
}

core::StartFailure failure(StartStage stage, int error, std::string detail) {
  return {stage, error, std::move(detail), os::may_pass(error)};
}

// What the process said would not be heard, and it would be blamed for its silence.
core::StartFailure not_watched(StartStage stage, const char* what, const os::Poller& poller) {
  return {stage, poller.error().code, what + (" cannot be watched: " + poller.error().message), true};
}

// A file that is not to be rotated has no limit.
output::LogFileSpec log_file(const config::Service& spec, const std::string& path, const os::Identity& user) {
  const std::uint64_t max_size = spec.log_max_size.bytes;
  return {path, max_size == 0 ? UINT64_MAX : max_size, spec.log_max_files, user};
}

}  // namespace

Listener::Listener(const core::Plan& plan, const config::Config& config, os::Poller& poller, os::Discarder& discarder,
                   const Channels& channels, log::Log& log)
    : plan_(plan),
      config_(config),
      poller_(poller),
      discarder_(discarder),
      log_(log),
      relay_({{config.container.log_prefix, config.container.log_json}, config.container.log_buffer.bytes},
             channels.out, channels.err),
      pipes_(plan),
      upstream_(channels.upstream),
      voices_(plan.services.size()) {
  relay_.observe([this](const output::Record& record) { hear_line(record); });
  relay_.observe_trouble([&log](const std::string& place, const std::string& message) {
    log.write_some(place, {config::LogLevel::Warning, "", "output", message});
  });
}

// Hooks speak for the container. A main command has a terminal to itself, and writes as it likes; but in a stream of
// JSON each line is JSON.
bool Listener::captures(core::ServiceId id, const os::Identity& user) const {
  const core::Role role = plan_[id].role;
  const bool is_json = config_.container.log_prefix == config::LogPrefix::Json;
  const bool is_wrapped = role == core::Role::MainCommand && is_json && !os::is_terminal(1) && !os::is_terminal(2);
  if (role != core::Role::Service && !is_wrapped) return false;
  const config::Service& spec = plan_[id].spec;
  const bool stdout_is_captured = !plan_[id].consumer && destination_of(spec, spec.output, user);
  return stdout_is_captured || destination_of(spec, spec.error, user);
}

bool Listener::captures(core::ServiceId id) const { return captures(id, {}); }

// Nothing: cinit is not in the way, and the process writes where it is to go by itself.
std::optional<output::Destination> Listener::destination_of(const config::Service& spec, const config::Output& output,
                                                            const os::Identity& user) const {
  switch (output.kind) {
    case config::Output::Kind::Inherit:
      if (config_.container.log_prefix == config::LogPrefix::None && !is_captured_for_its_text(spec)) break;
      return output::ToOwnOutput{};
    case config::Output::Kind::File:
      if (!output::is_relayed(output.path, spec.log_max_size.bytes, !user.is_another()) &&
          !is_captured_for_its_text(spec)) {
        break;
      }
      return log_file(spec, output.path, user);
    case config::Output::Kind::Null:
    case config::Output::Kind::Stdout: break;
  }
  return std::nullopt;
}

std::variant<Wiring, core::StartFailure> Listener::provide(core::ServiceId id, const os::Identity& user) {
  Wiring wiring;
  if (auto failed = pipes_.connect(id, wiring)) return *std::move(failed);
  if (auto failed = capture(id, user, wiring)) return *std::move(failed);
  if (auto failed = open_notify_socket(id, user, wiring)) return *std::move(failed);
  if (auto failed = open_ready_pipe(id, wiring)) return *std::move(failed);
  return wiring;
}

std::variant<Wiring, core::StartFailure> Listener::provide_for_command(core::ServiceId id, const os::Identity& user) {
  Wiring wiring;
  if (auto failed = pipes_.connect_output(id, wiring)) return *std::move(failed);
  if (auto failed = capture(id, user, wiring)) return *std::move(failed);
  return wiring;
}

std::optional<core::StartFailure> Listener::capture(core::ServiceId id, const os::Identity& user, Wiring& wiring) {
  if (!captures(id, user)) return std::nullopt;
  const config::Service& spec = plan_[id].spec;
  struct Way {
    output::Stream stream;
    const config::Output& output;
    int& fd;
  };
  for (const Way& way : {Way{output::Stream::Stdout, spec.output, wiring.stdout_fd},
                         Way{output::Stream::Stderr, spec.error, wiring.stderr_fd}}) {
    auto destination = destination_of(spec, way.output, user);
    if (!destination || way.fd >= 0) continue;
    const auto opened =
        relay_.open({static_cast<output::Service>(core::index_of(id)), way.stream, spec.name, *std::move(destination)});
    if (const auto* failed = std::get_if<output::CaptureFailure>(&opened)) {
      const bool is_stdout = way.stream == output::Stream::Stdout;
      return failure(is_stdout ? StartStage::Stdout : StartStage::Stderr, failed->error, failed->message);
    }
    way.fd = *std::get_if<int>(&opened);
  }
  if (!watch_output()) return not_watched(StartStage::Stdout, "its output", poller_);
  return std::nullopt;
}

// False: the poller refuses to report it.
bool Listener::watch_output() {
  if (!watches_output_ && relay_.fd() >= 0) watches_output_ = poller_.add(relay_.fd(), token_base(Source::Output));
  return watches_output_ || relay_.fd() < 0;
}

void Listener::watch_room() {
  relay_.watch_room();
  watch_output();
}

std::uint64_t Listener::notification_token(core::ServiceId id) const {
  return token_base(Source::Notification) + core::index_of(id);
}

// One socket serves all runs of the service; what an earlier run has said is not for the next, and what cannot be taken
// out of the socket at once ends with it.
std::optional<core::StartFailure> Listener::open_notify_socket(core::ServiceId id, const os::Identity& user,
                                                               Wiring& wiring) {
  const config::Service& spec = plan_[id].spec;
  if (!notifies(spec)) return std::nullopt;
  Voice& voice = at(id);
  const uid_t owner = user.uid == static_cast<uid_t>(-1) ? geteuid() : user.uid;
  const bool is_usable =
      voice.socket && voice.owner == owner && voice.head == Voice::Head::Free && empty(*voice.socket);
  if (!is_usable) {
    if (auto failed = renew_notify_socket(id, owner, user.gid)) return failed;
  }
  voice.main_pid.reset();
  wiring.notify_socket = voice.socket->address();
  if (has_watchdog(spec)) wiring.watchdog = std::get_if<config::Watchdog>(&spec.health->check)->within;
  return std::nullopt;
}

std::optional<core::StartFailure> Listener::renew_notify_socket(core::ServiceId id, uid_t owner, gid_t gid) {
  Voice& voice = at(id);
  close_notify_socket(voice);
  Result<notify::Socket> socket = notify::Socket::open(plan_[id].spec.name, owner, gid);
  if (!socket) {
    return failure(StartStage::Prepare, socket.error().code,
                   "no socket for its notifications: " + socket.error().message);
  }
  if (!poller_.add(socket->fd(), notification_token(id))) {
    return not_watched(StartStage::Prepare, "the socket for its notifications", poller_);
  }
  voice.socket.emplace(*std::move(socket));
  voice.owner = owner;
  return std::nullopt;
}

void Listener::close_notify_socket(Voice& voice) {
  if (!voice.socket) return;
  poller_.remove(voice.socket->fd());
  discarder_.close(voice.socket->close(), os::Traffic::Datagrams);
  voice.socket.reset();
  voice.head = Voice::Head::Free;
}

std::optional<core::StartFailure> Listener::open_ready_pipe(core::ServiceId id, Wiring& wiring) {
  const config::Service& spec = plan_[id].spec;
  const auto* by_fd = spec.ready ? std::get_if<config::FdReady>(&spec.ready->when) : nullptr;
  if (by_fd == nullptr) return std::nullopt;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return failure(StartStage::Prepare, errno, std::string("no pipe for its readiness: ") + strerror(errno));
  }
  Voice& voice = at(id);
  close_ready_pipe(voice);
  voice.ready_read = os::Fd(ends[0]);
  voice.ready_write = os::Fd(ends[1]);
  os::sys::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  if (!poller_.add(ends[0], token_base(Source::ReadyFd) + core::index_of(id))) {
    voice.ready_read.reset();
    voice.ready_write.reset();
    return not_watched(StartStage::Prepare, "the descriptor for its readiness", poller_);
  }
  wiring.ready_fd = ends[1];
  wiring.ready_number = by_fd->fd;
  return std::nullopt;
}

// Both ends are pipes of our own: to close or to read one waits for no process. A child that has not called exec yet
// may have a copy, which the poller would go on reporting.
void Listener::close_ready_pipe(Voice& voice) {
  if (voice.ready_read) poller_.remove(voice.ready_read.get());
  voice.ready_read.reset();
}

void Listener::spawned(core::ServiceId id) { at(id).ready_write.reset(); }

void Listener::hear_ready_fd(core::ServiceId id) {
  Voice& voice = at(id);
  if (!voice.ready_read) return;
  char buffer[256];
  const long size = os::sys::read(voice.ready_read.get(), buffer, sizeof(buffer));
  if (size == -EAGAIN) return;
  const bool is_newline = size > 0 && memchr(buffer, '\n', static_cast<std::size_t>(size)) != nullptr;
  if (size > 0 && !is_newline) return;
  // It is ready, or has closed the descriptor without a word.
  close_ready_pipe(voice);
  if (is_newline) events_.push_back(core::ToldReady{id});
}

void Listener::hear_notifications(core::ServiceId id) {
  Voice& voice = at(id);
  for (int i = 0; i < kMostDatagrams && voice.socket && voice.head == Voice::Head::Free; ++i) {
    std::optional<notify::Received> received = voice.socket->receive();
    if (!received && voice.socket->trouble() != 0) return tell_trouble(id);
    if (!received) return;
    voice.trouble_is_told = false;
    hear(id, *received);
    if (received->holds_descriptors) hold_up(id, Voice::Head::Heard);
  }
}

// The poller would report the socket in each turn.
void Listener::hold_up(core::ServiceId id, Voice::Head head) {
  Voice& voice = at(id);
  voice.head = head;
  poller_.change(voice.socket->fd(), notification_token(id), os::Poller::Interest::None);
  held_up_.push_back(id);
}

void Listener::tell_trouble(core::ServiceId id) {
  Voice& voice = at(id);
  voice.readable_at = later(os::now(), kReadAgain);
  hold_up(id, Voice::Head::Unreadable);
  if (std::exchange(voice.trouble_is_told, true)) return;
  const std::string why = strerror(voice.socket->trouble());
  log_.write_some(
      "", {config::LogLevel::Warning, plan_[id].spec.name, "notify", "its notifications cannot be read: " + why});
}

Time Listener::next_deadline() const {
  Time next = relay_.next_deadline();
  for (const core::ServiceId id : held_up_) {
    const Voice& voice = voices_[core::index_of(id)];
    if (voice.head == Voice::Head::Unreadable) next = std::min(next, voice.readable_at);
  }
  return next;
}

void Listener::pass_barriers() {
  std::erase_if(held_up_, [this](core::ServiceId id) { return pass_barrier(id); });
}

// True: the socket is listened to again. Where there can be no child now, or it was killed, there will be another one.
bool Listener::pass_barrier(core::ServiceId id) {
  Voice& voice = at(id);
  if (voice.head == Voice::Head::Free) return true;  // it has another socket
  const int fd = voice.socket->fd();
  if (discarder_.is_busy(fd)) return false;
  if (voice.head == Voice::Head::Unreadable && os::now() < voice.readable_at) return false;
  if (voice.head == Voice::Head::Heard) {
    if (discarder_.discard_next(fd)) voice.head = Voice::Head::BeingDiscarded;
    return false;
  }
  voice.head = Voice::Head::Free;
  poller_.change(fd, notification_token(id), os::Poller::Interest::Read);
  return true;
}

// Who sends is looked at first: the address may be one that every user can send to.
void Listener::hear(core::ServiceId id, notify::Received& received) {
  if (!notify::may_speak(received.uid, at(id).owner)) return;
  notify::Message& message = received.message;
  if (message.main_pid) at(id).main_pid = message.main_pid;
  events_.push_back(core::Notified{id, message.watchdog, message.watchdog_trigger, message.watchdog_within,
                                   message.extend_timeout, std::move(message.status)});
  if (message.ready) events_.push_back(core::ToldReady{id});
}

void Listener::hear_line(const output::Record& record) {
  const auto id = static_cast<core::ServiceId>(record.service);
  if (line_observer_) line_observer_(id, record.text);
  const config::Service& spec = plan_[id].spec;
  const auto* by_text = spec.ready ? std::get_if<config::LogReady>(&spec.ready->when) : nullptr;
  if (by_text == nullptr || record.text.find(by_text->text) == std::string_view::npos) return;
  events_.push_back(core::ToldReady{id});
}

void Listener::tell_who_started_us(std::string_view state) const {
  if (!upstream_.empty()) notify::send(upstream_, state);
}

void Listener::drain(core::ServiceId id) {
  hear_notifications(id);
  relay_.drain(static_cast<output::Service>(core::index_of(id)));
}

void Listener::drain_command(core::ServiceId id, bool is_beside_main) {
  const auto service = static_cast<output::Service>(core::index_of(id));
  is_beside_main ? relay_.catch_up(service) : relay_.drain(service);
}

}  // namespace cinit::init

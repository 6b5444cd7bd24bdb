#include "init/supervise_directories.hpp"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "base/overloaded.hpp"
#include "init/narrator.hpp"
#include "init/s6_overlay.hpp"
#include "os/clock.hpp"
#include "os/trusted_path.hpp"
#include "servicedir/event_directory.hpp"

namespace cinit::init {
namespace {

using servicedir::S6Status;
using servicedir::SuperviseStatus;
using Suite = config::ServiceDirectory::Suite;

// Where sv(8) is to look when the service directories cannot be written.
constexpr char kStateDirectory[] = "/run/cinit/service";

// How often to look for letters that the poller does not report.
constexpr Duration kLookForLetters = std::chrono::seconds(1);

SuperviseStatus::State shown_state(const core::State& state) {
  namespace s = core::state;
  using enum SuperviseStatus::State;
  return match(Overloaded{
                   [](const OneOf<s::Starting, s::PostStart, s::Running, s::PreStop, s::Stopping, s::Killing> auto&) {
                     return Running;
                   },
                   [](const s::PostStop&) { return Finishing; },
                   [](const OneOf<s::Idle, s::Waiting, s::PreStart, s::Launching, s::Backoff, s::StoppingRest, s::Done,
                                  s::Failed, s::Stopped> auto&) { return Down; },
               },
               state);
}

SuperviseStatus make_status(const SuperviseDirectories::View& view) {
  SuperviseStatus status;
  status.state = shown_state(view.status.state);
  status.wanted = view.status.wanted;
  status.exiting = view.retired;
  if (status.state == SuperviseStatus::State::Down) return status;
  const bool runs = status.state == SuperviseStatus::State::Running;
  status.pid = runs ? view.processes.main : view.processes.task;
  status.paused = runs && view.paused;
  status.got_term = runs && view.got_term;
  // There is no ./finish.
  if (!runs && status.pid == 0) status.state = SuperviseStatus::State::Down;
  return status;
}

// From the end of ./run on s6-supervise(8) is about ./finish.
S6Status::State s6_state(const core::State& state) {
  namespace s = core::state;
  if (std::holds_alternative<s::StoppingRest>(state) || std::holds_alternative<s::PostStop>(state)) {
    return S6Status::State::Finishing;
  }
  return shown_state(state) == SuperviseStatus::State::Running ? S6Status::State::Up : S6Status::State::Down;
}

// Without a notification-fd nothing is known of its readiness; what it has said holds to its end.
bool is_ready(const SuperviseDirectories::View& view, const std::optional<S6Status>& before, bool tells) {
  using enum S6Status::State;
  const S6Status::State state = s6_state(view.status.state);
  if (state == Down) return true;
  const bool was_ready = before && before->state == Up && before->starts == view.status.starts && before->ready;
  return state == Up && tells && (was_ready || view.status.is_ready());
}

S6Status make_s6_status(const SuperviseDirectories::View& view, const std::optional<S6Status>& before, bool tells) {
  using enum S6Status::State;
  S6Status status;
  status.state = s6_state(view.status.state);
  status.starts = view.status.starts;
  if (status.state == Up) status.pid = view.processes.main;
  if (status.state == Finishing) status.pid = view.processes.task;
  status.group = status.state == Down ? 0 : view.processes.group;
  status.end = view.status.last_end;
  status.wanted = view.status.wanted && !view.retired;
  status.paused = status.state == Up && view.paused;
  status.ready = is_ready(view, before, tells);
  const auto now = os::time_of_day();
  const bool was_up = before && before->state == Up;
  const bool is_same = before && before->starts == status.starts && was_up == (status.state == Up);
  status.since = is_same ? before->since : now;
  status.ready_since = before && (!status.ready || (is_same && before->ready)) ? before->ready_since : now;
  return status;
}

constexpr std::string_view kSupervise = "/supervise";

// It is not in the service directory, but where that is looked for by its name.
bool is_substitute(const std::string& path) {
  return path.starts_with(std::string(kStateDirectory) + "/") || path.starts_with(std::string(kS6ScanDirectory) + "/");
}

// Makes `name` in `directory` lead to `target`. A link of an earlier start is replaced, and what an image has brought
// along stays. False: it does not lead there.
bool link_substitute(const std::string& directory, const char* name, const std::string& target) {
  const os::Fd place = os::open_directory(directory);
  if (!place) return false;
  char text[PATH_MAX];
  const ssize_t size = readlinkat(place.get(), name, text, sizeof(text));
  const std::string old(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  if (old == target) return true;
  if (is_substitute(old)) unlinkat(place.get(), name, 0);
  return symlinkat(target.c_str(), place.get(), name) == 0;
}

// Of the service directory itself, so that its scripts find both there. False: they do not.
bool link_state(const std::string& directory, const std::string& substitute) {
  const bool has_supervise = link_substitute(directory, kSupervise.data() + 1, substitute + std::string(kSupervise));
  return link_substitute(directory, servicedir::kEvents, substitute + "/" + servicedir::kEvents) && has_supervise;
}

std::string substitute_of(const std::string& supervise) {
  return supervise.substr(0, supervise.size() - kSupervise.size());
}

void remove_with_files(const std::string& path) {
  if (const auto names = os::list_directory(path)) {
    for (const std::string& name : *names) os::remove_file(std::string(path).append("/").append(name));
  }
  os::remove_directory(path);
}

// That of a logger is in the one of its service, which is left empty by whichever goes last.
void remove_substitute(const std::string& supervise, const std::string& name) {
  const std::string path = substitute_of(supervise);
  remove_with_files(path + "/" + servicedir::kEvents);
  remove_with_files(supervise);
  remove_with_files(path);
  if (name.find('/') != std::string::npos) os::remove_directory(path.substr(0, path.rfind('/')));
}

}  // namespace

// Scripts know services of s6 by where s6-overlay would have put them; those of runit, where they are.
Result<std::string> SuperviseDirectories::find_supervise(core::ServiceId id) const {
  const config::Service& spec = plan_[id].spec;
  const std::string& directory = spec.directory->path;
  if (spec.directory->suite == Suite::Runit) {
    return servicedir::find_supervise(directory, std::string(kStateDirectory) + "/" + spec.name);
  }
  return servicedir::make_substitute(directory, std::string(kS6ScanDirectory) + "/" + spec.name);
}

// Scripts of the service itself know it as the directory that they run in ("s6-svc -O .", s6-permafailon,
// s6-notifyoncheck). Where links cannot be made there, they run in the substitute, as s6-overlay's services run in a
// copy.
void SuperviseDirectories::open_events(core::ServiceId id) {
  const std::string substitute = substitute_of(at(id).path);
  const std::string events = substitute + "/" + servicedir::kEvents;
  if (!link_state(plan_[id].spec.directory->path, substitute)) at(id).working_directory = substitute;
  if (const int error = servicedir::make_event_directory(events); error != 0) {
    return warn(id, "s6-notifyoncheck, s6-svwait and s6-svc -w cannot hear of it: " + events + ": " + strerror(error));
  }
  at(id).events = events;
  servicedir::tell_listeners(events, "s");
}

void SuperviseDirectories::warn(core::ServiceId id, const std::string& message) {
  log_.write({config::LogLevel::Warning, display_name(plan_, id), "supervise", message});
}

void SuperviseDirectories::warn_of_missing_descriptors() {
  if (std::exchange(told_of_missing_descriptors_, true)) return;
  const std::string message =
      "sv cannot look after all services, for want of descriptors (docker run --ulimit nofile=65536)";
  log_.write({config::LogLevel::Warning, "", "supervise", message});
}

bool SuperviseDirectories::is_as_opened(core::ServiceId id) const {
  const Directory& directory = directories_[core::index_of(id)];
  const config::Service& spec = plan_[id].spec;
  return directory.supervise && directory.device == spec.directory->device && directory.inode == spec.directory->inode;
}

bool SuperviseDirectories::is_under_old_name(core::ServiceId id) const {
  const Directory& directory = directories_[core::index_of(id)];
  return directory.supervise && directory.name != plan_[id].spec.name;
}

void SuperviseDirectories::open(core::ServiceId id) {
  if (is_as_opened(id)) return;
  const bool is_told = unopened_.contains(id);
  close(id);
  const Result<std::string> path = find_supervise(id);
  if (!path) return cannot_open(id, path.error(), is_told);
  Result<servicedir::Supervise> supervise = servicedir::Supervise::open(*path);
  if (!supervise) return cannot_open(id, supervise.error(), is_told);
  if (static_cast<rlim64_t>(supervise->control().fd()) >= reserved_) return warn_of_missing_descriptors();
  if (path->starts_with(kStateDirectory) && !std::exchange(told_of_run_, true)) {
    const std::string message = std::string("service directories cannot be written; their state is in ") +
                                kStateDirectory + " (SVDIR=" + kStateDirectory + " sv status NAME)";
    log_.write({config::LogLevel::Info, "", "supervise", message});
  }
  at(id).supervise.emplace(*std::move(supervise));
  at(id).path = *path;
  at(id).name = plan_[id].spec.name;
  at(id).device = plan_[id].spec.directory->device;
  at(id).inode = plan_[id].spec.directory->inode;
  if (is_of_s6(id)) open_events(id);
  if (!hear(id)) {
    unheard_.insert(id);
    look_later();
  }
  mark(id);
}

void SuperviseDirectories::cannot_open(core::ServiceId id, const Error& error, bool is_told) {
  if (os::may_pass(error.code)) {
    unopened_.insert(id);
    look_at_ = std::min(look_at_, later(os::now(), kLookForLetters));
  }
  if (is_told) return;
  const std::string tool = is_of_s6(id) ? "s6-svc" : "sv";
  warn(id, tool + " cannot ask for it: " + error.message);
}

void SuperviseDirectories::close(core::ServiceId id) {
  if (!at(id).events.empty()) servicedir::tell_listeners(at(id).events, "x");
  at(id) = {};
  unopened_.erase(id);
  unheard_.erase(id);
}

bool SuperviseDirectories::hear(core::ServiceId id) {
  return poller_.add(at(id).supervise->control().fd(), token_base_ + core::index_of(id));
}

bool SuperviseDirectories::hear_scan_control() { return poller_.add(scan_control_->fd(), scan_token_); }

void SuperviseDirectories::look_later() {
  look_at_ = later(os::now(), kLookForLetters);
  if (std::exchange(told_of_late_letters_, true)) return;
  const std::string message = "sv and s6-svc are answered only once a second: " + poller_.error().message;
  log_.write({config::LogLevel::Warning, "", "supervise", message});
}

std::set<core::ServiceId> SuperviseDirectories::look(Time now) {
  if (now < look_at_) return {};
  look_at_ = kNever;
  for (const core::ServiceId id : std::set(unopened_)) open(id);
  std::set<core::ServiceId> due = unheard_;
  std::erase_if(unheard_, [this](core::ServiceId id) { return hear(id); });
  if (scan_control_is_unheard_) scan_control_is_unheard_ = !hear_scan_control();
  if (unheard_.empty() && !scan_control_is_unheard_) {
    told_of_late_letters_ = false;
  } else {
    look_later();
  }
  return due;
}

std::set<core::ServiceId> SuperviseDirectories::take_marked() {
  std::set<core::ServiceId> renamed = marked_;
  std::erase_if(renamed, [this](core::ServiceId id) { return !is_under_old_name(id); });
  reopen(renamed);
  return std::exchange(marked_, {});
}

// What is in the service directory itself has moved with it. All others are closed first: one may have the old name of
// another.
void SuperviseDirectories::reopen(const std::set<core::ServiceId>& renamed) {
  std::map<core::ServiceId, Directory> closed;
  for (const core::ServiceId id : renamed) {
    const std::string old_name = std::exchange(at(id).name, plan_[id].spec.name);
    if (!is_substitute(at(id).path)) continue;
    const std::string path = at(id).path;
    Directory& before = closed[id];
    before.shown = at(id).shown;
    before.s6_shown = at(id).s6_shown;
    close(id);
    remove_substitute(path, old_name);
  }
  for (const auto& [id, before] : closed) {
    open(id);
    if (!at(id).supervise) continue;
    if (before.shown) at(id).supervise->show(*before.shown);
    if (before.s6_shown) at(id).supervise->show(*before.s6_shown);
    at(id).shown = before.shown;
    at(id).s6_shown = before.s6_shown;
  }
}

std::string SuperviseDirectories::read_commands(core::ServiceId id) {
  return at(id).supervise ? at(id).supervise->control().read() : std::string();
}

void SuperviseDirectories::listen(core::ServiceId id, bool listens) {
  if (!at(id).supervise) return;
  poller_.change(at(id).supervise->control().fd(), token_base_ + core::index_of(id),
                 listens ? os::Poller::Interest::Read : os::Poller::Interest::None);
}

void SuperviseDirectories::open_scan_control(std::uint64_t token) {
  Result<servicedir::ControlFifo> control =
      servicedir::ControlFifo::open(std::string(kS6ScanDirectory) + "/.s6-svscan");
  if (!control) {
    const std::string message = "s6-svscanctl cannot ask for anything: " + control.error().message;
    return log_.write({config::LogLevel::Warning, "", "supervise", message});
  }
  scan_control_.emplace(*std::move(control));
  scan_token_ = token;
  scan_control_is_unheard_ = !hear_scan_control();
  if (scan_control_is_unheard_) look_later();
}

std::string SuperviseDirectories::read_scan_commands() { return scan_control_ ? scan_control_->read() : std::string(); }

void SuperviseDirectories::show(core::ServiceId id, const View& view) {
  Directory& directory = at(id);
  if (!directory.supervise) return;
  if (is_of_s6(id)) return show_s6(id, view);
  SuperviseStatus status = make_status(view);
  const bool is_same = directory.shown && directory.shown->state == status.state && directory.shown->pid == status.pid;
  status.since = is_same ? directory.shown->since : os::time_of_day();
  if (directory.shown == status) return;
  directory.supervise->show(status);
  directory.shown = status;
}

// The events follow the file that they are about.
void SuperviseDirectories::show_s6(core::ServiceId id, const View& view) {
  Directory& directory = at(id);
  const S6Status status = make_s6_status(view, directory.s6_shown, plan_[id].spec.ready.has_value());
  if (directory.s6_shown == status) return;
  const std::string letters =
      servicedir::events_between(directory.s6_shown.value_or(S6Status()), status, directory.gave_up);
  directory.supervise->show(status);
  directory.s6_shown = status;
  if (status.state == S6Status::State::Down) directory.gave_up = false;
  if (!letters.empty() && !directory.events.empty()) servicedir::tell_listeners(directory.events, letters);
}

void SuperviseDirectories::add_death(core::ServiceId id, WaitStatus end) {
  const auto& directory = plan_[id].spec.directory;
  if (!directory || directory->death_tally == 0 || !at(id).supervise) return;
  at(id).supervise->add_death(directory->death_tally, os::time_of_day(), end);
}

}  // namespace cinit::init

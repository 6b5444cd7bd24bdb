#include "init/service_directories.hpp"

#include <limits.h>
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

namespace cinit::init {
namespace {

using servicedir::SuperviseStatus;
using Suite = config::ServiceDirectory::Suite;

// Where sv(8) is to look when the service directories cannot be written.
constexpr char kStateDirectory[] = "/run/cinit/service";

// How often to look for letters that the poller does not report.
constexpr Duration kLookForLetters = std::chrono::seconds(1);

SuperviseStatus::State shown_state(const core::State& state) {
  namespace s = core::state;
  using enum SuperviseStatus::State;
  return std::visit(
      Overloaded{
          [](const OneOf<s::Starting, s::PostStart, s::Running, s::PreStop, s::Stopping, s::Killing> auto&) {
            return Running;
          },
          [](const s::PostStop&) { return Finishing; },
          [](const OneOf<s::Idle, s::Waiting, s::PreStart, s::Launching, s::Backoff, s::Clearing, s::Done, s::Failed,
                         s::Stopped> auto&) { return Down; },
      },
      state);
}

SuperviseStatus make_status(const ServiceDirectories::View& view) {
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

constexpr std::string_view kSupervise = "/supervise";

// It is not in the service directory, but where that is looked for by its name.
bool is_likeness(const std::string& path) {
  return path.starts_with(std::string(kStateDirectory) + "/") || path.starts_with(std::string(kS6ScanDirectory) + "/");
}

// Of the service directory itself, so that its scripts find it there; a link of an earlier start is replaced.
void link_supervise(const std::string& directory, const std::string& supervise) {
  const char* const name = kSupervise.data() + 1;
  const os::Fd place = os::open_directory(directory);
  if (!place) return;
  char target[PATH_MAX];
  const ssize_t size = readlinkat(place.get(), name, target, sizeof(target));
  if (size > 0 && is_likeness(std::string(target, static_cast<std::size_t>(size)))) unlinkat(place.get(), name, 0);
  std::ignore = symlinkat(supervise.c_str(), place.get(), name);
}

void remove_with_files(const std::string& path) {
  if (const auto names = os::list_directory(path)) {
    for (const std::string& name : *names) os::remove_file(std::string(path).append("/").append(name));
  }
  os::remove_directory(path);
}

// That of a logger is in the one of its service, which is left empty by whichever goes last.
void remove_likeness(const std::string& supervise, const std::string& name) {
  const std::string path = supervise.substr(0, supervise.size() - kSupervise.size());
  remove_with_files(supervise);
  remove_with_files(path);
  if (name.find('/') != std::string::npos) os::remove_directory(path.substr(0, path.rfind('/')));
}

}  // namespace

// Scripts know services of s6 by where s6-overlay would have put them; those of runit, where they are. Those of the service
// itself know it as the directory that they run in ("s6-svc -O .", s6-permafailon), as far as that can be written.
Result<std::string> ServiceDirectories::find_supervise(core::ServiceId id) const {
  const config::Service& spec = plan_[id].spec;
  const std::string& directory = spec.directory->path;
  if (spec.directory->suite == Suite::Runit) {
    return servicedir::find_supervise(directory, std::string(kStateDirectory) + "/" + spec.name);
  }
  Result<std::string> supervise = servicedir::make_likeness(directory, std::string(kS6ScanDirectory) + "/" + spec.name);
  if (supervise) link_supervise(directory, *supervise);
  return supervise;
}

void ServiceDirectories::warn(core::ServiceId id, const std::string& message) {
  log_.write({config::LogLevel::Warning, display_name(plan_, id), "supervise", message});
}

void ServiceDirectories::warn_of_want() {
  if (std::exchange(told_of_want_, true)) return;
  const std::string message =
      "sv cannot look after all services, for want of descriptors (docker run --ulimit nofile=65536)";
  log_.write({config::LogLevel::Warning, "", "supervise", message});
}

bool ServiceDirectories::is_as_opened(core::ServiceId id) const {
  const Directory& directory = directories_[core::index_of(id)];
  const config::Service& spec = plan_[id].spec;
  return directory.supervise && directory.device == spec.directory->device && directory.inode == spec.directory->inode;
}

bool ServiceDirectories::is_under_old_name(core::ServiceId id) const {
  const Directory& directory = directories_[core::index_of(id)];
  return directory.supervise && directory.name != plan_[id].spec.name;
}

void ServiceDirectories::open(core::ServiceId id) {
  if (is_as_opened(id)) return;
  const bool is_told = unopened_.contains(id);
  close(id);
  const Result<std::string> path = find_supervise(id);
  if (!path) return cannot_open(id, path.error(), is_told);
  Result<servicedir::Supervise> supervise = servicedir::Supervise::open(*path);
  if (!supervise) return cannot_open(id, supervise.error(), is_told);
  if (static_cast<rlim64_t>(supervise->control().fd()) >= reserved_) return warn_of_want();
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
  if (!hear(id)) {
    unheard_.insert(id);
    look_later();
  }
  mark(id);
}

void ServiceDirectories::cannot_open(core::ServiceId id, const Error& error, bool is_told) {
  if (os::may_pass(error.code)) {
    unopened_.insert(id);
    look_at_ = std::min(look_at_, later(os::now(), kLookForLetters));
  }
  if (is_told) return;
  const std::string tool = plan_[id].spec.directory->suite == Suite::S6 ? "s6-svc" : "sv";
  warn(id, tool + " cannot ask for it: " + error.message);
}

void ServiceDirectories::close(core::ServiceId id) {
  at(id) = {};
  unopened_.erase(id);
  unheard_.erase(id);
}

bool ServiceDirectories::hear(core::ServiceId id) {
  return poller_.add(at(id).supervise->control().fd(), token_base_ + core::index_of(id));
}

bool ServiceDirectories::hear_scan_control() { return poller_.add(scan_control_->fd(), scan_token_); }

void ServiceDirectories::look_later() {
  look_at_ = later(os::now(), kLookForLetters);
  if (std::exchange(told_of_late_letters_, true)) return;
  const std::string message = "sv and s6-svc are answered only once a second: " + poller_.error().message;
  log_.write({config::LogLevel::Warning, "", "supervise", message});
}

std::set<core::ServiceId> ServiceDirectories::look(Time now) {
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

std::set<core::ServiceId> ServiceDirectories::take_marked() {
  std::set<core::ServiceId> renamed = marked_;
  std::erase_if(renamed, [this](core::ServiceId id) { return !is_under_old_name(id); });
  reopen(renamed);
  return std::exchange(marked_, {});
}

// What is in the service directory itself has moved with it. All others are closed first: one may have the old name of
// another.
void ServiceDirectories::reopen(const std::set<core::ServiceId>& renamed) {
  std::map<core::ServiceId, std::optional<servicedir::SuperviseStatus>> shown;
  for (const core::ServiceId id : renamed) {
    const std::string old_name = std::exchange(at(id).name, plan_[id].spec.name);
    if (!is_likeness(at(id).path)) continue;
    const std::string path = at(id).path;
    shown.emplace(id, at(id).shown);
    close(id);
    remove_likeness(path, old_name);
  }
  for (const auto& [id, status] : shown) {
    open(id);
    if (!at(id).supervise || !status) continue;
    at(id).supervise->show(*status);
    at(id).shown = status;
  }
}

std::string ServiceDirectories::read_commands(core::ServiceId id) {
  return at(id).supervise ? at(id).supervise->control().read() : std::string();
}

void ServiceDirectories::listen(core::ServiceId id, bool listens) {
  if (!at(id).supervise) return;
  poller_.change(at(id).supervise->control().fd(), token_base_ + core::index_of(id),
                 listens ? os::Poller::Interest::Read : os::Poller::Interest::None);
}

void ServiceDirectories::open_scan_control(std::uint64_t token) {
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

std::string ServiceDirectories::read_scan_commands() { return scan_control_ ? scan_control_->read() : std::string(); }

void ServiceDirectories::show(core::ServiceId id, const View& view) {
  Directory& directory = at(id);
  if (!directory.supervise || plan_[id].spec.directory->suite != Suite::Runit) return;
  SuperviseStatus status = make_status(view);
  const bool is_same = directory.shown && directory.shown->state == status.state && directory.shown->pid == status.pid;
  status.since = is_same ? directory.shown->since : os::time_of_day();
  if (directory.shown == status) return;
  directory.supervise->show(status);
  directory.shown = status;
}

void ServiceDirectories::add_death(core::ServiceId id, WaitStatus end) {
  const auto& directory = plan_[id].spec.directory;
  if (!directory || directory->death_tally == 0 || !at(id).supervise) return;
  at(id).supervise->add_death(directory->death_tally, os::time_of_day(), end);
}

}  // namespace cinit::init

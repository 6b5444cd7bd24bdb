// What services leave behind, and services that go into the background.
#include <errno.h>

#include <algorithm>

#include "base/line.hpp"
#include "init/init.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"

namespace cinit::init {
namespace {

constexpr Duration kLookForPidFile = std::chrono::milliseconds(20);
// A program that puts itself into the background does so in this time, and ends before its child has left its session.
constexpr Duration kTimeToGo = std::chrono::seconds(10);

constexpr std::size_t kMostOfPidFile = 64;  // bytes

// Whether what the service leaves is ended with it, so that it is worth a look. (A oneshot may be run for what it
// leaves.)
bool is_cleared(const core::PlannedService& planned) {
  return planned.role == core::Role::Service && planned.spec.kill_mode != config::KillMode::Process;
}

// Their children have the same name until they call exec(2), and no shell puts itself into the background.
bool is_shell(std::string_view name) {
  constexpr std::string_view kShells[] = {"sh", "ash", "bash", "busybox", "dash", "exe", "ksh", "mksh", "zsh"};
  return std::ranges::find(kShells, name) != std::end(kShells);
}

// "1234\n", as pid files have it; 0: no pid.
pid_t pid_in(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  text = text.substr(0, text.find_first_not_of("0123456789"));
  return os::to_pid(std::string(text).c_str());
}

}  // namespace

// Its zombie is not reaped, and everything that it had started is cinit's child by now. Returns the names of those that
// are the program that has ended.
std::string Init::tell_of_leftovers(core::ServiceId service, const os::ChildChange& change) {
  const core::PlannedService& planned = plan_[service];
  if (!is_cleared(planned)) return {};
  leftovers_.look(os::now());
  if (!leftovers_.has(service)) return {};
  std::vector<os::Process> left = leftovers_.of(service);
  os::Process main;
  population_.processes().read(change.pid, main);
  const pid_t group = children_.of(service).group;
  const bool is_young = os::now() - supervisor_.status(service).since < kTimeToGo;
  std::vector<os::Process> same = left;
  std::erase_if(same, [&](const os::Process& process) {
    const bool may_still_leave = is_young && process.group == group;
    return std::string_view(process.name) != main.name || (process.session == group && !may_still_leave);
  });
  const bool is_simple = planned.spec.type == config::ServiceType::Simple;
  if (is_simple && !same.empty() && !is_shell(main.name) && change.status == WaitStatus::exited(0))
    return names_of(same);
  std::erase_if(left, [group](const os::Process& process) { return process.group == group; });
  if (left.empty()) return {};
  if (planned.spec.type == config::ServiceType::Oneshot && change.status == WaitStatus::exited(0)) return {};
  log_.write_some("", {config::LogLevel::Info, display_name(plan_, service), "left",
                       "left " + names_of(left) + " running in the background, which is ended, too"});
  return {};
}

// Those that are in sessions of their own hear what its process group hears.
void Init::signal_leftovers(core::ServiceId service, Signal signal) {
  const core::PlannedService& planned = plan_[service];
  if (planned.role != core::Role::Service || signal == kContinue) return;
  // When its main process has just ended, tell_of_leftovers() has looked.
  if (children_.started(children_.of(service).main)) leftovers_.look(os::now());
  leftovers_.send(service, signal.number);
}

// False: it has to be looked again.
bool Init::has_left_nothing(core::ServiceId service, bool looked) const {
  if (plan_[service].role != core::Role::Service) return true;
  return looked && !leftovers_.has(service);
}

// ---- type = "forking"

// The first process of the service has ended as it should, or one of those that it has left has, and others go on.
bool Init::goes_on_in_background(core::ServiceId service, const os::ChildChange& change) {
  if (plan_[service].spec.type != config::ServiceType::Forking) return false;
  const core::StateKind state = core::kind_of(supervisor_.status(service).state);
  const bool is_up =
      state == core::StateKind::Starting || state == core::StateKind::PostStart || state == core::StateKind::Running;
  const bool was_to_end = is_up && change.status == WaitStatus::exited(0);
  const bool is_one_of_many = children_.of(service).is_one_of_many;
  if (!was_to_end && !is_one_of_many) return false;
  leftovers_.look(os::now(), true);
  const std::vector<os::Process> left = leftovers_.of(service);
  if (left.empty()) return false;
  const bool searches = plan_[service].spec.pid_file && is_up && !is_one_of_many;
  make_main(service, left.front(), left.size() > 1 || searches || pid_files_.contains(service));
  os::release(change.pid);
  leftovers_.forget(change.pid);
  if (searches) {
    pid_files_.insert_or_assign(service, PidFile{});
    look_for_pid_files();
  } else if (!is_one_of_many) {
    say_where_it_goes_on(service, left);
  }
  return true;
}

void Init::make_main(core::ServiceId service, const os::Process& process, bool is_one_of_many) {
  children_.main_ended(service);
  children_.add_main(service, process.pid, process.group);
  children_.mark_as_one_of_many(service, is_one_of_many);
}

void Init::say_where_it_goes_on(core::ServiceId service, const std::vector<os::Process>& processes) {
  const std::string name = display_name(plan_, service);
  log_.write({config::LogLevel::Info, name, "background", "goes on in the background: " + names_of(processes)});
  tell(core::Forked{service});
}

// Nothing tells when the file is written, or that it was there too early.
Time Init::next_look_for_pid_file() const {
  Time next = kNever;
  for (const auto& [service, file] : pid_files_) next = std::min(next, file.look_at);
  return next;
}

void Init::look_for_pid_files() {
  const Time now = os::now();
  std::vector<core::ServiceId> over;
  for (auto& [service, file] : pid_files_) {
    const bool is_searched = core::kind_of(supervisor_.status(service).state) == core::StateKind::Starting;
    if (!is_searched) over.push_back(service);
    if (!is_searched || now < file.look_at) continue;
    file.look_at = later(now, kLookForPidFile);
    if (const auto text = read_pid_file(service, file); text && take_pid(service, pid_in(*text)))
      over.push_back(service);
  }
  for (const core::ServiceId service : over) {
    pid_files_.erase(service);
    os::Process main;
    if (core::kind_of(supervisor_.status(service).state) != core::StateKind::Starting) continue;
    if (population_.processes().read(children_.of(service).main, main)) say_where_it_goes_on(service, {main});
  }
}

// std::nullopt: it is not there, or being read. In a place where another user may change names a process of its own
// reads it.
std::optional<std::string> Init::read_pid_file(core::ServiceId service, PidFile& file) {
  if (!file.work) {
    const Result<os::Place> place = os::find_place(*plan_[service].spec.pid_file);
    if (!place) return std::nullopt;
    if (place->trusted) {
      const Result<std::string> text = os::read_file(place->open(O_RDONLY), kMostOfPidFile);
      return text ? std::optional(*text) : std::nullopt;
    }
    file.work.emplace(os::FileTask{os::FileTask::What::Read, place->directory.get(), place->name, 1, kMostOfPidFile,
                                   launcher_.user_of(service)});
  }
  const auto answer = file.work->take();
  if (!answer) return std::nullopt;
  std::optional<std::string> text;
  if (*answer) text = (**answer).content;
  file.work.reset();
  return text;
}

// Whether that is a process of the service: one that is left, or one below. Of what is no child of cinit its parent,
// which is one, tells how it ends.
bool Init::take_pid(core::ServiceId service, pid_t pid) {
  if (pid <= 0) return false;
  leftovers_.look(os::now());
  std::vector<os::Process> left = leftovers_.of(service);
  os::Process main;
  if (population_.processes().read(children_.of(service).main, main) && !main.ended()) left.push_back(main);
  os::Process named;
  if (!population_.processes().read(pid, named) || named.ended()) return false;
  for (const os::Process& process : left) {
    const bool is_it = process.pid == pid;
    if (!is_it && !population_.processes().any_ancestor(named, [&](pid_t up) { return up == process.pid; })) continue;
    make_main(service, process, false);
    return true;
  }
  return false;
}

}  // namespace cinit::init

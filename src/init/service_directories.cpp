#include "init/service_directories.hpp"

#include <errno.h>
#include <string.h>

#include <algorithm>

#include "init/poll_sources.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"

namespace cinit::init {
namespace {

using What = core::Requested::What;
using Suite = config::ServiceDirectory::Suite;

// Who makes a directory is given this long to fill it, and a service that was told to exit is seen to be gone.
constexpr Duration kRescanDelay = std::chrono::seconds(1);
// How often to look for a directory of service directories that is gone: as often as runsvdir(8) does.
constexpr Duration kLookForIt = std::chrono::seconds(5);

// Letters of supervise/control that stand for a signal: sv(8), s6-svc(8). The script of that letter may be run instead.
struct SignalLetter {
  char letter;
  int signal;
};
constexpr SignalLetter kSignalLetters[] = {{'t', SIGTERM}, {'k', SIGKILL}, {'p', SIGSTOP}, {'c', SIGCONT},
                                           {'h', SIGHUP},  {'a', SIGALRM}, {'i', SIGINT},  {'q', SIGQUIT},
                                           {'1', SIGUSR1}, {'2', SIGUSR2}, {'b', SIGABRT}, {'y', SIGWINCH}};

}  // namespace

ServiceDirectories::ServiceDirectories(core::Plan& plan, const Parts& parts)
    : plan_(plan),
      loop_(parts.loop),
      supervisor_(parts.supervisor),
      trees_(parts.trees),
      children_(parts.children),
      poller_(parts.poller),
      log_(parts.log),
      scripts_(plan, parts.launcher, parts.starts, parts.children),
      retirement_(plan, supervisor_),
      supervise_(plan, poller_, token_base(Source::Supervise), log_) {
  for (const config::Problem& problem : parts.told_problems) told_problems_.insert(to_string(problem));
}

void ServiceDirectories::warn(const std::string& message) {
  log_.write({config::LogLevel::Warning, "", "supervise", message});
}

void ServiceDirectories::rescan_in(Duration time) { rescan_at_ = std::min(rescan_at_, later(os::now(), time)); }

void ServiceDirectories::open(core::ServiceId service) {
  supervise_.open(service);
  take_working_directory(service);
}

// Its next processes start where they find its state.
void ServiceDirectories::take_working_directory(core::ServiceId service) {
  config::Service& spec = plan_.services[core::index_of(service)].spec;
  const std::string& elsewhere = supervise_.working_directory(service);
  spec.working_dir = elsewhere.empty() ? spec.directory->path : elsewhere;
}

void ServiceDirectories::open_all() {
  are_open_ = true;
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    const auto id = static_cast<core::ServiceId>(i);
    if (plan_[id].spec.directory && !plan_[id].retired) open(id);
  }
  if (!trees_.s6.empty()) supervise_.open_scan_control(token_base(Source::ScanControl));
  watch_trees();
}

void ServiceDirectories::hear(std::uint64_t token) {
  switch (source_of(token)) {
    case Source::Supervise: asked_.insert(service_of(token)); return;
    case Source::ScanControl: scan_is_asked_ = true; return;
    default: watch_->drain(); return rescan_in(kRescanDelay);
  }
}

// Again after each change, because it may be another directory by then. Where changes cannot be told, they are looked
// for.
void ServiceDirectories::watch_trees() {
  const std::vector<std::string> readable = trees_.readable();
  const bool is_complete = readable.size() == trees_.watched().size();
  if (trees_.are_awaited && !is_complete) rescan_in(kLookForIt);
  if (readable.empty()) return;
  read_before_.insert(readable.begin(), readable.end());
  const std::optional<Error> error = watch(readable);
  if (!error) {
    told_of_late_changes_ = false;
    return;
  }
  rescan_in(kLookForIt);
  if (std::exchange(told_of_late_changes_, true)) return;
  warn("services that are added, or taken out, are noticed only every 5 s: " + error->message);
}

std::optional<Error> ServiceDirectories::watch(std::span<const std::string> directories) {
  if (!watch_) {
    Result<os::DirectoryWatch> opened = os::DirectoryWatch::open();
    if (!opened) return opened.error();
    watch_.emplace(*std::move(opened));
  }
  if (!watch_is_heard_) watch_is_heard_ = poller_.add(watch_->fd(), token_base(Source::Directories));
  if (!watch_is_heard_) return poller_.error();
  return watch_->watch(directories);
}

void ServiceDirectories::obey() {
  if (supervise_.next_look() <= os::now()) {
    asked_.merge(supervise_.look(os::now()));
    scan_is_asked_ = true;
  }
  std::erase_if(muted_, [this](core::ServiceId service) {
    if (scripts_.is_busy(service)) return false;
    supervise_.listen(service, true);
    return true;
  });
  for (const core::ServiceId service : std::exchange(asked_, {})) {
    if (scripts_.is_busy(service)) {
      supervise_.listen(service, false);
      muted_.insert(service);
      continue;
    }
    const std::string letters = supervise_.read_commands(service);
    loop_.take_in_starts();
    for (const char letter : letters) {
      take_letter(service, letter);
    }
  }
  if (!std::exchange(scan_is_asked_, false)) return;
  for (const char letter : supervise_.read_scan_commands()) take_scan_letter(letter);
}

void ServiceDirectories::take_letter(core::ServiceId service, char letter) {
  if (plan_[service].spec.directory->suite == Suite::S6 && take_s6_letter(service, letter)) return;
  switch (letter) {
    case 'u': return loop_.tell(core::Requested{service, What::Start});
    case 'd': return loop_.tell(core::Requested{service, What::Stop});
    case 'o': return loop_.tell(core::Requested{service, What::Once});
    case 'x': return exit(service);
    default: break;
  }
  const auto* const found = std::ranges::find(kSignalLetters, letter, &SignalLetter::letter);
  if (found == std::end(kSignalLetters) || children_.of(service).main == 0) return;
  scripts_.deliver(service, {letter, found->signal});
  supervise_.mark(service);
}

// What s6-svc(8) has beyond sv(8), or means by the same letter. False: it is none of that.
bool ServiceDirectories::take_s6_letter(core::ServiceId service, char letter) {
  switch (letter) {
    case 'U':
    case 'D':
      note_down(service, letter == 'D');
      take_letter(service, letter == 'D' ? 'd' : 'u');
      return true;
    case 'O':
    case 'Q':
      if (letter == 'Q') note_down(service, true);
      loop_.tell(core::Requested{service, children_.of(service).main != 0 ? What::Once : What::Stop});
      return true;
    case 'r': scripts_.deliver(service, {'\0', plan_[service].spec.stop_signal.number}); return true;
    case 'x': return retirement_.exit_when_down(service);
    case 'd':
      if (!retirement_.exits_when_down(service)) return false;
      exit(service);
      return true;
    default: return false;
  }
}

// For the next supervisor of the service: it is not to be started by itself.
void ServiceDirectories::note_down(core::ServiceId service, bool is_down) {
  const std::string path = plan_[service].spec.directory->path + "/down";
  const int error = is_down ? os::create_file(path, "", 0644) : os::remove_file(path);
  if (error == 0 || error == (is_down ? EEXIST : ENOENT)) return;
  const std::string what = is_down ? " cannot be made: " : " cannot be removed: ";
  const std::string message = path + what + strerror(error);
  log_.write({config::LogLevel::Warning, display_name(plan_, service), "supervise", message});
}

// s6-svscanctl(8): scripts end the container by it. How much mercy there is to be makes no difference: cinit knows how
// to stop. -z asks for what is always done.
void ServiceDirectories::take_scan_letter(char letter) {
  constexpr std::string_view kStops = "tqib";
  constexpr std::string_view kRescans = "ahnN";
  if (kRescans.find(letter) != std::string_view::npos) loop_.rescan();
  if (kStops.find(letter) != std::string_view::npos && !supervisor_.is_stopping()) {
    loop_.tell(core::SignalReceived{kTerminate, core::SignalOrigin::Inside});
  }
}

void ServiceDirectories::exit(core::ServiceId service) {
  const std::optional<core::Event> event = retirement_.exit(service);
  if (!event) return;
  loop_.tell(*event);
  retirement_.told(service);
  supervise_.mark(service);
}

// A stop of the service, of which the scripts may want to know: runsv(8) runs d, or x when it exits itself, after t.
void ServiceDirectories::deliver_stop(core::ServiceId service, int signal) {
  // The stop of everything does not wait for a script that hangs.
  if (supervisor_.is_stopping()) scripts_.give_up(service);
  scripts_.deliver(service, {'t', signal});
  scripts_.deliver(service, {'\0', SIGCONT});
  scripts_.deliver(service, {plan_[service].retired || supervisor_.is_stopping() ? 'x' : 'd', 0});
}

void ServiceDirectories::script_ended(core::ServiceId service, WaitStatus status) {
  scripts_.script_ended(service, status);
  go_on_without_script(service);
}

void ServiceDirectories::script_failed(core::ServiceId service) {
  scripts_.script_failed(service);
  go_on_without_script(service);
}

void ServiceDirectories::main_ended(core::ServiceId service, WaitStatus status) {
  scripts_.main_ended(service);
  supervise_.add_death(service, status);
}

void ServiceDirectories::task_ended(core::ServiceId service, WaitStatus status) {
  constexpr int kPermanentFailure = 125;
  if (plan_[service].spec.directory && status == WaitStatus::exited(kPermanentFailure)) supervise_.gave_up(service);
}

bool ServiceDirectories::deliver(const core::SendSignal& signal) {
  const bool to_group = signal.target == core::SendSignal::Target::Group;
  const config::Service& spec = plan_[signal.service].spec;
  if (!spec.directory) return false;
  if (signal.signal == kKill) scripts_.give_up(signal.service);
  if (to_group || signal.signal != spec.stop_signal) return false;
  deliver_stop(signal.service, signal.signal.number);
  return true;
}

bool ServiceDirectories::holds_back(const core::RunTask& task) {
  if (!scripts_.is_busy(task.service)) return false;
  held_back_.insert_or_assign(task.service, task);
  return true;
}

bool ServiceDirectories::is_missing_script(const core::RunTask& task) const {
  const config::Service& spec = plan_[task.service].spec;
  if (!spec.directory) return false;
  const bool is_first = task.task == core::Task::PreStart;
  if (!is_first && task.task != core::Task::PostStop) return false;
  const std::string& script = is_first ? spec.pre_start.front().front() : spec.post_stop.front().front();
  const int error = persist([&] { return os::look_for(spec.directory->path + "/" + script); });
  return error != 0 && !may_pass(error);  // what cannot be looked at may be there
}

void ServiceDirectories::go_on_without_script(core::ServiceId service) {
  supervise_.mark(service);
  if (scripts_.is_busy(service)) return;
  const auto finish = held_back_.extract(service);
  if (finish) loop_.run_task(finish.mapped());
}

void ServiceDirectories::hurry_scripts() {
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    const auto service = static_cast<core::ServiceId>(i);
    if (!scripts_.is_busy(service)) continue;
    scripts_.hurry(service);
    go_on_without_script(service);
  }
}

// ---- Directories that come and go

// A directory that is gone as a whole says nothing about its services: they go on, as with runsvdir(8).
bool ServiceDirectories::are_all_readable() {
  const std::vector<std::string> readable = trees_.readable();
  std::set<std::string> missed;
  for (const std::string& directory : read_before_) {
    if (std::ranges::find(readable, directory) != readable.end()) continue;
    missed.insert(directory);
    if (missed_.contains(directory)) continue;
    warn(directory + " cannot be read any more; its services go on");
  }
  missed_ = std::move(missed);
  return missed_.empty();
}

// Those that were not there the last time. None of them ends anything now: what cannot be read has its default.
void ServiceDirectories::tell_problems(std::vector<config::Problem> problems) {
  std::set<std::string> current;
  for (config::Problem& problem : problems) {
    problem.severity = config::Severity::Warning;
    const std::string& text = *current.insert(to_string(problem)).first;
    if (!told_problems_.contains(text)) warn(text);
  }
  told_problems_ = std::move(current);
}

std::optional<std::vector<config::Service>> ServiceDirectories::read() {
  rescan_at_ = kNever;
  if (supervisor_.is_stopping()) return std::nullopt;
  if (!are_all_readable()) {
    rescan_in(kLookForIt);
    return std::nullopt;
  }
  servicedir::Found found = trees_.read();
  const bool is_certain = !config::may_pass(found.problems);
  tell_problems(std::move(found.problems));
  // What was not found may be there: a service would be stopped for want of a descriptor.
  if (!is_certain) {
    rescan_in(kLookForIt);
    return std::nullopt;
  }
  return std::move(found.services);
}

void ServiceDirectories::grow() {
  scripts_.grow(plan_.services.size());
  supervise_.grow(plan_.services.size());
}

void ServiceDirectories::revised(const core::PlanRevised& revised) {
  for (const core::ServiceId service : revised.removed) supervise_.mark(service);
  for (const core::ServiceId service : revised.renamed) supervise_.mark(service);
  if (!are_open_) return;
  for (const core::ServiceId service : revised.described) open(service);
  watch_trees();
}

void ServiceDirectories::mark(core::ServiceId service) {
  if (plan_[service].spec.directory) supervise_.mark(service);
}

void ServiceDirectories::show() {
  for (const core::ServiceId service : supervise_.take_marked()) {
    // Its end is not over yet for a client that waits for it.
    if (children_.of(service).main == 0 && scripts_.is_busy(service)) continue;
    const SuperviseDirectories::View view{supervisor_.status(service), children_.of(service),
                                          scripts_.is_paused(service), scripts_.got_term(service),
                                          plan_[service].retired};
    supervise_.show(service, view);
    take_working_directory(service);
    close(service);
    for (const core::ServiceId producer : plan_[service].producers) close(producer);
  }
}

// As runsv(8), which goes when its logger has ended, too.
bool ServiceDirectories::is_looked_after(core::ServiceId service) const {
  const auto has_gone = [this](core::ServiceId id) {
    return plan_[id].retired && core::is_final(supervisor_.state(id));
  };
  const auto logger = plan_[service].consumer;
  return !has_gone(service) || (logger && plan_[*logger].retired && !has_gone(*logger));
}

// A client that has asked for the end of a service sees that nothing looks after it any more. Its directory may be
// there again.
void ServiceDirectories::close(core::ServiceId service) {
  if (is_looked_after(service)) return;
  supervise_.close(service);
  rescan_in(kRescanDelay);
}

}  // namespace cinit::init

// Service directories: what sv(8) and s6-svc(8) ask for, and directories that come and go.
#include <errno.h>
#include <string.h>

#include <algorithm>

#include "init/init.hpp"
#include "init/tokens.hpp"
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

void Init::open_directory(core::ServiceId service) {
  directories_.open(service);
  take_working_directory(service);
}

// Its next processes start where they find its state.
void Init::take_working_directory(core::ServiceId service) {
  config::Service& spec = plan_.services[core::index_of(service)].spec;
  const std::string& elsewhere = directories_.working_directory(service);
  spec.working_dir = elsewhere.empty() ? spec.directory->path : elsewhere;
}

void Init::open_directories() {
  if (std::exchange(directories_are_open_, true)) return;
  for (const Narration& narration : words_->about_begin_of_services()) write(narration);
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    const auto id = static_cast<core::ServiceId>(i);
    if (plan_[id].spec.directory && !plan_[id].retired) open_directory(id);
  }
  if (!trees_.s6.empty()) directories_.open_scan_control(token_base(Source::ScanControl));
  watch_directories();
}

// Again after each change, because it may be another directory by then. Where changes cannot be told, they are looked for.
void Init::watch_directories() {
  const std::vector<std::string> readable = trees_.readable();
  const bool is_complete = readable.size() == trees_.watched().size();
  if (trees_.are_awaited && !is_complete) rescan_at_ = std::min(rescan_at_, later(os::now(), kLookForIt));
  if (readable.empty()) return;
  read_before_.insert(readable.begin(), readable.end());
  const std::optional<Error> error = watch(readable);
  if (!error) {
    told_of_late_changes_ = false;
    return;
  }
  rescan_at_ = std::min(rescan_at_, later(os::now(), kLookForIt));
  if (std::exchange(told_of_late_changes_, true)) return;
  const std::string message = "services that are added, or taken out, are noticed only every 5 s: " + error->message;
  log_.write({config::LogLevel::Warning, "", "supervise", message});
}

std::optional<Error> Init::watch(std::span<const std::string> directories) {
  if (!watch_) {
    Result<os::DirectoryWatch> opened = os::DirectoryWatch::open();
    if (!opened) return opened.error();
    watch_.emplace(*std::move(opened));
  }
  if (!watch_is_heard_) watch_is_heard_ = poller_.add(watch_->fd(), token_base(Source::Directories));
  if (!watch_is_heard_) return poller_.error();
  return watch_->watch(directories);
}

// Whoever asks for more while a script runs waits for its end, as with runsv(8).
void Init::obey_directories() {
  if (directories_.next_look() <= os::now()) {
    asked_.merge(directories_.look(os::now()));
    asked_for_all_ = true;
  }
  std::erase_if(deaf_, [this](core::ServiceId service) {
    if (scripts_.is_busy(service)) return false;
    directories_.listen(service, true);
    return true;
  });
  for (const core::ServiceId service : std::exchange(asked_, {})) {
    if (scripts_.is_busy(service)) {
      directories_.listen(service, false);
      deaf_.insert(service);
      continue;
    }
    const std::string letters = directories_.read_commands(service);
    take_in_starts();
    for (const char letter : letters) {
      take_letter(service, letter);
    }
  }
  if (!std::exchange(asked_for_all_, false)) return;
  for (const char letter : directories_.read_scan_commands()) take_scan_letter(letter);
}

void Init::take_letter(core::ServiceId service, char letter) {
  if (plan_[service].spec.directory->suite == Suite::S6 && take_s6_letter(service, letter)) return;
  switch (letter) {
    case 'u': return tell(core::Requested{service, What::Start});
    case 'd': return tell(core::Requested{service, What::Stop});
    case 'o': return tell(core::Requested{service, What::Once});
    case 'x': return exit_directory(service);
    default: break;
  }
  const auto* const found = std::ranges::find(kSignalLetters, letter, &SignalLetter::letter);
  if (found == std::end(kSignalLetters) || children_.of(service).main == 0) return;
  scripts_.deliver(service, {letter, found->signal});
  directories_.mark(service);
}

// What s6-svc(8) has beyond sv(8), or means by the same letter. False: it is none of that.
bool Init::take_s6_letter(core::ServiceId service, char letter) {
  switch (letter) {
    case 'U':
    case 'D':
      note_down(service, letter == 'D');
      take_letter(service, letter == 'D' ? 'd' : 'u');
      return true;
    case 'O':
    case 'Q':
      if (letter == 'Q') note_down(service, true);
      tell(core::Requested{service, children_.of(service).main != 0 ? What::Once : What::Stop});
      return true;
    case 'r': scripts_.deliver(service, {'\0', plan_[service].spec.stop_signal.number}); return true;
    case 'x': return exit_later(service);
    case 'd':
      if (leaving_.erase(service) == 0) return false;
      exit_directory(service);
      return true;
    default: return false;
  }
}

// s6-supervise(8) ends when its service has ended the next time, and does nothing about that. s6-svscan(8) starts another one
// then, as cinit starts the service again. False: it is ending already. A logger goes with its service.
bool Init::exit_later(core::ServiceId service) {
  if (!plan_[service].producers.empty()) return true;
  const core::State& state = supervisor_.state(service);
  const bool is_ending =
      std::holds_alternative<core::state::Stopping>(state) || std::holds_alternative<core::state::Killing>(state);
  if (children_.of(service).main == 0 || is_ending) return false;
  leaving_.insert(service);
  return true;
}

// For whoever looks after the service next.
void Init::note_down(core::ServiceId service, bool is_down) {
  const std::string path = plan_[service].spec.directory->path + "/down";
  const int error = is_down ? os::create_file(path, "", 0644) : os::remove_file(path);
  if (error == 0 || error == (is_down ? EEXIST : ENOENT)) return;
  const std::string what = is_down ? " cannot be made: " : " cannot be removed: ";
  const std::string message = path + what + strerror(error);
  log_.write({config::LogLevel::Warning, display_name(plan_, service), "supervise", message});
}

// s6-svscanctl(8): scripts end the container by it. How much mercy there is to be makes no difference: cinit knows how to
// stop. -z asks for what is always done.
void Init::take_scan_letter(char letter) {
  constexpr std::string_view kStops = "tqib";
  constexpr std::string_view kRescans = "ahnN";
  if (kRescans.find(letter) != std::string_view::npos) rescan();
  if (kStops.find(letter) != std::string_view::npos && !supervisor_.is_stopping()) {
    tell(core::SignalReceived{kTerminate, core::SignalOrigin::Inside});
  }
}

// As if its directory were gone for a moment: runsv(8) exits, and runsvdir(8) starts another. A logger has no runsv of its
// own. Services of s6-rc stay down when that is over.
void Init::exit_directory(core::ServiceId service) {
  if (plan_[service].retired || !plan_[service].producers.empty()) return;
  if (!plan_[service].spec.directory->is_scanned) return tell(core::Requested{service, What::Stop});
  if (supervisor_.is_stopping()) return exit_in_stop(service);
  core::PlanRevised revised;
  plan_.services[core::index_of(service)].retired = true;
  revised.removed.push_back(service);
  if (const auto logger = plan_[service].consumer) {
    plan_.services[core::index_of(*logger)].retired = true;
    revised.removed.push_back(*logger);
  }
  tell(revised);
  directories_.mark(service);
}

// The plan does not change any more, and its logger ends in its turn: cinit looks after it no more once it is down.
void Init::exit_in_stop(core::ServiceId service) {
  tell(core::Requested{service, What::Stop});
  plan_.services[core::index_of(service)].retired = true;
  directories_.mark(service);
}

// A stop of the service, of which the scripts may want to know: runsv(8) runs d, or x when it exits itself, after t.
void Init::deliver_stop(core::ServiceId service, int signal) {
  // The stop of everything does not wait for a script that hangs.
  if (supervisor_.is_stopping()) scripts_.give_up(service);
  scripts_.deliver(service, {'t', signal});
  scripts_.deliver(service, {'\0', SIGCONT});
  scripts_.deliver(service, {plan_[service].retired || supervisor_.is_stopping() ? 'x' : 'd', 0});
}

void Init::script_ended(core::ServiceId service, WaitStatus status) {
  scripts_.script_ended(service, status);
  go_on_without_script(service);
  tell_answers();
}

void Init::go_on_without_script(core::ServiceId service) {
  directories_.mark(service);
  if (scripts_.is_busy(service)) return;
  const auto finish = held_back_.extract(service);
  if (finish) carry_out(finish.mapped());
}

// Time is short: no service waits for a script that hangs.
void Init::hurry_scripts() {
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    const auto service = static_cast<core::ServiceId>(i);
    if (!scripts_.is_busy(service)) continue;
    scripts_.hurry(service);
    go_on_without_script(service);
  }
}

// ---- Directories that come and go

void Init::directories_changed() {
  watch_->drain();
  rescan_at_ = std::min(rescan_at_, later(os::now(), kRescanDelay));
}

// A directory that is gone as a whole says nothing about its services: they go on, as with runsvdir(8).
bool Init::are_all_readable() {
  const std::vector<std::string> readable = trees_.readable();
  std::set<std::string> missed;
  for (const std::string& directory : read_before_) {
    if (std::ranges::find(readable, directory) != readable.end()) continue;
    missed.insert(directory);
    if (missed_.contains(directory)) continue;
    const std::string message = directory + " cannot be read any more; its services go on";
    log_.write({config::LogLevel::Warning, "", "supervise", message});
  }
  missed_ = std::move(missed);
  return missed_.empty();
}

void Init::rescan() {
  revise_plan();
  tell_answers();
}

// Those that were not there the last time. None of them ends anything now: what cannot be read has its default.
void Init::tell_problems(std::vector<config::Problem> problems) {
  std::set<std::string> current;
  for (config::Problem& problem : problems) {
    problem.severity = config::Severity::Warning;
    const std::string& text = *current.insert(to_string(problem)).first;
    if (!told_problems_.contains(text)) log_.write({config::LogLevel::Warning, "", "supervise", text});
  }
  told_problems_ = std::move(current);
}

// Everything that counts services has to hear of it before the supervisor does. What the supervisor answers is carried out
// before anything else is told.
void Init::revise_plan() {
  rescan_at_ = kNever;
  if (supervisor_.is_stopping()) return;
  if (!are_all_readable()) {
    rescan_at_ = later(os::now(), kLookForIt);
    return;
  }
  servicedir::Found found = trees_.read();
  const bool is_certain = !config::may_pass(found.problems);
  tell_problems(std::move(found.problems));
  // What was not found may be there: a service would be stopped for want of a descriptor.
  if (!is_certain) {
    rescan_at_ = later(os::now(), kLookForIt);
    return;
  }
  std::vector<std::string> names;
  for (const core::PlannedService& service : plan_.services) names.push_back(service.spec.name);
  const core::PlanRevised revised = core::revise(plan_, supervisor_, defaults_, found.services);
  children_.grow(plan_.services.size());
  scripts_.grow(plan_.services.size());
  directories_.grow(plan_.services.size());
  listener_.plan_revised();
  for (const core::ServiceId service : revised.described) {
    const std::size_t place = core::index_of(service);
    if (place < names.size() && names[place] != plan_[service].spec.name) control_.service_gone(service);
    listener_.relay().forget(static_cast<output::Service>(core::index_of(service)));
  }
  carry_out(supervisor_.handle(revised, os::now()));
  for (const core::ServiceId service : revised.removed) directories_.mark(service);
  for (const core::ServiceId service : revised.renamed) directories_.mark(service);
  if (!directories_are_open_) return;
  for (const core::ServiceId service : revised.described) open_directory(service);
  watch_directories();
}

// Its state, or what is wanted of it, has changed.
void Init::show_later(core::ServiceId service) {
  if (plan_[service].spec.directory) directories_.mark(service);
}

void Init::show_directories() {
  for (const core::ServiceId service : directories_.take_marked()) {
    // Its end is not over yet for whoever waits for that.
    if (children_.of(service).main == 0 && scripts_.is_busy(service)) continue;
    const ServiceDirectories::View view{supervisor_.status(service), children_.of(service), scripts_.is_paused(service),
                                        scripts_.got_term(service), plan_[service].retired};
    directories_.show(service, view);
    take_working_directory(service);
    close_directory(service);
    for (const core::ServiceId producer : plan_[service].producers) close_directory(producer);
  }
}

// As runsv(8), which goes when its logger has ended, too.
bool Init::is_looked_after(core::ServiceId service) const {
  const auto has_gone = [this](core::ServiceId id) {
    return plan_[id].retired && core::is_final(supervisor_.state(id));
  };
  const auto logger = plan_[service].consumer;
  return !has_gone(service) || (logger && plan_[*logger].retired && !has_gone(*logger));
}

// Whoever has asked for the end of a service sees that nobody looks after it any more. Its directory may be there again.
void Init::close_directory(core::ServiceId service) {
  if (is_looked_after(service)) return;
  directories_.close(service);
  rescan_at_ = std::min(rescan_at_, later(os::now(), kRescanDelay));
}

}  // namespace cinit::init

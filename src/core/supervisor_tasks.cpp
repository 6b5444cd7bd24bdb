// The part of the supervisor that is about the commands that run beside a main process: before and after a start and a stop.
#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {

std::size_t Supervisor::count_of(const Service& service, Task task) {
  const config::Service& spec = service.plan->spec;
  switch (task) {
    case Task::PreStart: return spec.pre_start.size();
    case Task::PostStart: return spec.post_start.size();
    case Task::PreStop: return spec.pre_stop.size();
    case Task::PostStop: return spec.post_stop.size();
    case Task::Undo: return spec.undo ? 1 : 0;
    case Task::StopCommand: break;
  }
  return spec.stop_command ? 1 : 0;
}

void Supervisor::run_task(Service& service, Task task, std::size_t index) {
  service.task = task;
  service.task_index = index;
  actions_.push_back(RunTask{service.id, task, index, ++service.task_number, service.end_of_attempt});
}

void Supervisor::end_task(Service& service) {
  if (!service.task) return;
  service.task.reset();
  actions_.push_back(EndTask{service.id});
}

void Supervisor::on(const TaskEnded& event) {
  Service& service = at(event.service);
  if (!service.task || event.number != service.task_number) return;
  const Task task = *std::exchange(service.task, std::nullopt);
  const bool skips = skips_commands(service);
  if (!event.succeeded()) {
    const auto* failure = std::get_if<StartFailure>(&event.result);
    const bool is_start_put_off = failure && failure->transient && task == Task::PreStart;
    const bool has_not_begun = service.task_index == 0;
    if (is_start_put_off && (has_not_begun || !skips)) return postpone(service, *failure, !has_not_begun);
    const bool is_news = !is_told_to_end(service) && (!is_script(service) || failure);
    if (is_news) announce(notice::TaskFailed{service.id, task, service.task_index, event.result});
    if (!skips && task_failed(service, task, event)) return;
  }
  if (task == Task::PostStop && gives_up(service, event)) return give_up(service);
  const std::size_t next = service.task_index + 1;
  if (next < count_of(service, task) && !skips) return run_task(service, task, next);
  tasks_done(service, task);
}

// The commands of a service directory are scripts at whose exit code nobody looks.
bool Supervisor::is_script(const Service& service) { return service.plan->spec.directory.has_value(); }

// s6-supervise(8): with 125 a ./finish says that its service is not to be started again.
bool Supervisor::gives_up(const Service& service, const TaskEnded& event) {
  constexpr int kPermanentFailure = 125;
  const auto& directory = service.plan->spec.directory;
  const auto* status = std::get_if<WaitStatus>(&event.result);
  if (!directory || directory->suite != config::ServiceDirectory::Suite::S6 || !status) return false;
  const auto* post_stop = std::get_if<state::PostStop>(&service.state);
  return *status == WaitStatus::exited(kPermanentFailure) && post_stop->ending == Ending::Restart &&
         service.wanted == Wanted::Up && !service.restart_asked;
}

void Supervisor::give_up(Service& service) {
  announce(notice::GivenUp{service.id});
  service.wanted = Wanted::Down;
  enter(service, state::Failed{});
  ended_for_good(service, Ending::Failed);
}

// Whether its command was told to end: then what that says is no news.
bool Supervisor::is_told_to_end(const Service& service) const {
  const auto* pre_start = std::get_if<state::PreStart>(&service.state);
  return pre_start ? pre_start->asked : std::holds_alternative<state::PostStop>(service.state) && hurries();
}

// Whether the command that has ended is the last one, for it is to be stopped, or somebody urges.
bool Supervisor::skips_commands(const Service& service) const {
  const bool comes_up =
      std::holds_alternative<state::PreStart>(service.state) || std::holds_alternative<state::PostStart>(service.state);
  return is_told_to_end(service) || (comes_up && service.wanted == Wanted::Down);
}

// Takes the consequences of a failure. False: there are none, what comes next comes next.
bool Supervisor::task_failed(Service& service, Task task, const TaskEnded& event) {
  if (is_script(service)) return false;
  switch (task) {
    case Task::PreStart:
      attempt_failed(service, std::visit(Overloaded{
                                             [](WaitStatus status) { return status.shell_code(); },
                                             [](const StartFailure& failure) { return failure.exit_code(); },
                                         },
                                         event.result));
      return true;
    case Task::PostStart: stop_condemned(service); return true;
    // The signal does what the command could not.
    case Task::StopCommand: signal_instead(service); return false;
    case Task::PreStop:
    case Task::PostStop:
    case Task::Undo: break;
  }
  return false;
}

void Supervisor::signal_instead(Service& service) {
  const auto* stopping = std::get_if<state::Stopping>(&service.state);
  if (stopping) send_stop_signal(service, service.plan->spec.stop_signal, stop_target(service), stopping->kill_at);
}

// The last of them has ended.
void Supervisor::tasks_done(Service& service, Task task) {
  const State state = service.state;
  switch (task) {
    case Task::PreStart: return skips_commands(service) ? attempt_failed(service) : launch(service);
    case Task::PostStart: return is_up(service);
    case Task::PreStop: return ask_to_end(service, std::get_if<state::PreStop>(&state)->kill_at);
    case Task::StopCommand: {
      const auto* clearing = std::get_if<state::Clearing>(&state);
      if (clearing && clearing->emptied) clearing_is_over(service, *clearing);
      return;
    }
    case Task::PostStop:
    case Task::Undo: {
      const auto* post_stop = std::get_if<state::PostStop>(&state);
      return take_ending(service, post_stop->ending, post_stop->retry_at);
    }
  }
}

// An attempt to start it has ended before there was a main process. Without a code it has taken too long, or was not to go on.
void Supervisor::attempt_failed(Service& service, std::optional<int> code) {
  std::optional<notice::Restart> restart;
  const auto [ending, retry_at] = verdict(service, false, restart);
  if (code || restart || ending == Ending::Failed) service.code = code.value_or(exit_code::kBootFailed);
  if (restart) announce(notice::Restarting{service.id, *restart});
  if (ending == Ending::Failed) {
    announce_failure(service);
    service.wanted = Wanted::Down;
  }
  conclude(service, ending, retry_at, kill_time(service));
  if (ending == Ending::Failed) ended_for_good(service, ending);
}

void Supervisor::ask_pre_start_to_end(Service& service) {
  const auto* pre_start = std::get_if<state::PreStart>(&service.state);
  if (pre_start->asked) return;
  actions_.push_back(SignalTask{service.id, kTerminate});
  actions_.push_back(SignalTask{service.id, kContinue});
  enter(service, state::PreStart{pre_start->since, kill_time(service), true});
}

void Supervisor::pre_start_overdue(Service& service, state::PreStart pre_start) {
  announce(notice::TaskTimedOut{service.id, Task::PreStart, now_ - pre_start.since});
  if (!pre_start.asked) return ask_pre_start_to_end(service);
  end_task(service);
  attempt_failed(service);
}

void Supervisor::pre_stop_overdue(Service& service, state::PreStop pre_stop) {
  announce(notice::TaskTimedOut{service.id, Task::PreStop, now_ - pre_stop.since});
  end_task(service);
  ask_to_end(service, pre_stop.kill_at);
}

void Supervisor::post_stop_overdue(Service& service, state::PostStop post_stop) {
  announce(notice::TaskTimedOut{service.id, Task::PostStop, now_ - post_stop.since});
  end_task(service);
  take_ending(service, post_stop.ending, post_stop.retry_at);
}

}  // namespace cinit::core

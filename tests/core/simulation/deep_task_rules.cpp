#include <algorithm>
#include <utility>

#include "simulation/deep_rules.hpp"

namespace cinit::core::simulation {

void DeepRules::see(const entry::TaskBegan& task) {
  Facts& facts = of(task.service);
  if (facts.task) wrong(task.service, "has two commands at once");
  if (hurries()) wrong(task.service, "has a command although somebody urges");
  switch (task.task) {
    case Task::PreStart:
      if (task.index == 0) begin_attempt(task.service);
      if (facts.pre_starts != task.index) wrong(task.service, "has a pre-start command out of turn");
      break;
    case Task::PostStart:
      if (!facts.main || !facts.ready_since || facts.stop_began)
        wrong(task.service, "has post-start too early or late");
      if (facts.post_starts != task.index) wrong(task.service, "has a post-start command out of turn");
      if (stops() || !facts.wanted) wrong(task.service, "has a post-start command when it is to stop");
      break;
    case Task::Down:
      if (!stops() || !facts.done) wrong(task.service, "is undone and has not been done, or is to stay");
      if (std::exchange(facts.undone, true)) wrong(task.service, "is undone twice");
      break;
    case Task::PreStop:
      if (!facts.main || !facts.up_since) wrong(task.service, "has pre-stop commands and was not up");
      if (facts.pre_stops != task.index) wrong(task.service, "has a pre-stop command out of turn");
      begin_stop(task.service);
      break;
    case Task::StopCommand:
      if (!facts.main || (!facts.up_since && spec(task.service).type != config::ServiceType::Oneshot))
        wrong(task.service, "has a stop command and was not up");
      pre_stop_is_over(task.service);
      begin_stop(task.service);
      break;
    case Task::PostStop:
      if (facts.main || clearing_.contains(task.service)) wrong(task.service, "has post-stop commands before its end");
      if (!facts.owes_post_stop || facts.post_stops != task.index) wrong(task.service, "has post-stop out of turn");
      break;
  }
  facts.task = task;
  facts.task_began = now_;
  facts.task_asked = false;
}

void DeepRules::see(const entry::TaskSignalled& sent) {
  Facts& facts = of(sent.service);
  if (!facts.task) return wrong(sent.service, "has a command signalled that does not run");
  const bool is_pre_start = facts.task->task == Task::PreStart;
  const bool may = hurries() || stops() || !facts.wanted || facts.restart_due || now_ >= facts.give_up_at;
  if (!may || (!is_pre_start && !hurries())) wrong(sent.service, "has a command signalled for no reason");
  facts.task_asked = true;
  facts.condemned = facts.condemned || (is_pre_start && is_late(sent.service) && !facts.restart_due);
  if (is_pre_start) begin_stop(sent.service);
}

void DeepRules::see(const entry::TaskGivenUp& given_up) {
  Facts& facts = of(given_up.service);
  if (!facts.task) return wrong(given_up.service, "has a command ended that does not run");
  const Task task = std::exchange(facts.task, std::nullopt)->task;
  if (task == Task::PreStart && !killed_by_now() && now_ < kill_time(given_up.service)) {
    wrong(given_up.service, "has its pre-start command killed too early");
  }
  if (task == Task::PreStart) attempt_ends(given_up.service, true);
  if (task == Task::PreStart && facts.condemned && facts.wanted && !stops()) facts.code = 1;
  if (task == Task::PreStop) facts.pre_stop_cut = facts.stop_began && now_ >= pre_stop_end(given_up.service);
  if (task == Task::PostStop) facts.owes_post_stop = false;
}

Time DeepRules::pre_stop_end(ServiceId id) {
  const Facts& facts = of(id);
  Time end = kill_time(id);
  if (!facts.stop_was_own) end = std::min(end, std::max(*facts.stop_began, sweep_time()));
  return *facts.stop_began + (end - *facts.stop_began) / 2;
}

void DeepRules::pre_stop_is_over(ServiceId id) {
  const Facts& facts = of(id);
  if (spec(id).type == config::ServiceType::Oneshot) return;  // it has none: it is never up
  const bool over = facts.pre_stops == spec(id).pre_stop.size() || facts.pre_stop_cut;
  if (!over && !hurries()) wrong(id, "is asked to end before its pre-stop commands were over");
}

void DeepRules::task_ended(const TaskEnded& event) {
  Facts& facts = of(event.service);
  if (!facts.task || facts.task->number != event.number) return;
  const entry::TaskBegan task = *std::exchange(facts.task, std::nullopt);
  switch (task.task) {
    case Task::PreStart: pre_start_ended(event, task); break;
    case Task::PostStart:
      if (event.succeeded()) ++facts.post_starts;
      if (facts.post_starts == spec(event.service).post_start.size() || stops()) up(event.service);
      facts.condemned = !event.succeeded() && !stops();
      break;
    case Task::PreStop: ++facts.pre_stops; break;
    case Task::StopCommand: facts.stop_command_failed = !event.succeeded(); break;
    case Task::Down: break;
    case Task::PostStop:
      if (++facts.post_stops == spec(event.service).post_stop.size() || hurries()) facts.owes_post_stop = false;
      break;
  }
}

void DeepRules::pre_start_ended(const TaskEnded& event, const entry::TaskBegan& task) {
  Facts& facts = of(event.service);
  const auto* failure = as<StartFailure>(event.result);
  const bool is_transient = failure && failure->transient;
  const bool is_cut = !facts.wanted || stops() || facts.task_asked;
  if (event.succeeded()) ++facts.pre_starts;
  if (is_transient && !is_cut) take_back(facts);
  if (event.succeeded() && !is_cut) return;
  attempt_ends(event.service, task.index > 0 || !is_transient);
  if (facts.condemned && facts.wanted && !stops()) facts.code = 1;
  if (is_cut || is_transient) return;
  facts.code = failure ? failure->exit_code() : as<WaitStatus>(event.result)->shell_code();
}

}  // namespace cinit::core::simulation

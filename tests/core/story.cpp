#include "story.hpp"

#include <doctest/doctest.h>

#include "base/overloaded.hpp"

namespace cinit::core {

std::string Story::boot() { return carry_out(supervisor_.boot(now_)); }

std::string Story::happens(const Event& event) { return carry_out(supervisor_.handle(event, now_)); }

std::string Story::exits(const std::string& name, int code) {
  return happens(Exited{id_of(name), WaitStatus::exited(code)});
}

std::string Story::dies(const std::string& name, int signal) {
  return happens(Exited{id_of(name), WaitStatus::signaled(Signal{signal})});
}

std::string Story::group_empties(const std::string& name) { return happens(GroupEmptied{id_of(name)}); }

std::string Story::exits_alone(const std::string& name, int code) {
  const std::string done = exits(name, code);
  return is<state::StoppingRest>(name) ? group_empties(name) : done;
}

std::string Story::signal(int number, SignalOrigin origin) { return happens(SignalReceived{Signal{number}, origin}); }

std::string Story::command_exits(const std::string& name, int code) {
  return happens(TaskEnded{id_of(name), WaitStatus::exited(code), last_command_[id_of(name)]});
}

std::string Story::command_cannot_start(const std::string& name, const StartFailure& failure) {
  return happens(TaskEnded{id_of(name), failure, last_command_[id_of(name)]});
}

std::string Story::late_command_exits(const std::string& name, int code) {
  return happens(TaskEnded{id_of(name), WaitStatus::exited(code), last_command_[id_of(name)] - 1});
}

std::string Story::late_probe_fails(const std::string& name) {
  return happens(ProbeEnded{id_of(name), false, "late", last_probe_[id_of(name)] - 1});
}

std::string Story::stands_still(Duration span) {
  now_ += span;
  return happens(StoodStill{span});
}

std::string Story::probe_passes(const std::string& name) {
  return happens(ProbeEnded{id_of(name), true, "", last_probe_[id_of(name)]});
}

std::string Story::probe_fails(const std::string& name) {
  return happens(ProbeEnded{id_of(name), false, "refused", last_probe_[id_of(name)]});
}

std::string Story::tells_ready(const std::string& name) { return happens(ToldReady{id_of(name)}); }

std::string Story::requests(Requested::What what, const std::string& name) {
  return happens(Requested{id_of(name), what});
}

std::string Story::suspends(int signal) { return happens(MainSuspended{Signal{signal}}); }

std::string Story::nothing_left() { return happens(NothingLeft{}); }

std::string Story::after(Duration span, std::vector<ProbeProgress> probes) {
  const Time then = now_ + span;
  REQUIRE(supervisor_.next_deadline() >= then);
  now_ = then;
  return supervisor_.next_deadline() == then ? happens(DeadlineReached{std::move(probes)}) : "-";
}

std::string Story::at_next_deadline() {
  REQUIRE(supervisor_.next_deadline() != kNever);
  return after(next_deadline());
}

Duration Story::next_deadline() const {
  const Time due = supervisor_.next_deadline();
  return due == kNever ? Duration::max() : due - now_;
}

ServiceId Story::id_of(const std::string& name) const {
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    if (plan_.services[i].spec.name == name) return static_cast<ServiceId>(i);
  }
  FAIL("no service is called ", name);
  return {};
}

ServiceId Story::last_id_of(const std::string& name) const {
  for (std::size_t i = plan_.services.size(); i > 0; --i) {
    if (plan_.services[i - 1].spec.name == name) return static_cast<ServiceId>(i - 1);
  }
  FAIL("no service is called ", name);
  return {};
}

std::string Story::finds(const std::vector<config::Service>& directories) {
  return carry_out(supervisor_.handle(revise(plan_, supervisor_, {}, directories), now_));
}

std::string Story::carry_out(const Actions& actions) {
  done_.clear();
  for (const Action& action : actions) carry_out_one(action);
  while (!answers_.empty()) {
    const Event event = answers_.front();
    answers_.erase(answers_.begin());
    for (const Action& action : supervisor_.handle(event, now_)) carry_out_one(action);
  }
  return line();
}

std::string Story::runs(const std::string& name) { return happens(Spawned{id_of(name)}); }

std::string Story::cannot_start(const std::string& name, StartFailure failure) {
  return happens(SpawnFailed{id_of(name), std::move(failure)});
}

void Story::answer(ServiceId service) {
  if (held_up_.contains(name_of(service))) return;
  const auto refused = refused_.find(name_of(service));
  if (refused == refused_.end()) {
    answers_.push_back(Spawned{service});
  } else {
    answers_.push_back(SpawnFailed{service, refused->second});
  }
}

void Story::carry_out_one(const Action& action) {
  std::visit(Overloaded{
                 [&](const Spawn& spawn) {
                   done_.push_back("spawn " + name_of(spawn.service));
                   answer(spawn.service);
                 },
                 [&](const ForgetGroup& forget) { done_.push_back("forget group of " + name_of(forget.service)); },
                 [&](const CancelSpawn& cancel) { done_.push_back("cancel " + name_of(cancel.service)); },
                 [&](const SendSignal& send) {
                   const bool group = send.target == SendSignal::Target::Group;
                   done_.push_back(to_string(send.signal) + (group ? " group of " : " ") + name_of(send.service));
                 },
                 [&](const CloseInput& close) { done_.push_back("close input of " + name_of(close.service)); },
                 [&](const RunTask& run) {
                   last_command_[run.service] = run.number;
                   done_.push_back(name_of(run.task) + " " + std::to_string(run.index) + " of " + name_of(run.service));
                 },
                 [&](const SignalTask& send) {
                   done_.push_back(to_string(send.signal) + " command of " + name_of(send.service));
                 },
                 [&](const EndTask& end) { done_.push_back("end command of " + name_of(end.service)); },
                 [&](const StartProbe& start) {
                   last_probe_[start.service] = start.number;
                   const bool ready = start.use == StartProbe::Use::Ready;
                   done_.push_back((ready ? "probe readiness of " : "probe health of ") + name_of(start.service));
                 },
                 [&](const EndProbe& end) { done_.push_back("end probe of " + name_of(end.service)); },
                 [&](const WatchGroup& watch) { done_.push_back("watch " + name_of(watch.service)); },
                 [&](const Sweep& sweep) { done_.push_back(sweep.repeat ? "sweep again" : "sweep"); },
                 [&](const KillEverything& kill) {
                   done_.push_back(kill.spare_main_command ? "kill all but main" : "kill everything");
                 },
                 [&](const Announce& announce) { notices_.push_back(announce.notice); },
                 [&](const Exit& exit) {
                   done_.push_back((exit.abandoned ? "abandon " : "exit ") + std::to_string(exit.code));
                 },
             },
             action);
}

std::string Story::name_of(Task task) {
  switch (task) {
    case Task::PreStart: return "pre-start";
    case Task::PostStart: return "post-start";
    case Task::PreStop: return "pre-stop";
    case Task::StopCommand: return "stop-command";
    case Task::Down: return "undo";
    case Task::PostStop: break;
  }
  return "post-stop";
}

std::string Story::line() const {
  std::string text;
  for (const std::string& action : done_) text += (text.empty() ? "" : ", ") + action;
  return text.empty() ? "-" : text;
}

}  // namespace cinit::core

// What steps of a service have in common, by file: only for the files of core/service.
#pragma once

#include "core/service.hpp"

namespace cinit::core {

// service.cpp: starting.
void begin_attempt(Step& step);
void launch(Step& step);
void cancel_launch(Step& step);
void launch_overdue(Step& step);
void postpone(Step& step, const StartFailure& failure, bool anything_ran);
void became_ready(Step& step);
void is_up(Step& step);
void start_anew(Step& step);
void let_down(Step& step);  // it is not wanted any more; one that is down already is so for its own reason
Time give_up_time(const Step& step);

// service_tasks.cpp: commands beside the main process.
void run_task(Step& step, Task task, std::size_t index);
void end_task(Step& step);
void attempt_failed(Step& step, std::optional<int> code = std::nullopt);
void ask_pre_start_to_end(Step& step, const state::PreStart& pre_start);
void pre_start_overdue(Step& step, const state::PreStart& pre_start);
void pre_stop_overdue(Step& step, const state::PreStop& pre_stop);
void post_stop_overdue(Step& step, const state::PostStop& post_stop);

// service_probes.cpp: readiness and health.
void begin_probing(Step& step, ProbeClock clock);
void starting_due(Step& step, const state::Starting& starting, std::string_view progress);
void running_due(Step& step, const state::Running& running, std::string_view progress);
ProbeClock first_health_clock(const Step& step);

// service_stop.cpp: stopping it.
void begin_stop(Step& step, const told::Stop& limits);
void ask_to_end(Step& step, Time kill_at, Fault fault);
void send_stop_signal(Step& step, Time kill_at, Fault fault);
void stop_for_failure(Step& step);
void time_out(Step& step, const std::string& detail);
void send_kill(Step& step, std::optional<Signal> sent, Time since, Fault fault);
void clearing_overdue(Step& step, const state::StoppingRest& clearing);
Time kill_time(const Step& step);
bool needs_down_command(const Service& service);

// service_end.cpp: its end.
struct Verdict {
  Ending ending;
  Time retry_at = kNever;
  std::optional<notice::Restart> restart = {};
};
Verdict judge(Step& step, bool failed);
void announce_failure(Step& step);
void conclude(Step& step, Ending ending, Time retry_at, Time kill_at);
void take_ending(Step& step, Ending ending, Time retry_at);
void ended_for_good(Step& step, Ending ending);
void clearing_is_over(Step& step, const state::StoppingRest& clearing);

}  // namespace cinit::core

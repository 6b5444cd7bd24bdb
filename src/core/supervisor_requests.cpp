// The part of the supervisor that does what somebody asks for: start, stop, restart.
#include <algorithm>

#include "base/overloaded.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {

void Supervisor::on(const Requested& event) {
  if (shutdown_) return;  // everything is being stopped
  Service& service = at(event.service);
  if (service.plan->role != Role::Service) return;  // hooks and the main command have their place in the boot
  if (service.plan->retired) return;                // its directory is as good as gone
  announce(notice::Requested{event.service, event.what});
  switch (event.what) {
    case Requested::What::Start: request_start(service); break;
    case Requested::What::Stop: request_stop(service); break;
    case Requested::What::Restart: request_restart(service); break;
    case Requested::What::Once: request_once(service); break;
  }
  // What is wanted of it may have changed, and its state not.
  if (service.plan->spec.directory) actions_.push_back(ShowState{service.id});
}

// What it requires is started with it. Earlier failures are forgotten: whoever asks has done something about them.
void Supervisor::request_start(Service& service) {
  release(service);
  service.wanted = Wanted::Up;
  service.once = false;
  service.failed_for_good = false;
  std::erase(failed_, service.id);
  service.delays.reset();
  service.starts.reset();
  for (const ServiceId id : service.plan->required) {
    if (at(id).wanted == Wanted::Down && !is_done(at(id))) request_start(at(id));
  }
  std::visit(
      Overloaded{
          [&](OneOf<state::Idle, state::Backoff, state::Done, state::Failed, state::Stopped> auto) {
            start_anew(service);
          },
          [&](const OneOf<state::PreStop, state::Stopping, state::Killing, state::Clearing, state::PostStop> auto&) {
            start_after_end(service);
          },
          [&](state::PreStart pre_start) {
            if (pre_start.asked) start_after_end(service);
          },
          // It is not to be stopped any more.
          [&](state::Launching launching) { enter(service, state::Launching{launching.give_up_at}); },
          // It is on its way, or up.
          [&](OneOf<state::Waiting, state::Starting, state::PostStart, state::Running> auto) {},
      },
      State(service.state));
}

// A container with a service that somebody has stopped for a while does not end because nothing runs.
void Supervisor::request_stop(Service& service) {
  if (is_final(service.state)) return;
  service.once = false;
  if (!std::exchange(service.held, true)) ++held_;
  stop(service);
}

// One that is being stopped stays down.
void Supervisor::request_once(Service& service) {
  const bool is_ending = is_alive(service.state) && service.wanted == Wanted::Down;
  if (!is_ending) request_start(service);
  service.once = true;
}

void Supervisor::release(Service& service) {
  if (std::exchange(service.held, false)) --held_;
}

void Supervisor::request_restart(Service& service) {
  // One that is being launched is as new as it can be.
  const bool is_up = is_alive(service.state) && !std::holds_alternative<state::Launching>(service.state);
  request_start(service);
  if (!is_up) return;
  start_after_end(service);
  begin_stop(service);
}

// Those who have not been started yet wait for it once more.
void Supervisor::start_anew(Service& service) {
  service.settled = false;
  enter(service, state::Waiting{});
  startable_.push_back(service.id);
}

void Supervisor::start_after_end(Service& service) {
  service.settled = false;
  service.restart_asked = true;
}

}  // namespace cinit::core

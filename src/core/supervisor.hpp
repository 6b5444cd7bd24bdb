// What is happening. The supervisor is told events and answers with actions. It makes no system call and reads no
// clock, so a test can live through a day of it in a millisecond.
//
// It decides nothing by itself: it hands each event to what decides about it (a service, the order of their starts, the
// stop of everything), and what follows from that to the others.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/main_signals.hpp"
#include "core/order.hpp"
#include "core/service.hpp"
#include "core/stop.hpp"

namespace cinit::core {

class Supervisor {
 public:
  // `plan` must outlive the supervisor. `seed` feeds the jitter of restart delays.
  Supervisor(const Plan& plan, std::uint64_t seed);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts what is wanted at boot. To be called once, before the first event.
  Actions boot(Time now);

  // Takes in what has happened. `now` never goes back. Actions are to be carried out in their order, before the next
  // event.
  Actions handle(const Event& event, Time now);

  // Something has happened that cinit cannot go on with: begins the graceful stop, exit code 70.
  Actions cannot_go_on(const char* what, Time now);

  // The container is to end, with `code` if that is set, and otherwise as after a stop signal. Only while
  // !is_stopping().
  Actions shut_down(std::optional<int> code, Time now);

  // When DeadlineReached is due; kNever when there is nothing to wait for but other events.
  Time next_deadline() const;

  // For tests and for reports on what is going on.
  const State& state(ServiceId id) const { return at(services_, id).state; }
  // Whether nothing has been done about it so far; also true for one that the supervisor has not been told of.
  bool is_pristine(ServiceId id) const;
  ServiceStatus status(ServiceId id) const { return status_of(at(services_, id)); }
  bool is_stopping() const { return stop_.has_begun(); }
  // In the stop of everything: which services and hooks it waits for now.
  std::vector<ServiceId> still_stopping() const;
  // Whether a request of that kind is carried out now: not every one is in the stop of everything.
  bool takes(Requested::What what) const;
  // Whether the end of this hook, which is still to be told, is the one after which services are started. They may be
  // read once more before it is told: the hooks may have changed them.
  bool starts_services(ServiceId hook, bool succeeded) const;
  // Whether it was asked for by a signal, and nothing in the container was the reason.
  bool is_stopped_by_signal() const { return stop_.is_asked_for(); }
  // When everything is to be over, once the stop has begun.
  Time end_of_budget() const { return stop_.end_of_budget(); }
  bool is_over() const { return stop_.is_over(); }

 private:
  // Events that are about a service are its own; those that are not, or not alone, are here.
  void on(const auto& event) { tell(at(services_, event.service), event); }
  void on(const Exited& event);
  void on(const Requested& event);
  void on(const PlanRevised& event);
  void on(const StoodStill& event);
  void on(const MainSuspended& event);
  void on(const SignalReceived& event);
  void on(const DeadlineReached& event);
  void on(const NothingLeft& event);

  // Tells a service, and what comes of that to everything else.
  template <class Told>
  void tell(Service& service, const Told& told) {
    const Before before(service, actions_.size());
    const News news = step(service, told, now_, random_, actions_);
    follow(service, before);
    follow(service, news);
  }
  struct Before {
    Before(const Service& service, std::size_t actions_so_far);
    Time deadline;
    bool occupied;
    bool was_final;
    std::size_t actions;
  };
  void follow(Service& service, const Before& before);
  void follow(Service& service, const News& news);

  void start(ServiceId id);
  void take_in(ServiceId id);
  void stop_removed();

  void end_wait_for_boot();
  void hand_on(const HandedOn& signal);
  void begin_stop(const StopReason& reason, std::optional<Signal> signal = std::nullopt);
  void carry_out(const StopOrder& order);
  Actions advance();
  void broken_invariant(const char* what);

  const Plan& plan_;  // what is in it changes before PlanRevised is told
  Random random_;
  Time now_{};
  Services services_;
  StartOrder order_;
  Stop stop_;
  MainSignals main_signals_;
  std::set<std::pair<Time, ServiceId>> deadlines_;  // of every state that has one
  std::set<ServiceId> boot_;                        // services and boot hooks that the boot is not finished without
  std::vector<ServiceId> removed_;                  // to be stopped when no service writes into their pipes any more
  std::uint32_t unfinished_ = 0;                    // services that are in no final state
  Time booted_at_{};
  Time boot_deadline_ = kNever;  // until then the main command waits
  Actions actions_;
};

}  // namespace cinit::core

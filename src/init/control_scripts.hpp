// Signals to the main process of a service directory's service, which has scripts in control/ that may be run instead:
// runsv(8), "CUSTOMIZE CONTROL".
#pragma once

#include <deque>
#include <vector>

#include "base/wait_status.hpp"
#include "core/plan.hpp"
#include "init/children.hpp"
#include "init/launcher.hpp"
#include "init/starts.hpp"

namespace cinit::init {

// A signal, and the letter of the script that is run instead of it if there is one. The signal is sent all the same
// when the script fails.
struct Delivery {
  char script = '\0';  // none
  int signal = 0;      // none: the script alone
};

// One after the other for each service: what comes while a script runs waits for its end.
class ControlScripts {
 public:
  // All of them must outlive it.
  ControlScripts(const core::Plan& plan, Launcher& launcher, Starts& starts, Children& children)
      : plan_(plan), launcher_(launcher), starts_(starts), children_(children), services_(plan.services.size()) {}

  void grow(std::size_t services) { services_.resize(services); }

  void deliver(core::ServiceId id, const Delivery& delivery);
  // A script has ended.
  void script_ended(core::ServiceId id, WaitStatus status);
  // A script could not be started.
  void script_failed(core::ServiceId id);
  // The main process has ended: no more signals are sent to it. Scripts that are for its stop run all the same.
  void main_ended(core::ServiceId id);
  // It is to be killed: its script is ended, and what waits is dropped.
  void give_up(core::ServiceId id);
  // Nothing of it is waited for any more: its script is ended, and signals that wait are sent at once.
  void hurry(core::ServiceId id);
  // A script runs, or is to run.
  bool is_busy(core::ServiceId id) const;

  bool is_paused(core::ServiceId id) const { return services_[core::index_of(id)].paused; }
  bool got_term(core::ServiceId id) const { return services_[core::index_of(id)].got_term; }
  // Its main process has been told to stop by a script alone.
  bool replaces_stop_signal(core::ServiceId id) const { return services_[core::index_of(id)].replaced_term; }

 private:
  struct Service {
    std::deque<Delivery> waiting;
    Delivery current;   // whose script runs
    bool runs = false;  // it does, or is being started
    bool paused = false;
    bool got_term = false;
    bool replaced_term = false;  // by a script that has succeeded
  };

  void go_on(core::ServiceId id);
  bool run_script(core::ServiceId id, char letter);
  bool end_script(core::ServiceId id);
  void send(core::ServiceId id, int signal);
  void note_pause(core::ServiceId id, int signal);

  const core::Plan& plan_;
  Launcher& launcher_;
  Starts& starts_;
  Children& children_;
  std::vector<Service> services_;
};

}  // namespace cinit::init

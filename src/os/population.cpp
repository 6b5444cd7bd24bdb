#include "os/population.hpp"

#include <errno.h>
#include <sys/prctl.h>

namespace cinit::os {

Population::Population() : self_(sys::getpid()), is_init_(self_ == 1) {
  if (!is_init_) sys::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

bool Population::is_ours(const Process& process) const {
  if (process.ended()) return false;
  if (is_init_) return true;
  return processes_.any_ancestor(process, [this](pid_t pid) { return pid == self_; });
}

void Population::terminate(const Process& process) const {
  constexpr int kSignals[] = {SIGTERM, SIGCONT, 0};
  constexpr int kSignalsWithTerminal[] = {SIGTERM, SIGHUP, SIGCONT, 0};
  signal_process(processes_, process, process.terminal != 0 ? kSignalsWithTerminal : kSignals);
}

bool Population::kill(const Process& process) const {
  constexpr int kSignals[] = {SIGKILL, 0};
  return signal_process(processes_, process, kSignals);
}

void Population::terminate_unseen() const {
  if (!is_init_) return;
  sys::kill(-1, SIGTERM);
  sys::kill(-1, SIGCONT);
}

Remaining Population::remaining(bool have_children) const {
  if (have_children) return {Remaining::Who::Children};
  // Whoever descends from us without being our child descends from a child of ours.
  if (!is_init_) return {Remaining::Who::Nobody};
  Remaining remaining;
  const bool sees_all = processes_.for_each([&](const Process& process) {
    if (process.ended()) return true;
    remaining = {Remaining::Who::Outsider, process.pid};
    return false;
  });
  if (sees_all) return remaining;
  return {sys::kill(-1, 0) == -ESRCH ? Remaining::Who::Nobody : Remaining::Who::Unknown};
}

}  // namespace cinit::os

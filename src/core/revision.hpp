// Service directories come and go while the container runs, and change before anything is started.
#pragma once

#include <vector>

#include "core/event.hpp"
#include "core/plan.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {

// Brings the plan up to date with what the directories hold now: `found`, the services of all entries that are looked
// at again, each before the logger that it pipes into. `defaults` is [cinit].
//
// A service that was never started takes its new description, if its logger was not started either. One that was keeps
// what it was started with, as runsv(8) and s6-supervise(8) do, under another name if that is what its directory has;
// it goes when its directory is gone. Another directory of the same name has its turn in a later revision. What is
// returned is to be told to the supervisor before anything else is, after everything else that counts services has been
// told.
PlanRevised revise(Plan& plan, const Supervisor& supervisor, const config::Container& defaults,
                   const std::vector<config::Service>& found);

}  // namespace cinit::core

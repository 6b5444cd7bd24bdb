// my_init of phusion's baseimage-docker: boot hooks, the services of /etc/service, and a main command or none.
//
// What it does not share with it: a main command that is killed by a signal is no success (137 and not 0); a script of the
// stop that fails prevents nothing; HOME and its like survive the hooks; no child has signals ignored that it did not ignore;
// an /etc that cannot be written, or being somebody else than root, ends nothing; what is not PID 1 signals nobody but its own
// descendants; a stop signal that comes during a stop changes nothing; services are started at once and not after a second,
// and nothing is polled.
#pragma once

namespace cinit::my_init {

// Takes its own arguments and the environment. Returns the exit code. Signals must be blocked, and none ignored.
int run(char** argv, char** envp);

}  // namespace cinit::my_init

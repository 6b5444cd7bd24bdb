// runsvdir(8) of runit: the start script of an image ends with `exec runsvdir -P /etc/service`, or runs it in the background and
// waits for it.
//
// What it does not share with it: SIGTERM ends the services, too, instead of leaving them alone, and so does SIGHUP before it
// ends; what is left is killed at the end of the stop timeout (10 s). Nothing is polled. The argument `log` has no effect: a
// line about a service is a line of the log.
#pragma once

namespace cinit::runsvdir {

// Takes its own arguments and the environment. Returns the exit code: 0 after SIGTERM, 111 after SIGHUP, 1 for a usage that is
// wrong. Signals must be blocked, and none ignored.
int run(char** argv, char** envp);

}  // namespace cinit::runsvdir

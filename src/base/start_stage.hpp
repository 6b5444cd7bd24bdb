// The steps between "start this" and the program's own first instruction.
#pragma once

namespace cinit {

// In the order in which they are taken, so that a message can say which one failed.
enum class StartStage {
  Prepare,  // the environment, a user name: before there is a process
  Stdin,
  Stdout,
  Stderr,
  Fork,
  Session,
  Terminal,
  Limits,
  Groups,
  Group,
  User,
  WorkingDir,
  Exec,
};

}  // namespace cinit

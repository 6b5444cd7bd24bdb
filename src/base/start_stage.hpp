// The steps between "start this" and the program's own first instruction.
#pragma once

namespace cinit {

// In the order in which they are taken, so that a message can say which one failed.
enum class StartStage {
  Prepare,  // the environment, a user name: before there is a process
  Stdin,
  Stdout,
  Stderr,
  ExtraDescriptor,
  Fork,
  Session,
  Terminal,
  OomScore,
  Limits,
  Nice,
  BoundingSet,  // what no exec is to bring back: capabilities(7)
  Groups,
  Group,
  User,
  Capabilities,
  NoNewPrivileges,
  WorkingDir,
  Exec,
};

}  // namespace cinit

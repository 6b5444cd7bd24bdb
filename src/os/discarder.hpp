// Descriptors that others send to a unix(7) socket of this process: none ever gets into this process.
//
// A message with descriptors keeps open files alive, and whoever drops the last reference to an open file carries out its
// release. That lasts as long as the sender likes: close(2) of a TCP socket with SO_LINGER (socket(7)) waits for hours, that
// of a file on a network file system for a server. References are dropped by
//   * recvmsg(2), when there is no room for a descriptor in the buffer or in the table of descriptors;
//   * close(2) of a descriptor that was received;
//   * close(2) of a socket with such a message in its queue, of a listener with such a connection in its backlog.
// To look at what has come does not help: a TCP socket may lie in the queue of a unix socket, and that in another queue.
//
// So a message is looked at with MSG_PEEK first, without room for descriptors. The kernel adds references for that and drops
// them again, which are not the last ones, since the message stays in the queue. MSG_CTRUNC tells that there are descriptors.
// Such a message is received by a child, which has room for the descriptors and exits. A process that exits does not linger:
// inet_release() and its relatives in vsock and Bluetooth ask for PF_EXITING. What waits nevertheless holds up that child
// alone. For the same reason the end of this process does not linger over a queue: what cannot be closed at once is left to
// it.
//
// Where the kernel has SO_PASSRIGHTS (Linux 6.16) a socket can refuse descriptors: sendmsg(2) fails with EPERM then.
//
// The garbage collector of unix(7) releases sockets that lie in each other's queues only. Since Linux 6.9 (and in long-term
// versions that have got it) a thread of the kernel does that. Before, it is whichever process closes a unix socket next, or
// sends something while 16,000 sockets are in flight; a process that leaves such sockets behind can hold up every other
// process of the machine. cinit cannot keep that away from itself.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "base/time.hpp"
#include "os/fd.hpp"

namespace cinit::os {

// From now on nobody can send a descriptor to this socket, nor to the connections of a listener that are made later. False:
// this kernel cannot do that. To be called before anything can arrive.
bool refuse_descriptors(int socket);

enum class Traffic { Datagrams, Stream };

// Closes a socket, or a connection, unless there may be descriptors in its queue. Nothing more can be sent to it in any case.
// True: it is closed.
bool close_if_empty(Fd& socket, Traffic traffic);

// Makes children that receive what this process must not. Each is one of its children and reaped by its loop.
class Discarder {
 public:
  Discarder() = default;
  Discarder(Discarder&&) = default;
  Discarder& operator=(Discarder&&) = default;
  // What could not be closed yet stays open until the process ends.
  ~Discarder();

  // Lets a child take the next message, whatever that is, out of the queue of `socket`. Until is_busy() is false again, the
  // socket must be neither read nor closed. A child that is killed too early leaves the message there: look again.
  // False: there can be no child now (no process slot, no memory, kMostChildren); worth another try at next_try().
  bool discard_next(int socket);
  bool is_busy(int socket) const;

  // The same, but it is closed later then, when children have emptied its queue.
  void close(Fd socket, Traffic traffic);
  // How many are not closed yet.
  std::size_t closing() const { return closing_.size(); }

  // Tells that the child `pid` has ended. False: it is none of these.
  bool ended(pid_t pid);

  // When to call progress() at the latest; kNever: not before something happens.
  Time next_try() const;
  // Goes on with what could not be done before. A child that does not end is killed, which helps when another process of
  // its user has stopped it.
  void progress();

  static constexpr std::size_t kMostChildren = 8;

 private:
  struct Child {
    pid_t pid;
    int socket;
    Time overdue_at;  // kNever: it was killed
  };

  struct Closing {
    Fd socket;
    Traffic traffic;
    Time next_at;  // not before then there is another child for it
  };

  bool start(int socket, bool all);

  std::vector<Child> children_;
  std::vector<Closing> closing_;
  Time retry_at_ = kNever;  // a child could not be made
};

}  // namespace cinit::os

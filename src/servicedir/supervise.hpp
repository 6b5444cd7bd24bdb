// The directory supervise/ of a service directory: how sv(8) and s6-svc(8) see a service, and say what is to become of it.
// The format is that of runsv(8).
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/wait_status.hpp"
#include "os/fd.hpp"
#include "servicedir/s6_status.hpp"

namespace cinit::servicedir {

// What a service is doing, as sv(8) tells it.
struct SuperviseStatus {
  enum class State : unsigned char { Down, Running, Finishing };
  State state = State::Down;
  pid_t pid = 0;  // of ./run or ./finish; 0: there is none
  std::chrono::system_clock::time_point since;
  bool wanted = false;    // it is to be up
  bool exiting = false;   // nobody looks after it once it is down; only `stat` tells that
  bool paused = false;    // it was sent SIGSTOP
  bool got_term = false;  // it was sent SIGTERM to end it

  friend bool operator==(const SuperviseStatus&, const SuperviseStatus&) = default;
};

// The file `status`: when, as TAI64N, then the pid with its lowest byte first, and a byte each for paused, wanted, SIGTERM
// and the state.
std::array<unsigned char, 20> encode(const SuperviseStatus& status);
// The file `stat`, for people: "run, got TERM, want down".
std::string describe(const SuperviseStatus& status);

// The FIFO "control" in a directory, into which letters are written.
class ControlFifo {
 public:
  // Makes the directory and the FIFO where they are not there.
  static Result<ControlFifo> open(const std::string& path);

  // Can be read when somebody has asked for something.
  int fd() const { return fifo_.get(); }
  // The letters that were written since, in order. At most 64 at a time.
  std::string read() const;

 private:
  friend class Supervise;
  explicit ControlFifo(os::Fd fifo) : fifo_(std::move(fifo)) {}

  os::Fd fifo_;
};

// One such directory, as long as somebody looks after the service. FIFOs tell that by having a reader. It may belong to another
// user, so that he can use sv(8): nothing that he puts into it is followed, written to, or waited for.
class Supervise {
 public:
  // Makes `path` and what is in it; a dangling link gets what it leads to. Fails when somebody else, a runsv, holds its lock.
  static Result<Supervise> open(const std::string& path);

  // What somebody asks for; sv(8) and s6-svc(8) name the letters.
  const ControlFifo& control() const { return control_; }

  // Shows it to the processes that look, in the form of runsv(8) or of s6-supervise(8). Returns 0 or an errno.
  int show(const SuperviseStatus& status);
  int show(const S6Status& status);

  // Adds an end of ./run to the last `most` of them, at most 4096, in death_tally as s6-supervise(8) keeps it for
  // s6-permafailon(1). Returns 0 or an errno.
  int add_death(std::size_t most, std::chrono::system_clock::time_point at, WaitStatus end) const;

 private:
  Supervise(os::Fd directory, os::Fd lock, os::Fd ok, ControlFifo control)
      : directory_(std::move(directory)), lock_(std::move(lock)), ok_(std::move(ok)), control_(std::move(control)) {}

  int replace_text(const char* name, std::string text, std::optional<std::string>& last) const;

  os::Fd directory_;
  os::Fd lock_;
  os::Fd ok_;
  ControlFifo control_;
  std::optional<std::string> stat_;  // what was written last
  std::optional<std::string> pid_;
};

// The directory for those who want to hear of a service of s6, beside its supervise/: see event_directory.hpp.
inline constexpr char kEvents[] = "event";

// Makes `state` look like the service directory, but for a supervise/ and an event/ of its own; returns the path of the
// first.
Result<std::string> make_substitute(const std::string& service, const std::string& state);
// Where the state of a service directory is kept: in its own supervise/, or, where that cannot be written, in that of a
// substitute at `state`.
Result<std::string> find_supervise(const std::string& service, const std::string& state);

}  // namespace cinit::servicedir

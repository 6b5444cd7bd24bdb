// Starts under way: processes between clone(2) and exec(2).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "core/event.hpp"
#include "init/children.hpp"
#include "init/launch_setup.hpp"
#include "os/poller.hpp"
#include "os/spawn.hpp"

namespace cinit::init {

// What a start is for.
struct StartPurpose {
  core::ServiceId service;
  ChildKind kind;
  std::uint32_t number = 0;  // of the task or the probe: that of RunTask or StartProbe
};

// PID 1 does not wait for a start: it clones, goes on, and learns from the poller what has become of it. Only so many
// are under way at once; the others wait for their turn.
class Starts {
 public:
  // Looks up what the start depends on, at its turn; again, with the files, when these had to be waited for.
  using Prepare = std::function<Launcher::Prepared(Launcher::Files)>;

  struct Result {
    StartPurpose purpose;
    pid_t pid = 0;                              // its process, also of one that failed between clone and exec; 0: none
    std::optional<core::StartFailure> failure;  // unset: its program runs
  };

  // Both must outlive it. `poller` reports `token_base` + a number for look(). A child is entered into `children` when
  // it is made.
  Starts(os::Poller& poller, std::uint64_t token_base, Children& children);
  // What is still under way keeps its memory.
  ~Starts();
  Starts(const Starts&) = delete;
  Starts& operator=(const Starts&) = delete;

  // Starts it as soon as there is room.
  void begin(const StartPurpose& purpose, Prepare prepare);

  // The poller has reported this number.
  void look(std::uint32_t number);
  // Takes in what has become of each by now.
  void look_at_all();
  // The child `pid` has ended: its start is over, if it was not.
  void child_ended(pid_t pid);
  // When to call look_at_all(), because the poller does not report everything, or nothing in time; kNever: it does.
  Time next_deadline() const;

  // The next start that is over, oldest first.
  std::optional<Result> take_result();

  // Forgets a start that has no process yet, and returns what it was for; std::nullopt: there is none.
  std::optional<StartPurpose> withdraw(core::ServiceId service, ChildKind kind);
  // Forgets the start of the main process: its result is not told. A child that was made for it is the caller's to
  // kill.
  void give_up_main(core::ServiceId service);

 private:
  struct Waiting {
    StartPurpose purpose;
    Prepare prepare;
    Time since = {};             // when its turn came
    Launcher::Files files = {};  // what it waits for after that
    bool is_watched = false;     // the poller reports these
  };
  struct UnderWay {
    StartPurpose purpose;
    Time since;
    // In this order: the child may use the setup as long as its start is pending.
    std::unique_ptr<LaunchSetup> setup;
    std::unique_ptr<os::PendingSpawn> spawn;
    bool is_watched = false;   // the poller reports it
    bool is_given_up = false;  // its result is not told
  };
  using Place = std::map<std::uint32_t, UnderWay>::iterator;
  using Reading = std::map<std::uint32_t, Waiting>::iterator;

  void start_waiting();
  void start(Waiting waiting);
  void read_on(Reading place);
  void watch_files(Reading place);
  void watch(Place place);
  void enter_child(const StartPurpose& purpose, pid_t pid);
  void finish(Place place, const os::SpawnResult& result);
  bool has_room(Time now) const;

  os::Poller& poller_;
  std::uint64_t token_base_;
  Children& children_;
  std::size_t most_at_once_;
  std::uint32_t last_number_ = 0;
  std::map<std::uint32_t, Waiting> reading_;     // by a number of its own
  std::map<std::uint32_t, UnderWay> under_way_;  // the same, with other numbers
  std::deque<Waiting> waiting_;
  std::deque<Result> results_;
};

}  // namespace cinit::init

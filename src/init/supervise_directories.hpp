// The supervise/ directories of services: what sv(8) and s6-svc(8) are shown, and what they ask for.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/plan.hpp"
#include "core/status.hpp"
#include "init/children.hpp"
#include "log/log.hpp"
#include "os/file.hpp"
#include "os/poller.hpp"
#include "servicedir/s6_status.hpp"
#include "servicedir/supervise.hpp"

namespace cinit::init {

class SuperviseDirectories {
 public:
  // All of them must outlive it. The poller reports `token_base` + the service's place when somebody asks for
  // something.
  SuperviseDirectories(const core::Plan& plan, os::Poller& poller, std::uint64_t token_base, log::Log& log)
      : plan_(plan),
        poller_(poller),
        token_base_(token_base),
        log_(log),
        directories_(plan.services.size()),
        reserved_(os::descriptor_limit().rlim_cur / 2) {}

  void grow(std::size_t services) { directories_.resize(services); }

  // From now on somebody looks after the service, in its directory as that is now. What prevents that is a warning, and
  // the service goes on without it; if the reason may pass, it is tried again in intervals.
  void open(core::ServiceId id);
  // Nobody does any more.
  void close(core::ServiceId id);

  // The letters that somebody has written.
  std::string read_commands(core::ServiceId id);
  // Whether the poller reports them; whoever writes many waits meanwhile.
  void listen(core::ServiceId id, bool listens);

  // Letters that the poller could not be made to report are looked for in intervals, and the poller is asked again.
  // Returns the services of which letters are to be read; those for all services are to be read then, too.
  std::set<core::ServiceId> look(Time now);
  Time next_look() const { return look_at_; }

  // Lets s6-svscanctl(8) ask for something that is about all services; the poller reports `token` then.
  void open_scan_control(std::uint64_t token);
  std::string read_scan_commands();

  // It has come into another state, and is to be shown at the end of this turn of the loop.
  void mark(core::ServiceId id) { marked_.insert(id); }
  // Those of them that have another name than before can be asked by that one then.
  std::set<core::ServiceId> take_marked();

  // What there is to be seen of it.
  struct View {
    core::ServiceStatus status;
    ServiceProcesses processes;
    bool paused = false;
    bool got_term = false;
    bool retired = false;  // it does not come back
  };
  void show(core::ServiceId id, const View& view);
  // Its ./finish has said that it is not to be started again: who listens for its events hears of that.
  void gave_up(core::ServiceId id) { at(id).gave_up = true; }
  // Where the scripts of the service find its supervise/ in their own directory, if that is another one than the
  // service directory, which cannot be written. Empty: the service directory.
  const std::string& working_directory(core::ServiceId id) const {
    return directories_[core::index_of(id)].working_directory;
  }
  // Its main process has ended: for s6-permafailon(1).
  void add_death(core::ServiceId id, WaitStatus end);

 private:
  struct Directory {
    std::optional<servicedir::Supervise> supervise;
    std::string path;
    // Of the service directory, when this was opened.
    std::string name;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::optional<servicedir::SuperviseStatus> shown;
    // Of s6.
    std::string events;  // the path of event/; empty: there is none
    std::optional<servicedir::S6Status> s6_shown;
    std::string working_directory;
    bool gave_up = false;
  };

  Directory& at(core::ServiceId id) { return directories_[core::index_of(id)]; }
  bool is_of_s6(core::ServiceId id) const {
    return plan_[id].spec.directory->suite == config::ServiceDirectory::Suite::S6;
  }
  void open_events(core::ServiceId id);
  void show_s6(core::ServiceId id, const View& view);
  void warn(core::ServiceId id, const std::string& message);
  void warn_of_missing_descriptors();
  void cannot_open(core::ServiceId id, const Error& error, bool is_told);
  Result<std::string> find_supervise(core::ServiceId id) const;
  bool is_as_opened(core::ServiceId id) const;
  bool is_under_old_name(core::ServiceId id) const;
  bool hear(core::ServiceId id);
  bool hear_scan_control();
  void look_later();
  void reopen(const std::set<core::ServiceId>& renamed);

  const core::Plan& plan_;
  os::Poller& poller_;
  std::uint64_t token_base_;
  log::Log& log_;
  std::vector<Directory> directories_;
  std::set<core::ServiceId> marked_;
  std::optional<servicedir::ControlFifo> scan_control_;
  std::uint64_t scan_token_ = 0;
  std::set<core::ServiceId> unheard_;   // the poller has refused them
  std::set<core::ServiceId> unopened_;  // they could not be opened, for a reason that may pass
  bool scan_control_is_unheard_ = false;
  Time look_at_ = kNever;
  bool told_of_late_letters_ = false;
  // Descriptors from this one on are left to services: for their pipes, and to be started at all.
  rlim64_t reserved_;
  bool told_of_run_ = false;
  bool told_of_missing_descriptors_ = false;
};

}  // namespace cinit::init

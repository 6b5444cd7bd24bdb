// A container that is made within milliseconds: its own PID, mount, UTS, IPC and network namespaces, and a root directory of
// its own. Nothing of cinit ever runs outside of one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "text.hpp"

namespace cinit::reliability {

// Where the containers of this run are made, in a tmpfs and a mount namespace of this process's own, so that nothing is left
// when it ends, however it ends.
class Workshop {
 public:
  // `cinit` and `app` are static programs; throws when the containers' common files cannot be made.
  Workshop(const std::string& cinit, const std::string& app);
  // An empty directory for one container.
  std::string new_place();
  const std::string& base() const { return base_; }

 private:
  std::string directory_;
  std::string base_;
  int count_ = 0;
};

struct BoxOptions {
  Strings command{"/sbin/cinit"};
  std::map<std::string, std::string> env;
  unsigned user = 0;  // also the group; not 0: without any capability
  int in = -1;        // -1: /dev/null. The caller keeps these three, and closes them
  int out = -1;
  int err = -1;
  std::vector<int> closed;  // of 0, 1 and 2: which PID 1 does not have at all
  bool terminal = false;    // `in` is a terminal, which becomes PID 1's controlling terminal
  bool proc = true;
  bool traced = false;              // PID 1 waits for release()
  std::string cgroup;               // a directory of a hierarchy with cgroup.procs, for PID 1 and all of its children
  std::function<void()> last_step;  // in PID 1, right before exec; may throw
};

class Box {
 public:
  explicit Box(Workshop& workshop);
  ~Box();  // kills what runs
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  // Files of the container, before start(); parent directories are made. /home/app and /shared are volumes.
  Box& file(const std::string& path, std::string_view text, int mode = 0644);
  Box& directory(const std::string& path, unsigned owner, int mode = 0755);
  Box& link(const std::string& target, const std::string& path);
  Box& owner(const std::string& path, unsigned owner);

  // Where such a file is on this machine.
  std::string before_start(const std::string& path) const;

  // Makes the container. Throws when that fails. Its output, unless `options` say otherwise, is collected in log().
  void start(const BoxOptions& options);
  // Lets a traced PID 1 go on to its exec.
  void release();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_; }
  bool has_ended() const;
  // Waits for the end of PID 1; std::nullopt when it does not come. Not for a traced one, whose tracer gets the status.
  std::optional<int> wait_end(Duration limit);
  bool signal(int number) const;
  void kill_all() const;

  // What this container's files look like from outside: the path of one, as long as PID 1 runs.
  std::string inside(const std::string& path) const;
  // /shared of the container, which anybody may write to. It is there as long as the Box.
  std::string shared(const std::string& name) const { return place_ + "/shared/" + name; }

  // What the container has written to its files, but for those in file systems of their own: as long as the Box.
  std::string layer() const { return place_ + "/upper"; }

  // Everything that was written to the container's output so far.
  const std::string& log();
  void read_log();
  // Reads to the end of the output, which somebody may still hold open, for a little while at most.
  void read_rest_of_log();

 private:
  [[noreturn]] void become_pid_1(const BoxOptions& options, int error_pipe);
  void build_root(const BoxOptions& options) const;

  std::string place_;
  std::string base_;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_ = -1;
  int output_of_box_ = -1;
  int go_on_ = -1;
  int go_on_of_box_ = -1;
  std::string log_;
  std::optional<int> status_;
};

// The exit code of a wait status as docker shows it: 128 + N for signal N.
int code_of(int wait_status);

}  // namespace cinit::reliability

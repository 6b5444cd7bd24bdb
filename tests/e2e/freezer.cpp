#include "freezer.hpp"

#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "spawn.hpp"

namespace cinit::e2e {

namespace {

void write_file(const std::string& path, const std::string& text) {
  std::ofstream stream(path);
  stream << text << std::flush;
  if (!stream) throw std::runtime_error("cannot write " + text + " to " + path);
}

// A process that starts another one just now can keep its group at FREEZING. As container runtimes do, thaw it then, and
// try again.
void freeze(const std::string& group) {
  const std::string state = group + "/freezer.state";
  for (int i = 0; i < 10'000; ++i) {
    if (i % 20 == 0) {
      write_file(state, "THAWED");
      write_file(state, "FROZEN");
    }
    if (read_file(state) == "FROZEN\n") return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  throw std::runtime_error("the freezer does not reach FROZEN");
}

}  // namespace

Freezer::Freezer() {
  if (mount("freezer", mount_point_.path().c_str(), "cgroup", 0, "freezer") != 0) {
    throw std::runtime_error("this kernel has no freezer of cgroup version 1");
  }
}

// From here on the destructor is called, whatever fails: nobody stays frozen.
Freezer::Freezer(pid_t pid, const std::function<std::vector<pid_t>()>& others) : Freezer() {
  group_ = mount_point_ / ("cinit-test." + std::to_string(pid));
  std::filesystem::create_directory(group_);
  write_file(group_ + "/cgroup.procs", std::to_string(pid));
  for (const pid_t other : others ? others() : std::vector<pid_t>()) {
    std::ofstream(group_ + "/cgroup.procs") << other << std::flush;
  }
  freeze(group_);
}

Freezer::~Freezer() {
  std::ofstream(group_ + "/freezer.state") << "THAWED";
  // Its processes go to the root group: a group that is not empty cannot be removed.
  std::ifstream left(group_ + "/cgroup.procs");
  for (pid_t pid = 0; left >> pid;) std::ofstream(mount_point_ / "cgroup.procs") << pid << std::flush;
  rmdir(group_.c_str());
  umount2(mount_point_.path().c_str(), MNT_DETACH);
}

void Freezer::thaw() { write_file(group_ + "/freezer.state", "THAWED"); }

}  // namespace cinit::e2e

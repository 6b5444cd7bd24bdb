// A status is nobody's but that of the process which ended, also when its pid was somebody else's before.
//
// The pid is given away by /proc/sys/kernel/ns_last_pid of the container's own PID namespace, which needs a kernel with
// CONFIG_CHECKPOINT_RESTORE. Every case waits for the line in which the new process names its pid.
#include <doctest/doctest.h>

#include <algorithm>

#include "both_loops.hpp"
#include "container.hpp"
#include "in_order.hpp"

using namespace cinit::e2e;

namespace {

// The pid that the container has printed as "NAME: pid N".
pid_t logged_pid(Container& container, const std::string& name) {
  const std::string line = name + ": pid ";
  container.wait_for(line);
  container.wait_until([&] { return container.log().find('\n', container.log().find(line)) != std::string::npos; },
                       "the whole line");
  return std::stoi(container.log().substr(container.log().find(line) + line.size()));
}

// What an orphan with this pid says before it ends with `code`: PID 1 has adopted it.
std::string end_of_orphan(pid_t pid, int code) {
  return "orphan: pid " + std::to_string(pid) + ", child of 1, ends with " + std::to_string(code) + "\n";
}

bool is_there(const Container& container, pid_t pid) {
  const std::vector<Process> all = container.processes();
  return std::any_of(all.begin(), all.end(), [pid](const Process& process) { return process.pid == pid; });
}

// Gives `pid` to an orphan that ends with `code`. Comes back when PID 1 has reaped it.
void reuse(Container& container, pid_t pid, int code) {
  container.exec_in_background({"app", "reuse", std::to_string(pid), std::to_string(code)});
  container.wait_for(end_of_orphan(pid, code));
  container.wait_until([&] { return !is_there(container, pid); }, "the orphan has been reaped");
}

// Stops the container, and returns its exit code. By then everything has been said.
int stop(Container& container) {
  container.signal(SIGTERM);
  return container.wait_exit().code;
}

}  // namespace

TEST_CASE("the pid of a service that waits for its restart is given to an orphan, whose end is not the service's") {
  Container container;
  std::string kill_mode;
  SUBCASE("its process group is looked after") { kill_mode = "mixed"; }
  SUBCASE("its process group is left alone") { kill_mode = "process"; }
  container.config(
      "[cinit]\nexit-code-from = 'web'\n"
      "[service.web]\ncommand = ['sh', '-c', 'echo web: pid $$; exit 3']\nrestart = 'always'\nrestart-delay = '1h'\n"
      "restart-max-delay = '1h'\nkill-mode = '" +
      kill_mode + "'\n");
  const pid_t pid = logged_pid(container.cinit(), "web");
  container.wait_for("cinit: web: exited with code 3 after ");
  container.forget_log();
  reuse(container, pid, 9);
  reuse(container, pid, 0);
  CHECK(stop(container) == 3);
  CHECK(!container.logged("cinit: web: "));
  CHECK(!container.logged("internal error"));
}

TEST_CASE("the pid is given away while PID 1 still waits for the service's process group to be empty") {
  // The group's last process is reaped by its own parent, so that the first that PID 1 hears is the end of the orphan.
  Container container;
  container.config(
      "[service.web]\nrestart-delay = '1ms'\nstop-timeout = '1h'\n"
      "command = ['sh', '-c', 'if [ -e /shared/go ]; then exec app app1 web; fi; "
      "echo web: pid $$; app leave-member /shared/go $$ 9; exit 3']\n");
  const pid_t pid = logged_pid(container.cinit(), "web");
  container.wait_for("member: handle signal: terminated\n");
  container.exec({"touch", "/shared/go"});
  container.wait_for("web: ready\n");
  container.wait_for("cinit: web: started\n", 2);
  CHECK(in_order(container.log(), {"cinit: web: exited with code 3 after ", end_of_orphan(pid, 9), "web: ready\n"}));
  CHECK(container.count("cinit: web: exited with ") == 1);
  CHECK(stop(container) == 0);
  CHECK(!container.logged("internal error"));
}

TEST_CASE("the end of an orphan is not that of the main command") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "app1", "main"}).wait_for("main: ready\n");
  reuse(container, 300, 9);
  CHECK(container.running());
  CHECK(!container.logged("exited with code 9"));
  CHECK(stop(container) == 0);
  CHECK(container.logged("main: handle signal: terminated\n"));
}

TEST_CASE("the main command's pid is given away after its end, and the exit code stays the main command's") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "sh", "-c", "echo main: pid $$; app heir $$ 9; exit 3"});
  const pid_t pid = logged_pid(container, "main");
  CHECK(container.wait_exit().code == 3);
  CHECK(container.count(end_of_orphan(pid, 9)) == 1);
  CHECK(!container.logged("exited with code 9"));
  CHECK(!container.logged("internal error"));
}

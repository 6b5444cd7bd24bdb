// PID 1 without memory: it goes on as long as it can, and then stops in order.
#include <doctest/doctest.h>

#include <csignal>
#include <string>

#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// Starts cinit where it may have no more than `kilobytes` of data: RLIMIT_DATA.
void start_with_data(Container& container, int kilobytes) {
  container.start({"/bin/sh", "-c", "ulimit -d " + std::to_string(kilobytes) + "; exec /sbin/cinit"});
}

// Services whose kept lines need more memory than there is.
std::string talkative(int count) {
  std::string toml = "[cinit]\nlog-prefix = 'name'\nlog-buffer = '1MB'\nstop-timeout = '3s'\n";
  for (int i = 0; i < count; ++i) {
    const std::string name = "s" + std::to_string(i);
    toml += "[service." + name + "]\ncommand = ['sh', '-c', 'app lines x 3000; exec app app1 " + name + "']\n";
  }
  return toml;
}

}  // namespace

TEST_CASE("kept lines for which there is no memory are not kept, and everything else works") {
  Container container;
  container.config(talkative(8));
  start_with_data(container, 6000);
  for (int i = 0; i < 8; ++i) container.wait_for("s" + std::to_string(i) + ": ready\n");
  CHECK(container.exec({"/sbin/cinit", "status"}).code == 0);
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(container.count("app exit normally\n") == 8);
}

#include "sysctl/explain.hpp"

#include <doctest/doctest.h>
#include <errno.h>

#include <string>

using namespace cinit::sysctl;

namespace {

const Setting kSetting{"kernel/msgmax", "2", "f:1"};
const Setting kHosts{"vm/swappiness", "2", "f:1"};

// What stands between "it stays 1: " and the way out, which the text must have or not.
std::string reason(const Setting& setting, int error, const Circumstances& circumstances, bool way_out) {
  const std::string text = explain_refused({setting, "1", error}, circumstances);
  CAPTURE(text);
  const std::size_t start = text.find("it stays 1: ");
  REQUIRE(start != std::string::npos);
  const std::size_t end = text.find("; use ");
  CHECK((end != std::string::npos) == way_out);
  return text.substr(start + 12, end - start - 12);
}

}  // namespace

TEST_CASE("why a key was refused depends on the error and on who we are, and only some of it has a way out") {
  const Circumstances root{"/proc/sys"};
  const Circumstances user{"/proc/sys", true, 1000};
  const Circumstances user_namespace{"/proc/sys", true, 0, {.user = false}};
  CHECK(reason(kSetting, EROFS, root, true) == "/proc/sys is read-only");
  CHECK(reason(kHosts, EPERM, root, true) == "permission denied, by a missing capability or a security profile");
  CHECK(reason(kHosts, EACCES, user, true) == "permission denied to uid 1000");
  CHECK(reason(kHosts, EACCES, user_namespace, true) ==
        "permission denied, a user namespace has no power over the host");
  CHECK(reason(kSetting, EACCES, user_namespace, true) ==
        "permission denied, by a missing capability or a security profile");
  CHECK(reason(kSetting, EINVAL, root, false) == "the kernel does not accept this value");
  CHECK(reason(kSetting, ERANGE, root, false) == "the kernel does not accept this value");
  CHECK(reason(kSetting, EBUSY, root, false) == "Device or resource busy");
}

TEST_CASE("a key may be hidden from a container's network, and never from the host's") {
  const Setting setting{"net/core/invented", "1", "f:1"};
  CHECK(explain_unknown(setting, {"/proc/sys"}) ==
        "net.core.invented = 1 (f:1) is an unknown key: this kernel has none, or shows it in the host's network only");
  CHECK(explain_unknown(setting, {"/proc/sys", true, 0, {.network = true}}) ==
        "net.core.invented = 1 (f:1) is an unknown key: this kernel has none");
}

TEST_CASE("a text is one line of bounded length, whatever the kernel or a file says") {
  const Setting setting{"kernel/x", std::string(4000, 'v'), "f:1"};
  const std::string text = explain_applied(setting, "a\033[2J\nb", std::nullopt, false);
  CHECK(text == "kernel.x = " + std::string(120, 'v') + "... (f:1) was set, it was a?[2J b");
}

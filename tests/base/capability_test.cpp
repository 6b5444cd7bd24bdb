#include "base/capability.hpp"

#include <doctest/doctest.h>
#include <linux/capability.h>

using namespace cinit;

TEST_CASE("a capability is read with and without cap_, in any case") {
  for (const char* text : {"cap_net_bind_service", "net_bind_service", "CAP_NET_BIND_SERVICE", "Net_Bind_Service"}) {
    CAPTURE(text);
    CHECK(parse_capability(text) == Capability{CAP_NET_BIND_SERVICE});
  }
}

TEST_CASE("what names no capability is refused") {
  for (const char* text : {"", "cap_", "cap", "cap_cap_chown", " chown", "chown ", "net bind service", "10", "all"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_capability(text));
  }
}

TEST_CASE("a name has the number that the kernel's own header gives it") {
  CHECK(parse_capability("chown") == Capability{CAP_CHOWN});
  CHECK(parse_capability("setpcap") == kSetCapabilities);
  CHECK(kSetCapabilities == Capability{CAP_SETPCAP});
  CHECK(parse_capability("sys_nice") == kSystemNice);
  CHECK(kSystemNice == Capability{CAP_SYS_NICE});
  CHECK(parse_capability("sys_resource") == kSystemResource);
  CHECK(kSystemResource == Capability{CAP_SYS_RESOURCE});
  CHECK(parse_capability("sys_admin") == Capability{CAP_SYS_ADMIN});
  CHECK(parse_capability("setfcap") == Capability{CAP_SETFCAP});
  CHECK(parse_capability("audit_read") == Capability{CAP_AUDIT_READ});
  CHECK(parse_capability("checkpoint_restore") == Capability{CAP_CHECKPOINT_RESTORE});
}

TEST_CASE("every name leads to its number and back") {
  int number = 0;
  for (const std::string_view name : capability_names()) {
    CAPTURE(name);
    CHECK(parse_capability(name) == Capability{number});
    CHECK(to_string(Capability{number}) == name);
    ++number;
  }
  CHECK(number == CAP_CHECKPOINT_RESTORE + 1);
  CHECK(to_string(Capability{41}) == "41");
}

TEST_CASE("a set has what was added to it") {
  CapabilitySet set;
  set.add(Capability{0});
  set.add(Capability{40});
  CHECK(set.bits == 0x10000000001);
  CHECK(set.has(Capability{40}));
  CHECK_FALSE(set.has(Capability{39}));
}

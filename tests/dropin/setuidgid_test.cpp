// s6-setuidgid and its like, beside those of Debian's s6.
#include <doctest/doctest.h>

#include "s6_comparison.hpp"

using namespace cinit::s6_test;
namespace e2e = cinit::e2e;

namespace {

const char* const kPrograms[] = {"s6-setuidgid", "s6-envuidgid", "s6-applyuidgid"};

// One container with Debian's programs in /usr/bin, and one with links to cinit.
class Pair {
 public:
  Pair() {
    cinit::transcript_test::install_programs(original_, kPrograms);
    for (const char* const name : kPrograms) ours_.link("/sbin/cinit", std::string("/usr/bin/") + name);
    for (Container* const container : {&original_, &ours_}) {
      container->file("/etc/passwd",
                      "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\nlone:x:7:7::/:/bin/sh\n");
      container->file("/etc/group", "root:x:0:\napp:x:1000:\nmedia:x:44:app\nvideo:x:45:app,root\n");
      container->file("/etc/nsswitch.conf", "passwd: files\ngroup: files\n");
      container->start({"app", "app1"}, {.volumes = {"/lib:/lib", "/lib64:/lib64"}});
    }
  }

  void compare(const std::string& line) {
    INFO(line);
    const e2e::Output original = original_.exec({"sh", "-c", line + " 2>/dev/null"});
    const e2e::Output ours = ours_.exec({"sh", "-c", line + " 2>/dev/null"});
    CHECK(original.text == ours.text);
    CHECK(original.code == ours.code);
  }

 private:
  Container original_;
  Container ours_;
};

}  // namespace

TEST_CASE("s6-setuidgid, s6-envuidgid and s6-applyuidgid by links to cinit") {
  Pair pair;
  const std::string who = "grep -E '^(Uid|Gid|Groups)' /proc/self/status";
  const std::string numbers = "sh -c 'echo $UID $GID $GIDLIST'";
  for (const std::string account : {"app", "lone", "root", "1000:44", "1000:44:45,46", "0:0", "nosuch", "1000",
                                    "app:", ":44", "app:media", "1000:media"}) {
    pair.compare("s6-setuidgid " + account + " " + who);
    pair.compare("s6-envuidgid " + account + " " + numbers);
  }
  pair.compare("s6-setuidgid");
  pair.compare("s6-setuidgid app");
  pair.compare("s6-setuidgid -x app id");
  pair.compare("s6-setuidgid app sh -c 'echo $HOME $USER; exit 7'");
  pair.compare("s6-setuidgid app nosuch");
  pair.compare("s6-setuidgid app s6-setuidgid lone true");
  pair.compare("s6-envuidgid app s6-applyuidgid -Uz " + who);
  pair.compare("s6-envuidgid app s6-applyuidgid -U " + numbers);
  pair.compare("s6-envuidgid app s6-applyuidgid -U -z " + numbers);
  pair.compare("s6-applyuidgid -u 5 -g 7 -G 7,8 " + who);
  pair.compare("s6-applyuidgid -u 5 -g 9 -G 7,8 " + who);
  pair.compare("s6-applyuidgid -u 5 -g 8 -G 7,8 " + who);
  pair.compare("s6-applyuidgid -u5 " + who);
  pair.compare("s6-applyuidgid -U true");
  pair.compare("s6-applyuidgid -u x true");
  pair.compare("s6-applyuidgid -u 5");
  pair.compare("s6-applyuidgid");
}

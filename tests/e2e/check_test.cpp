// `cinit check` and `cinit show`, as far as they are about the image and not about the configuration alone.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::e2e;

namespace {

constexpr char kRun[] = "#!/bin/sh\nexec sleep 99\n";

// What a command of cinit's answers in this image, with its exit code in front.
std::string answer(Container& image, const Arguments& command, const Options& options = {}) {
  image.cinit(command, options);
  const End end = image.wait_exit();
  return std::to_string(end.code) + ": " + image.log();
}

std::string valid(int services, const std::string& warnings = "0 warnings") {
  return "cinit: the configuration is valid: " + std::to_string(services) + " service" + (services == 1 ? "" : "s") +
         ", " + warnings + "\n";
}

}  // namespace

TEST_CASE("show lists the services of service directories, each on a line of its own") {
  Container image;
  image.config("[service.db]\ncommand = 'sleep 99'\n");
  image.file("/etc/service/web/run", kRun, 0755).file("/etc/service/x\nevil = 1/run", kRun, 0755);
  const std::string text = answer(image, {"show"});
  CHECK(text.starts_with("0: "));
  CHECK(
      text.ends_with("\n# Services of service directories:\n"
                     "#   \"web\": \"/etc/service/web\"\n"
                     "#   \"x\\nevil = 1\": \"/etc/service/x\\nevil = 1\"\n"));
}

TEST_CASE("show refuses what the boot would refuse, and tells of what is odd") {
  Container wrong;
  wrong.file("/etc/services.d/web/run", kRun, 0755).file("/etc/services.d/web/notification-fd", "x\n");
  CHECK(answer(wrong, {"show"}).starts_with("78: /etc/services.d/web/notification-fd:1:1: error: "));
  CHECK(!wrong.logged("[cinit]"));

  Container odd;
  odd.file("/etc/services.d/web/run", kRun, 0755).file("/etc/services.d/web/lock-fd", "3\n");
  const std::string text = answer(odd, {"show"});
  CHECK(text.starts_with("0: "));
  CHECK(odd.logged("/etc/services.d/web/lock-fd: warning: "));
  CHECK(text.ends_with("#   \"web\": \"/etc/services.d/web\"\n"));
}

TEST_CASE("check warns of a run that cannot be run, in one message that says why") {
  Container image;
  image.file("/etc/service/a/down", "").file("/etc/service/b/run", kRun, 0644);
  CHECK(answer(image, {"check"}) ==
        "0: /etc/service/a/run: warning: there is no such file\n"
        "/etc/service/b/run: warning: is not executable (chmod +x)\n" +
            valid(2, "2 warnings"));
}

TEST_CASE("check does not warn of what the boot makes executable") {
  Container image;
  const std::string source = "/etc/s6-overlay/s6-rc.d/";
  image.file("/etc/services.d/a/run", kRun, 0644).file("/etc/services.d/b/down", "");
  image.file(source + "c/run", kRun, 0644).file(source + "c/type", "longrun\n").file(source + "user/contents.d/c", "");
  CHECK(answer(image, {"check"}) ==
        "0: /etc/services.d/b/run: warning: there is no such file\n" + valid(3, "1 warning"));
}

TEST_CASE("check warns of a command that cannot be run") {
  Container image;
  image.file("/opt/plain", "");
  image.config("[service.a]\ncommand = '/opt/plain'\n[service.b]\ncommand = '/opt/nothing'\n");
  CHECK(answer(image, {"check"}) ==
        "0: /etc/cinit.toml:2:11: warning: [service.a] command: /opt/plain is not executable (chmod +x)\n"
        "/etc/cinit.toml:4:11: warning: [service.b] command: /opt/nothing: No such file or directory\n" +
            valid(2, "2 warnings"));
}

TEST_CASE("check knows the command of an s6-rc oneshot by its directory") {
  Container image;
  const std::string source = "/etc/s6-overlay/s6-rc.d/";
  image.file(source + "a/type", "oneshot\n")
      .file(source + "a/up", "/opt/nothing\n")
      .file(source + "user/contents.d/a", "");
  CHECK(answer(image, {"check"}) ==
        "0: " + source + "a: warning: command: /opt/nothing: No such file or directory\n" + valid(1, "1 warning"));
}

TEST_CASE("check warns of service-directories that are none, if somebody has chosen them") {
  Container image;
  image.config("[cinit]\nservice-directories = ['/etc/service', '/etc/typo', '/etc/passwd']\n");
  const std::string why = ": warning: is no directory, but one of [cinit] service-directories\n";
  CHECK(answer(image, {"check"}) == "0: /etc/typo" + why + "/etc/passwd" + why + valid(0, "2 warnings"));
}

TEST_CASE("check reads fix-attrs.d: a mistake there is an error where it would end the boot") {
  Container image;
  image.file("/etc/fix-attrs.d/10-data", "nonsense\n");
  SUBCASE("it would not") {
    const std::string text = answer(image, {"check"});
    CHECK(text.starts_with("0: /etc/fix-attrs.d/10-data:1:1: warning: "));
    CHECK(text.ends_with(valid(0, "1 warning")));
  }
  SUBCASE("it would") {
    CHECK(answer(image, {"check"}, {.env = {{"S6_BEHAVIOUR_IF_STAGE2_FAILS", "2"}}})
              .starts_with("78: /etc/fix-attrs.d/10-data:1:1: error: "));
  }
}

TEST_CASE("check proves the stop timeout that the boot takes") {
  Container image;
  image.config("[service.web]\ncommand = 'sleep 99'\nstop-timeout = '20s'\n");
  image.file("/etc/services.d/.keep", "");
  const std::string too_long =
      "0: /etc/cinit.toml:3:16: warning: [service.web] its stop-timeout of 20 s is longer than "
      "that of the whole stop, ";
  SUBCASE("the default") { CHECK(answer(image, {"check"}).starts_with(too_long + "9 s")); }
  SUBCASE("of s6-overlay's variables") {
    CHECK(answer(image, {"check"}, {.env = {{"S6_SERVICES_GRACETIME", "7000"}}}).starts_with(too_long + "10 s"));
  }
  SUBCASE("of s6-overlay's variables, long enough") {
    CHECK(answer(image, {"check"}, {.env = {{"S6_SERVICES_GRACETIME", "30000"}}}) == "0: " + valid(1));
  }
  SUBCASE("of cinit's variable") {
    CHECK(answer(image, {"check"}, {.env = {{"CINIT_STOP_TIMEOUT", "10s"}, {"S6_SERVICES_GRACETIME", "30000"}}})
              .starts_with(too_long + "10 s"));
  }
  SUBCASE("of the command line") { CHECK(answer(image, {"check", "-t", "30s"}) == "0: " + valid(1)); }
}

TEST_CASE("a service directory cannot be named in cinit.toml, and who does is told so") {
  for (const std::string directory : {"/etc/service/a", "/etc/services.d/a"}) {
    for (const Arguments& command : {Arguments{"check"}, Arguments{}}) {
      CAPTURE(directory);
      Container image;
      image.config("[service.b]\ncommand = 'sleep 99'\nrequires = ['a']\n").file(directory + "/run", kRun, 0755);
      CHECK(answer(image, command).starts_with("78: "));
      CHECK(image.logged("/etc/cinit.toml:3:13: error: requires in [service.b]: \"a\" is a service directory, \"" +
                         directory + "\", and those cannot be named here: let "));
    }
  }
}

#include "init/s6_overlay.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.hpp"

using namespace cinit;
using namespace cinit::init;
using namespace cinit::test;
using namespace std::chrono_literals;

namespace {

S6Settings settings(const config::Variables& environment) { return read_s6_settings(environment); }

std::vector<std::string> names_of(const std::vector<core::Program>& programs) {
  std::vector<std::string> names;
  for (const core::Program& program : programs) names.push_back(program.name);
  return names;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("s6-overlay's variables: what is not set, or makes no sense, is the default") {
  for (const char* value : {"", "x", "-1", "1x"}) {
    const S6Settings read = settings({{"S6_KEEP_ENV", value},
                                      {"S6_BEHAVIOUR_IF_STAGE2_FAILS", value},
                                      {"S6_FIX_ATTRS_HIDDEN", value},
                                      {"S6_KILL_FINISH_MAXTIME", value},
                                      {"S6_KILL_GRACETIME", value}});
    CHECK(!read.keeps_environment);
    CHECK(!read.ends_after_failure);
    CHECK(!read.fixes_hidden_files);
    CHECK(read.finish_time == 5s);
    CHECK(!read.stop_timeout);
  }
  CHECK(settings({}).early_command.empty());
  CHECK(settings({}).first_words.empty());
}

TEST_CASE("s6-overlay's variables: what they say") {
  CHECK(settings({{"S6_KEEP_ENV", "1"}}).keeps_environment);
  CHECK(!settings({{"S6_KEEP_ENV", "0"}}).keeps_environment);
  CHECK(!settings({{"S6_BEHAVIOUR_IF_STAGE2_FAILS", "1"}}).ends_after_failure);
  CHECK(settings({{"S6_BEHAVIOUR_IF_STAGE2_FAILS", "3"}}).ends_after_failure);
  CHECK(settings({{"S6_BEHAVIOUR_IF_STAGE2_FAILS", "2"}}).ends_after_failure);
  CHECK(settings({{"S6_FIX_ATTRS_HIDDEN", "1"}}).fixes_hidden_files);
  CHECK(settings({{"S6_STAGE2_HOOK", "a b"}}).early_command == "a b");
  CHECK(settings({{"S6_CMD_ARG0", "/bin/wrap -x"}}).first_words == Strings{"/bin/wrap", "-x"});
  CHECK(settings({{"S6_KILL_FINISH_MAXTIME", "250"}}).finish_time == 250ms);
  CHECK(!settings({{"S6_KILL_FINISH_MAXTIME", "0"}}).finish_time);
}

TEST_CASE("s6-overlay's variables: a stop may take as long as they allow, when they say anything about it") {
  CHECK(settings({{"S6_SERVICES_GRACETIME", "30000"}}).stop_timeout == 33s);
  CHECK(settings({{"S6_KILL_GRACETIME", "1000"}}).stop_timeout == 4s);
  CHECK(settings({{"S6_SERVICES_GRACETIME", "0"}, {"S6_KILL_GRACETIME", "0"}}).stop_timeout == 0s);
}

TEST_CASE("s6-overlay's variables: those that ask for what cinit does not do are told of") {
  const config::Variables in_vain{{"S6_RUNTIME_PROFILE", "test"},
                                  {"S6_RUNTIME_BUNDLEDIR", "/opt/bundles"},
                                  {"S6_LOGGING", "1"},
                                  {"S6_SYNC_DISKS", "1"}};
  CHECK(settings(in_vain).without_effect ==
        Strings{"S6_RUNTIME_PROFILE", "S6_RUNTIME_BUNDLEDIR", "S6_LOGGING", "S6_SYNC_DISKS"});
  CHECK(settings(
            {{"S6_RUNTIME_PROFILE", ""}, {"S6_LOGGING", "0"}, {"S6_SYNC_DISKS", "0"}, {"S6_CMD_RECEIVE_SIGNALS", "1"}})
            .without_effect.empty());
}

TEST_CASE("a stop timeout of s6-overlay's variables holds where nobody has chosen another") {
  TemporaryDirectory root;
  make_directories(root.path() + "/etc/services.d");
  const auto overlay = S6Overlay::find({{"S6_KILL_GRACETIME", "1000"}}, root.path());
  config::Container container;
  Image().apply_settings(container);
  CHECK(!container.stop_timeout);
  overlay->apply_settings(container);
  CHECK(container.stop_timeout == 4s);
  container.stop_timeout = 30s;
  overlay->apply_settings(container);
  CHECK(container.stop_timeout == 30s);
}

TEST_CASE("an image is one of s6-overlay when it has one of its directories") {
  TemporaryDirectory root;
  CHECK(!S6Overlay::find({}, root.path()));
  const char* place = "";
  SUBCASE("") { place = "/etc/services.d"; }
  SUBCASE("") { place = "/etc/cont-init.d"; }
  SUBCASE("") { place = "/etc/cont-finish.d"; }
  SUBCASE("") { place = "/etc/fix-attrs.d"; }
  SUBCASE("") { place = "/etc/s6-overlay/s6-rc.d"; }
  make_directories(root.path() + place);
  CHECK(S6Overlay::find({}, root.path()));
}

TEST_CASE("scripts have PATH only, which leads to s6-overlay's programs as well") {
  TemporaryDirectory root;
  make_directories(root.path() + "/etc/services.d");
  CHECK(*S6Overlay::find({{"PATH", "/opt/bin:/bin"}, {"X", "1"}}, root.path())->bare_environment() ==
        config::Variables{{"PATH", "/usr/bin:/opt/bin:/bin"}});
  CHECK(!S6Overlay::find({{"S6_KEEP_ENV", "1"}}, root.path())->bare_environment());
}

TEST_CASE("PATH ends with Debian's place of execline, where there is no /command") {
  TemporaryDirectory root;
  make_directories(root.path() + "/etc/services.d");
  make_directories(root.path() + "/usr/lib/execline/bin");
  const auto path = [&] { return S6Overlay::find({{"PATH", "/usr/bin:/bin"}}, root.path())->search_path(); };
  CHECK(path() == "/usr/bin:/bin:/usr/lib/execline/bin");
  make_directories(root.path() + "/command");
  CHECK(path() == "/command:/usr/bin:/bin");
}

TEST_CASE("PATH begins with /command where there is one, and has /usr/bin and /bin") {
  TemporaryDirectory root;
  make_directories(root.path() + "/etc/services.d");
  make_directories(root.path() + "/command");
  const auto path = [&](const std::string& of_container) {
    return S6Overlay::find({{"PATH", of_container}}, root.path())->search_path();
  };
  CHECK(path("/opt/bin") == "/command:/usr/bin:/bin:/opt/bin");
  CHECK(path("/usr/local/bin:/usr/bin:/bin") == "/command:/usr/local/bin:/usr/bin:/bin");
  CHECK(path("/bin:/command:/usr/bin") == "/bin:/command:/usr/bin");  // somebody has chosen
  CHECK(path("/bin2:/usr/binary") == "/command:/usr/bin:/bin:/bin2:/usr/binary");
  CHECK(path("") == "/command:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

TEST_CASE("its programs in the order of s6-overlay, without hidden files and directories") {
  TemporaryDirectory root;
  for (const char* file : {"/etc/cont-init.d/20-b", "/etc/cont-init.d/10-a", "/etc/cont-init.d/.hidden",
                           "/etc/cont-init.d/directory/x", "/etc/cont-finish.d/z", "/etc/fix-attrs.d/01"}) {
    write_file(root.path() + file, "#!/bin/sh\n");
  }
  const auto overlay = S6Overlay::find({{"S6_STAGE2_HOOK", "true"}, {"S6_CMD_ARG0", "wrap"}}, root.path());
  core::Commands commands;
  commands.main_command = {"main"};
  overlay->add_to(commands);
  CHECK(names_of(commands.startup) == Strings{"fix-attrs", "/etc/cont-init.d/10-a", "/etc/cont-init.d/20-b"});
  CHECK(names_of(commands.post_stop) == Strings{"/etc/cont-finish.d/z"});
  CHECK(commands.post_stop.front().timeout == 5s);
  CHECK(commands.post_stop.front().kill_after == 0s);
  CHECK(commands.main_command == Strings{"wrap", "main"});
  CHECK(commands.startup.back().on_failure == core::HookFailure::Ignored);
}

TEST_CASE("what is to be run is made executable for those who may read it, and nothing else changes") {
  TemporaryDirectory root;
  struct File {
    const char* path;
    mode_t before;
    mode_t after;
  };
  const File files[] = {{"/etc/cont-init.d/a", 0644, 0755},        {"/etc/cont-init.d/private", 0600, 0700},
                        {"/etc/cont-init.d/.hidden", 0644, 0644},  {"/etc/services.d/web/run", 0700, 0700},
                        {"/etc/services.d/web/notes", 0644, 0644}, {"/etc/secret", 0600, 0600}};
  for (const File& file : files) {
    write_file(root.path() + file.path, "#!/bin/sh\n");
    REQUIRE(chmod((root.path() + file.path).c_str(), file.before) == 0);
  }
  REQUIRE(symlink("../secret", (root.path() + "/etc/cont-init.d/link").c_str()) == 0);
  CHECK(S6Overlay::find({}, root.path())->make_executable().empty());
  for (const File& file : files) {
    CAPTURE(file.path);
    struct stat status {};
    REQUIRE(stat((root.path() + file.path).c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == file.after);
  }
}

TEST_CASE("what a script changes in the environment directory, what starts later gets") {
  TemporaryDirectory root;
  make_directories(root.path() + "/etc/services.d");
  auto overlay = S6Overlay::find({}, root.path());
  config::Variables environment{{"A", "1"}, {"B", "2"}, {"EMPTY", ""}};
  overlay->write_environment(environment);
  const std::string directory = root.path() + "/run/s6/container_environment/";
  write_file(directory + "A", "changed");
  write_file(directory + "NEW", "new");
  write_file(directory + "UNSET", "");
  REQUIRE(unlink((directory + "B").c_str()) == 0);
  environment.emplace("UNSET", "x");
  overlay->reload_environment(environment);
  CHECK(environment == config::Variables{{"A", "changed"}, {"EMPTY", ""}, {"NEW", "new"}});
}

TEST_CASE("a script may leave an exit code, where either version of s6-overlay has it") {
  TemporaryDirectory root;
  make_directories(root.path() + "/etc/services.d");
  const auto overlay = S6Overlay::find({}, root.path());
  CHECK(overlay->make_places().empty());
  CHECK(!overlay->exit_code());
  SUBCASE("the second") { write_file(root.path() + "/run/s6/env-stage3/S6_STAGE2_EXITED", "42"); }
  SUBCASE("the third") { write_file(root.path() + "/run/s6-linux-init-container-results/exitcode", "42\n"); }
  CHECK(overlay->exit_code() == 42);
  // The next start of the container.
  CHECK(overlay->make_places().empty());
  CHECK(!overlay->exit_code());
}

TEST_CASE("what is no exit code is none") {
  TemporaryDirectory root;
  make_directories(root.path() + "/etc/services.d");
  const auto overlay = S6Overlay::find({}, root.path());
  for (const char* text : {"", "x", "-1", "256", "0"}) {
    write_file(root.path() + "/run/s6-linux-init-container-results/exitcode", text);
    CHECK(!overlay->exit_code());
  }
}

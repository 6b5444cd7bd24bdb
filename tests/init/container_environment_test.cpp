#include "init/container_environment.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "files.hpp"
#include "forked.hpp"
#include "os/syscall.hpp"

using namespace cinit::init;
using namespace cinit::test;
using cinit::config::Variables;

namespace {

// A root directory with an /etc/container_environment in it.
struct Fixture {
  Fixture() { make_directories(root.path() + "/etc/container_environment"); }

  std::string path(const std::string& name) const { return root.path() + "/etc/container_environment/" + name; }
  void write(const std::string& name, const std::string& value) const { write_file(path(name), value); }
  void remove(const std::string& name) const { REQUIRE(unlink(path(name).c_str()) == 0); }

  TemporaryDirectory root;
  ContainerEnvironment directory{root.path()};
};

}  // namespace

TEST_CASE("without the directory there is no container environment") {
  const TemporaryDirectory root;
  Variables variables{{"A", "1"}};
  const auto none = ContainerEnvironment(root.path()).import(variables);
  REQUIRE(none);
  CHECK(!*none);
  CHECK(names_in(root.path()).empty());
  const auto some = Fixture().directory.import(variables);
  REQUIRE(some);
  CHECK(*some);
}

TEST_CASE("at first the container's own variables win, and every variable gets a file, but for those of a user") {
  Fixture fixture;
  fixture.write("COLOUR", "of the file\n");
  fixture.write("SHAPE", "round\n");
  Variables variables{{"COLOUR", "blue"}, {"HOME", "/root"}, {"USER", "root"}};
  REQUIRE(fixture.directory.import(variables));
  CHECK(variables == Variables{{"COLOUR", "blue"}, {"HOME", "/root"}, {"SHAPE", "round"}, {"USER", "root"}});
  CHECK(names_in(fixture.path("")) == std::vector<std::string>{"COLOUR", "SHAPE"});
  CHECK(read_file(fixture.path("COLOUR")) == "blue");
}

TEST_CASE("later the files win, and a variable whose file is gone is unset") {
  Fixture fixture;
  Variables variables{{"COLOUR", "blue"}, {"HOME", "/root"}, {"SHAPE", "round"}};
  REQUIRE(fixture.directory.import(variables));
  fixture.write("COLOUR", "green\n");
  fixture.write("NEW", "1");
  fixture.remove("SHAPE");
  REQUIRE(fixture.directory.reload(variables));
  CHECK(variables == Variables{{"COLOUR", "green"}, {"HOME", "/root"}, {"NEW", "1"}});
  fixture.remove("NEW");
  REQUIRE(fixture.directory.reload(variables));
  CHECK(variables == Variables{{"COLOUR", "green"}, {"HOME", "/root"}});
}

TEST_CASE(
    "later a file of a user's variable wins, although the container had it already: nobody else has written that "
    "file") {
  Fixture fixture;
  fixture.write("HOME", "/home/app\n");
  fixture.write("SHAPE", "round\n");
  Variables variables{{"HOME", "/root"}, {"SHAPE", "square"}};
  REQUIRE(fixture.directory.import(variables));
  CHECK(variables == Variables{{"HOME", "/root"}, {"SHAPE", "square"}});
  REQUIRE(fixture.directory.reload(variables));
  CHECK(variables == Variables{{"HOME", "/home/app"}, {"SHAPE", "square"}});
}

TEST_CASE("one newline at the end of a file is none of the value's") {
  Fixture fixture;
  fixture.write("NONE", "");
  fixture.write("ONE", "a\n");
  fixture.write("TWO", "a\nb\n\n");
  Variables variables;
  REQUIRE(fixture.directory.import(variables));
  CHECK(variables == Variables{{"NONE", ""}, {"ONE", "a"}, {"TWO", "a\nb\n"}});
}

TEST_CASE("what cannot be a variable is passed over") {
  Fixture fixture;
  fixture.write("A=B", "1");
  fixture.write("NUL", std::string("a\0b", 3));
  fixture.write("HUGE", std::string((128 << 10) + 1, 'x'));
  make_directories(fixture.path("directory"));
  Variables variables;
  REQUIRE(fixture.directory.import(variables));
  CHECK(variables.empty());
}

TEST_CASE("a variable whose name is no file name gets no file, and stays") {
  Fixture fixture;
  Variables variables{{"..", "1"}, {"A/B", "2"}, {"../C", "3"}};
  const Variables before = variables;
  REQUIRE(fixture.directory.import(variables));
  REQUIRE(fixture.directory.reload(variables));
  CHECK(variables == before);
  CHECK(!read_file(fixture.path("../C")));
}

TEST_CASE(
    "values may be secrets: a new file is for root and the group of the directory, one that is there keeps its mode") {
  Fixture fixture;
  fixture.write("OLD", "1");
  REQUIRE(chmod(fixture.path("OLD").c_str(), 0604) == 0);
  REQUIRE(chown(fixture.path("").c_str(), 0, 4000) == 0);
  REQUIRE(chmod(fixture.path("").c_str(), 0751) == 0);
  Variables variables{{"OLD", "2"}, {"SECRET", "x"}};
  REQUIRE(fixture.directory.import(variables));
  const auto state_of = [&](const char* name) {
    struct stat status {};
    REQUIRE(stat(fixture.path(name).c_str(), &status) == 0);
    char text[64];
    snprintf(text, sizeof(text), "%u:%u %o", status.st_uid, status.st_gid, status.st_mode & 07777U);
    return std::string(text);
  };
  CHECK(state_of("SECRET") == "0:4000 640");
  CHECK(state_of("OLD") == "0:0 604");
  CHECK(state_of("") == "0:4000 751");
}

TEST_CASE("in a directory of another user no link is followed and no FIFO waited for, neither to read nor to write") {
  Fixture fixture;
  const std::string secret = fixture.root.path() + "/secret";
  write_file(secret, "secret");
  REQUIRE(chmod(fixture.root.path().c_str(), 0755) == 0);
  REQUIRE(symlink(secret.c_str(), fixture.path("READ").c_str()) == 0);
  REQUIRE(symlink(secret.c_str(), fixture.path("WRITTEN").c_str()) == 0);
  REQUIRE(link(secret.c_str(), fixture.path("HARD").c_str()) == 0);
  REQUIRE(mkfifo(fixture.path("FIFO").c_str(), 0666) == 0);
  REQUIRE(chown(fixture.path("").c_str(), 1000, 1000) == 0);
  const auto body = [&] {
    Variables variables{{"FIFO", "x"}, {"HARD", "x"}, {"NEW", "x"}, {"WRITTEN", "x"}};
    const auto imported = fixture.directory.import(variables);
    return std::string(imported && *imported && !variables.contains("READ") ? "imported" : "not imported");
  };
  CHECK(in_child(body) == "imported");
  CHECK(read_file(secret) == "secret");
  CHECK(read_file(fixture.path("NEW")) == "x");
}

TEST_CASE("a link that root has put into the directory is followed, as to a secret of the engine's") {
  Fixture fixture;
  write_file(fixture.root.path() + "/run/secrets/password", "secret\n");
  REQUIRE(symlink("../../run/secrets/password", fixture.path("PASSWORD").c_str()) == 0);
  Variables variables;
  REQUIRE(fixture.directory.import(variables));
  CHECK(variables == Variables{{"PASSWORD", "secret"}});
}

TEST_CASE("want of descriptors does not unset what the directory holds") {
  Fixture fixture;
  fixture.write("FILE", "1");
  Variables variables{{"OWN", "2"}};
  REQUIRE(fixture.directory.import(variables));
  for (const rlim_t descriptors : {3U, 4U}) {
    CHECK(in_child([&] {
            const rlimit64 few{descriptors, descriptors};
            cinit::os::sys::setrlimit(RLIMIT_NOFILE, &few);
            Variables changed = variables;
            const auto reloaded = fixture.directory.reload(changed);
            return (reloaded ? std::string("reloaded") : reloaded.error().message) +
                   (changed == variables ? ", unchanged" : ", changed");
          }) == "Too many open files, unchanged");
  }
}

TEST_CASE("the dumps are a script and an object, only for root and the group of the file") {
  const Fixture fixture;
  fixture.directory.dump({{"A", "it's"}, {"B.C", "\"\n"}});
  const std::string base = fixture.root.path() + "/etc/container_environment";
  CHECK(read_file(base + ".sh") == "export A='it'\\''s'\nexport B_C='\"\n'\n");
  CHECK(read_file(base + ".json") == "{\"A\": \"it's\", \"B.C\": \"\\\"\\u000a\"}\n");
  for (const char* suffix : {".sh", ".json"}) {
    struct stat status {};
    REQUIRE(stat((base + suffix).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U & ~0640U) == 0);
  }
}

TEST_CASE("the script has nothing that belongs to a user, for whoever reads it is another") {
  const Fixture fixture;
  fixture.directory.dump({{"A", "1"}, {"HOME", "/root"}, {"SHELL", "/bin/sh"}, {"UID", "0"}, {"USER", "root"}});
  const std::string base = fixture.root.path() + "/etc/container_environment";
  CHECK(read_file(base + ".sh") == "export A='1'\n");
  CHECK(read_file(base + ".json") ==
        "{\"A\": \"1\", \"HOME\": \"/root\", \"SHELL\": \"/bin/sh\", \"UID\": \"0\", \"USER\": \"root\"}\n");
}

TEST_CASE("a dump that is there keeps its owner and its mode") {
  const Fixture fixture;
  const std::string path = fixture.root.path() + "/etc/container_environment.sh";
  write_file(path, std::string(1000, 'x'));
  REQUIRE(chmod(path.c_str(), 0604) == 0);
  REQUIRE(chown(path.c_str(), 1000, 1001) == 0);
  fixture.directory.dump({{"A", "1"}});
  CHECK(read_file(path) == "export A='1'\n");
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0604);
  CHECK(status.st_uid == 1000);
  CHECK(status.st_gid == 1001);
}

TEST_CASE("where /etc cannot take the dumps they go to /run/cinit") {
  const Fixture fixture;
  make_directories(fixture.root.path() + "/etc/container_environment.sh");  // as good as read-only
  make_directories(fixture.root.path() + "/run");
  fixture.directory.dump({{"A", "1"}});
  CHECK(read_file(fixture.root.path() + "/run/cinit/container_environment.sh") == "export A='1'\n");
  CHECK(read_file(fixture.root.path() + "/run/cinit/container_environment.json") == "{\"A\": \"1\"}\n");
}

TEST_CASE("an environment without variables has empty dumps that are still what they should be") {
  CHECK(to_shell({}).empty());
  CHECK(to_json({}) == "{}\n");
}

TEST_CASE("a name that no shell can have is a comment, and the rest goes on") {
  CHECK(to_shell({{"1PASSWORD_SERVICE_HOST", "secret"}, {"A", "1"}, {"a.b", "2"}}) ==
        "# 1PASSWORD_SERVICE_HOST is left out: no shell has a variable of that name\nexport A='1'\nexport a_b='2'\n");
}

TEST_CASE("a file that cannot be a variable is told with its reason, and a directory is none") {
  Fixture fixture;
  const std::string directory = fixture.root.path() + "/etc/container_environment";
  make_directories(directory + "/sub");
  write_file(directory + "/FINE", "1");
  write_file(directory + "/HUGE", std::string(131073, 'y'));
  write_file(directory + "/NUL", std::string("a\0b", 3));
  Variables variables;
  REQUIRE(fixture.directory.import(variables));
  CHECK(variables == Variables{{"FINE", "1"}});
  CHECK(fixture.directory.left_out() ==
        std::vector<std::string>{directory + "/HUGE is no variable: it is longer than 131072 bytes",
                                 directory + "/NUL is no variable: it has a NUL in it"});
}

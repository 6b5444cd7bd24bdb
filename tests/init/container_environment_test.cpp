#include "init/container_environment.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "files.hpp"

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
  CHECK(!ContainerEnvironment(root.path()).exists());
  CHECK(Fixture().directory.exists());
}

TEST_CASE("at first the container's own variables win, and every variable gets a file, but for those of a user") {
  Fixture fixture;
  fixture.write("COLOUR", "of the file\n");
  fixture.write("SHAPE", "round\n");
  Variables variables{{"COLOUR", "blue"}, {"HOME", "/root"}, {"USER", "root"}};
  fixture.directory.import(variables);
  CHECK(variables == Variables{{"COLOUR", "blue"}, {"HOME", "/root"}, {"SHAPE", "round"}, {"USER", "root"}});
  CHECK(names_in(fixture.path("")) == std::vector<std::string>{"COLOUR", "SHAPE"});
  CHECK(read_file(fixture.path("COLOUR")) == "blue");
}

TEST_CASE("later the files win, and a variable whose file is gone is unset") {
  Fixture fixture;
  Variables variables{{"COLOUR", "blue"}, {"HOME", "/root"}, {"SHAPE", "round"}};
  fixture.directory.import(variables);
  fixture.write("COLOUR", "green\n");
  fixture.write("NEW", "1");
  fixture.remove("SHAPE");
  fixture.directory.reload(variables);
  CHECK(variables == Variables{{"COLOUR", "green"}, {"HOME", "/root"}, {"NEW", "1"}});
  fixture.remove("NEW");
  fixture.directory.reload(variables);
  CHECK(variables == Variables{{"COLOUR", "green"}, {"HOME", "/root"}});
}

TEST_CASE(
    "later a file of a user's variable wins, although the container had it already: nobody else has written that "
    "file") {
  Fixture fixture;
  fixture.write("HOME", "/home/app\n");
  fixture.write("SHAPE", "round\n");
  Variables variables{{"HOME", "/root"}, {"SHAPE", "square"}};
  fixture.directory.import(variables);
  CHECK(variables == Variables{{"HOME", "/root"}, {"SHAPE", "square"}});
  fixture.directory.reload(variables);
  CHECK(variables == Variables{{"HOME", "/home/app"}, {"SHAPE", "square"}});
}

TEST_CASE("one newline at the end of a file is none of the value's") {
  Fixture fixture;
  fixture.write("NONE", "");
  fixture.write("ONE", "a\n");
  fixture.write("TWO", "a\nb\n\n");
  Variables variables;
  fixture.directory.import(variables);
  CHECK(variables == Variables{{"NONE", ""}, {"ONE", "a"}, {"TWO", "a\nb\n"}});
}

TEST_CASE("what cannot be a variable is passed over") {
  Fixture fixture;
  fixture.write("A=B", "1");
  fixture.write("NUL", std::string("a\0b", 3));
  fixture.write("HUGE", std::string((128 << 10) + 1, 'x'));
  make_directories(fixture.path("directory"));
  Variables variables;
  fixture.directory.import(variables);
  CHECK(variables.empty());
}

TEST_CASE("a variable whose name is no file name gets no file, and stays") {
  Fixture fixture;
  Variables variables{{"..", "1"}, {"A/B", "2"}, {"../C", "3"}};
  const Variables before = variables;
  fixture.directory.import(variables);
  fixture.directory.reload(variables);
  CHECK(variables == before);
  CHECK(!read_file(fixture.path("../C")));
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

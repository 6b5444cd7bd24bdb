// Which file os::spawn() runs.
#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "launch.hpp"

using namespace cinit::test;
namespace os = cinit::os;
using cinit::StartStage;

namespace {

// Directories "a", "b" and "c", of which each test puts some on the search path.
struct Directories {
  Directories() {
    for (const char* name : {"a", "b", "c"}) make_directories(path(name));
  }
  std::string path(const std::string& name) const { return root.path() + "/" + name; }
  // A program that prints `name`.
  void add_program(const std::string& name, mode_t mode = 0755) const {
    write_program(path(name), "#!/bin/sh\necho " + name + "\n", mode);
  }
  std::string search(const std::string& entries, const std::string& program = "tool") const {
    Launch launch({program});
    launch.setup.search_path = entries.c_str();
    return launch.run();
  }

  TemporaryDirectory root;
};

const std::string kNotFound = failed_at(StartStage::Exec, ENOENT);
const std::string kRefused = failed_at(StartStage::Exec, EACCES);

}  // namespace

TEST_CASE("the first directory of the search path that has the program wins") {
  const Directories with;
  with.add_program("b/tool");
  with.add_program("c/tool");
  CHECK(with.search(with.path("a") + ":" + with.path("b") + ":" + with.path("c")) == "b/tool\n[code 0]");
  CHECK(with.search(with.path("c") + ":" + with.path("b")) == "c/tool\n[code 0]");
}

TEST_CASE("what cannot be run does not end the search, and is reported when nothing better is found") {
  const Directories with;
  with.add_program("a/tool", 0644);
  make_directories(with.path("b/tool"));
  CHECK(with.search(with.path("a") + ":" + with.path("c")) == kRefused);
  CHECK(with.search(with.path("c") + ":" + with.path("a") + ":" + with.path("c")) == kRefused);
  CHECK(with.search(with.path("b")) == kRefused);
  with.add_program("c/tool");
  CHECK(with.search(with.path("a") + ":" + with.path("b") + ":" + with.path("c")) == "c/tool\n[code 0]");
}

TEST_CASE("directories that do not exist, are files or are too long are passed over") {
  const Directories with;
  with.add_program("a/file");
  with.add_program("c/tool");
  const std::string endless(PATH_MAX + 100, 'x');
  CHECK(with.search(with.path("missing") + ":" + with.path("a/file") + ":" + endless + ":" + with.path("c")) ==
        "c/tool\n[code 0]");
  CHECK(with.search(endless) == kNotFound);
}

TEST_CASE("an empty entry of the search path is the working directory") {
  const Directories with;
  with.add_program("a/tool");
  for (const char* entries : {"", ":/missing", "/missing:", "/missing::/missing"}) {
    CAPTURE(entries);
    Launch launch({"tool"});
    const std::string directory = with.path("a");
    launch.setup.working_dir = directory.c_str();
    launch.setup.search_path = entries;
    CHECK(launch.run() == "a/tool\n[code 0]");
  }
  CHECK(with.search("/missing:/missing") == kNotFound);
}

TEST_CASE("without a search path the usual directories are searched") {
  Launch launch({"true"});
  launch.setup.search_path = nullptr;
  CHECK(launch.run() == "[code 0]");
}

TEST_CASE("a name with a slash is not searched for, and begins in the child's working directory") {
  const Directories with;
  make_directories(with.path("a/sub"));
  with.add_program("a/sub/tool");
  CHECK(with.search(with.path("a"), "sub/tool") == kNotFound);
  Launch launch({"sub/tool"});
  const std::string directory = with.path("a");
  launch.setup.working_dir = directory.c_str();
  launch.setup.search_path = "/missing";
  CHECK(launch.run() == "a/sub/tool\n[code 0]");
}

TEST_CASE("an empty name is not found") {
  const Directories with;
  CHECK(with.search(with.path("a"), "") == kNotFound);
}

TEST_CASE("a program that is being written is busy, and too many arguments are too many") {
  const Directories with;
  with.add_program("a/tool");
  const os::Fd writer(os::sys::open(AT_FDCWD, with.path("a/tool").c_str(), O_WRONLY | O_CLOEXEC));
  CHECK(with.search(with.path("a")) == failed_at(StartStage::Exec, ETXTBSY));
  Launch launch({"/bin/true", std::string(8'000'000, 'x')});
  CHECK(launch.run() == failed_at(StartStage::Exec, E2BIG));
}

TEST_CASE("a file without a shebang is a script for /bin/sh, and gets its arguments") {
  const Directories with;
  write_program(with.path("a/tool"), "echo \"$0|$#|$1|$2\"\n");
  const std::string expected = with.path("a/tool") + "|2|one word|\n[code 0]";
  Launch by_path({with.path("a/tool"), "one word", ""});
  CHECK(by_path.run() == expected);
  Launch by_search({"tool", "one word", ""});
  const std::string entries = with.path("b") + ":" + with.path("a");
  by_search.setup.search_path = entries.c_str();
  CHECK(by_search.run() == expected);
}

TEST_CASE("argv is as it was after a script was run by /bin/sh, also for a second start") {
  const Directories with;
  write_program(with.path("a/tool"), "exit 3\n");
  Launch launch({"tool"});
  const std::string entries = with.path("a");
  launch.setup.search_path = entries.c_str();
  char** const argv = launch.setup.argv;
  char* const program = argv[0];
  for (int i = 0; i < 2; ++i) {
    CHECK(end_of(launch.start_standing_still().pid) == "code 3");
    CHECK(launch.slot() == nullptr);
    CHECK(argv[0] == program);
    CHECK(std::string(launch.program()) == "tool");
  }
}

#include "init/startup_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "files.hpp"
#include "forked.hpp"
#include "os/file.hpp"

using namespace cinit::init;
using namespace cinit::test;

namespace {

using Strings = std::vector<std::string>;

const Strings kUsual = {"/etc/my_init.d"};

// What was found; a failure is a warning of its own here.
StartupFiles find(const Strings& directories, const TemporaryDirectory& root) {
  const cinit::Result<StartupFiles> found = find_startup_files(directories, root.path());
  return found ? *found : StartupFiles{{}, {"failed: " + found.error().message}};
}

// Below the root directory `root`.
void write_program(const TemporaryDirectory& root, const std::string& path, mode_t mode = 0755) {
  write_file(root.path() + path, "#!/bin/sh\n");
  REQUIRE(chmod((root.path() + path).c_str(), mode) == 0);
}

}  // namespace

TEST_CASE("startup files are in the order of the C locale, hidden ones included, and rc.local is the last") {
  const TemporaryDirectory root;
  for (const char* name : {"a", "Zed", "9_nine", "10_a", ".hidden"}) {
    write_program(root, std::string("/etc/my_init.d/") + name);
  }
  write_program(root, "/etc/rc.local");
  const StartupFiles found = find(kUsual, root);
  CHECK(found.programs == Strings{"/etc/my_init.d/.hidden", "/etc/my_init.d/10_a", "/etc/my_init.d/9_nine",
                                  "/etc/my_init.d/Zed", "/etc/my_init.d/a", "/etc/rc.local"});
  CHECK(found.warnings.empty());
}

TEST_CASE("one directory of startup files comes after the other") {
  const TemporaryDirectory root;
  write_program(root, "/first/z");
  write_program(root, "/second/a");
  CHECK(find(Strings{"/first", "/second"}, root).programs == Strings{"/first/z", "/second/a"});
}

TEST_CASE("a startup file that is not executable is a warning, what is no regular file is not even that") {
  const TemporaryDirectory root;
  write_program(root, "/etc/my_init.d/forgotten", 0644);
  write_program(root, "/etc/rc.local", 0644);
  write_program(root, "/etc/my_init.d/directory/file");
  REQUIRE(mkfifo((root.path() + "/etc/my_init.d/fifo").c_str(), 0755) == 0);
  REQUIRE(symlink("/nowhere", (root.path() + "/etc/my_init.d/dangling").c_str()) == 0);
  const StartupFiles found = find(kUsual, root);
  CHECK(found.programs.empty());
  CHECK(found.warnings == Strings{"/etc/my_init.d/forgotten is not executable, so it is not run (chmod +x)",
                                  "/etc/rc.local is not executable, so it is not run (chmod +x)"});
}

TEST_CASE("a link to a program is a startup file") {
  const TemporaryDirectory root;
  write_program(root, "/opt/program");
  make_directories(root.path() + "/etc/my_init.d");
  REQUIRE(symlink("../../opt/program", (root.path() + "/etc/my_init.d/link").c_str()) == 0);
  CHECK(find(kUsual, root).programs == Strings{"/etc/my_init.d/link"});
}

TEST_CASE("a directory of startup files may be missing if it is the usual one, and is a warning if it is another") {
  const TemporaryDirectory root;
  CHECK(find(kUsual, root).warnings.empty());
  CHECK(find(Strings{"/opt/hooks"}, root).warnings == Strings{"/opt/hooks: No such file or directory"});
}

TEST_CASE("a file in the place of the usual directory is a warning") {
  const TemporaryDirectory root;
  write_program(root, "/etc/my_init.d");
  CHECK(find(kUsual, root).warnings == Strings{"/etc/my_init.d: Not a directory"});
}

TEST_CASE("a directory that cannot be read for want of descriptors is no directory without programs") {
  const TemporaryDirectory root;
  write_program(root, "/etc/my_init.d/10-hook");
  const auto body = [&] {
    const rlimit64 none{3, 3};
    cinit::os::sys::setrlimit(RLIMIT_NOFILE, &none);
    const StartupFiles found = find(kUsual, root);
    return std::to_string(found.programs.size()) + " " + found.warnings.at(0);
  };
  CHECK(in_child(body) == "0 failed: /etc/my_init.d: Too many open files");
}

TEST_CASE("a program that can never be looked at is a warning") {
  const TemporaryDirectory root;
  make_directories(root.path() + "/etc/my_init.d");
  REQUIRE(symlink("loop", (root.path() + "/etc/my_init.d/loop").c_str()) == 0);
  const StartupFiles found = find(kUsual, root);
  CHECK(found.programs.empty());
  CHECK(found.warnings == Strings{"/etc/my_init.d/loop: Too many levels of symbolic links"});
}

#include "os/exec_reason.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "launch.hpp"
#include "os/fd.hpp"

using namespace cinit::test;
namespace os = cinit::os;

namespace {

// What explain_exec_failure says, with `directory` shown as "DIR".
struct Explained {
  std::string operator()(const std::string& program, int error, const char* search_path = nullptr) const {
    cinit::Line line;
    os::explain_exec_failure(line, program.c_str(), search_path, error);
    os::add_system_words(line, error);
    std::string text(line.text());
    for (std::size_t at = 0; (at = text.find(directory.path(), at)) != std::string::npos;) {
      text.replace(at, directory.path().size(), "DIR");
    }
    return text;
  }
  std::string path(const std::string& name) const { return directory.path() + "/" + name; }

  TemporaryDirectory directory;
};

constexpr char kLoader[] =
    ": the dynamic loader or another interpreter that it needs is missing (a program of another libc, or of another "
    "image?)";

}  // namespace

TEST_CASE("a program that no directory has says where it was looked for") {
  const Explained explain;
  CHECK(explain("nosuch", ENOENT, "/bin:/usr/bin") == "nosuch: not found in /bin:/usr/bin");
  CHECK(explain("nosuch", ENOENT) ==
        "nosuch: not found in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  CHECK(explain("", ENOENT, "/bin") == ": not found in /bin");
}

TEST_CASE("a path that does not exist says so, and so does a link to nowhere") {
  const Explained explain;
  CHECK(explain(explain.path("nosuch"), ENOENT) == "DIR/nosuch: No such file or directory");
  REQUIRE(symlink("/nonexistent", explain.path("link").c_str()) == 0);
  CHECK(explain(explain.path("link"), ENOENT) == "DIR/link: No such file or directory");
}

TEST_CASE("a script whose interpreter does not exist names it") {
  const Explained explain;
  write_program(explain.path("script"), "#! /opt/python -u\n");
  CHECK(explain(explain.path("script"), ENOENT) == "DIR/script: its interpreter /opt/python does not exist");
  CHECK(explain("script", ENOENT, explain.directory.path().c_str()) ==
        "DIR/script: its interpreter /opt/python does not exist");
  write_program(explain.path("end"), "#!/opt/perl");
  CHECK(explain(explain.path("end"), ENOENT) == "DIR/end: its interpreter /opt/perl does not exist");
}

TEST_CASE("line ends of Windows in the first line are recognised") {
  const Explained explain;
  write_program(explain.path("script"), "#!/bin/sh\r\necho\r\n");
  CHECK(explain(explain.path("script"), ENOENT) ==
        "DIR/script: its first line ends with CR LF, so it asks for the interpreter \"/bin/sh\\r\", which does not "
        "exist; "
        "convert the file to Unix line ends");
}

TEST_CASE("a program whose loader is missing is told from one that is missing itself") {
  const Explained explain;
  write_program(explain.path("elf"), std::string("\177ELF\2\1\1") + std::string(50, '\0'));
  CHECK(explain(explain.path("elf"), ENOENT) == std::string("DIR/elf") + kLoader);
  write_program(explain.path("empty"), "");
  CHECK(explain(explain.path("empty"), ENOENT) == std::string("DIR/empty") + kLoader);
}

TEST_CASE("permission denied says what is in the way") {
  const Explained explain;
  write_program(explain.path("plain"), "#!/bin/sh\n", 0644);
  make_directories(explain.path("directory"));
  REQUIRE(mkfifo(explain.path("fifo").c_str(), 0755) == 0);
  write_program(explain.path("fine"), "#!/bin/sh\n");
  CHECK(explain(explain.path("plain"), EACCES) == "DIR/plain is not executable (chmod +x)");
  CHECK(explain("plain", EACCES, explain.directory.path().c_str()) == "DIR/plain is not executable (chmod +x)");
  CHECK(explain(explain.path("directory"), EACCES) == "DIR/directory is a directory");
  CHECK(explain(explain.path("fifo"), EACCES) == "DIR/fifo is no regular file");
  CHECK(explain(explain.path("fine"), EACCES) ==
        "DIR/fine: permission denied (its mode, that of its interpreter, or a mount with noexec)");
}

TEST_CASE("a directory that may not be entered is on the way") {
  const Explained explain;
  make_directories(explain.path("closed"));
  write_program(explain.path("closed/tool"), "#!/bin/sh\n");
  REQUIRE(chmod(explain.path("closed").c_str(), 0700) == 0);
  REQUIRE(chmod(explain.directory.path().c_str(), 0755) == 0);
  const auto body = [&] {
    if (setresuid(3000, 3000, 3000) != 0) return std::string("setresuid");
    return explain(explain.path("closed/tool"), EACCES);
  };
  CHECK(in_child(body) == "DIR/closed/tool: permission denied on the way to it");
}

TEST_CASE("a format that the kernel does not know may be of another architecture") {
  const Explained explain;
  write_program(explain.path("tool"), "");
  CHECK(explain(explain.path("tool"), ENOEXEC) == "DIR/tool: Exec format error (a program of another architecture?)");
}

TEST_CASE("every other error is told in the words of the system") {
  const Explained explain;
  write_program(explain.path("tool"), "");
  CHECK(explain(explain.path("tool"), ETXTBSY) == "DIR/tool: Text file busy");
  CHECK(explain("tool", E2BIG, explain.directory.path().c_str()) == "DIR/tool: Argument list too long");
}

TEST_CASE("a relative path begins in the working directory, also behind the search path") {
  const Explained explain;
  const std::string working_dir = explain.directory.path();
  make_directories(explain.path("bin"));
  write_program(explain.path("bin/tool"), "#!/opt/x\n");
  write_program(explain.path("here"), "#!/opt/x\n");
  const os::Fd before(os::sys::open(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(chdir(working_dir.c_str()) == 0);
  CHECK(explain("./bin/tool", ENOENT, "/bin") == "./bin/tool: its interpreter /opt/x does not exist");
  CHECK(explain("tool", ENOENT, "/bin:bin") == "bin/tool: its interpreter /opt/x does not exist");
  CHECK(explain("here", ENOENT, "/bin:") == "here: its interpreter /opt/x does not exist");
  CHECK(explain("here", ENOENT, "") == "here: its interpreter /opt/x does not exist");
  REQUIRE(fchdir(before.get()) == 0);
}

TEST_CASE("what is no file is not opened for its interpreter, nor waited for") {
  const Explained explain;
  REQUIRE(mkfifo(explain.path("fifo").c_str(), 0755) == 0);
  CHECK(explain(explain.path("fifo"), ENOENT) == "DIR/fifo" + std::string(kLoader));
}

TEST_CASE("what a path is cut to still fits") {
  const Explained explain;
  const std::string endless(10'000, 'x');
  CHECK(explain("/" + endless, ENAMETOOLONG).starts_with("/xxx"));
  CHECK(explain(endless, ENOENT, "/bin").starts_with("xxx"));
  CHECK(explain("tool", ENOENT, endless.c_str()).starts_with("tool: not found in xxx"));
}

#include "os/exec_reason.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "files.hpp"
#include "forked.hpp"
#include "launch.hpp"
#include "os/fd.hpp"
#include "os/program_file.hpp"

using namespace cinit::test;
namespace os = cinit::os;

namespace {

// What explain_exec_failure says, with `directory` shown as "DIR".
struct Explained {
  std::string operator()(const std::string& program, int error, const char* search_path = nullptr,
                         const std::vector<std::string>& variables = {}) const {
    cinit::Line line;
    std::string name = program;
    char* argv[] = {name.data(), nullptr};
    std::vector<char*> envp;
    for (const std::string& variable : variables) envp.push_back(const_cast<char*>(variable.c_str()));
    envp.push_back(nullptr);
    os::explain_exec_failure(line, {argv, envp.data(), search_path, error});
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
  write_program(explain.path("script"), "#!" + explain.path("plain") + "\n");
  CHECK(explain(explain.path("script"), EACCES) ==
        "DIR/script: its interpreter DIR/plain is not executable (chmod +x)");
}

TEST_CASE("a directory that may not be entered is on the way, and a program may not be this user's to run") {
  const Explained explain;
  make_directories(explain.path("closed/deep"));
  write_program(explain.path("closed/deep/tool"), "#!/bin/sh\n");
  write_program(explain.path("private"), "#!/bin/sh\n", 0700);
  REQUIRE(chmod(explain.path("closed").c_str(), 0700) == 0);
  REQUIRE(chmod(explain.directory.path().c_str(), 0755) == 0);
  const auto body = [&] {
    if (setresuid(3000, 3000, 3000) != 0) return std::string("setresuid");
    return explain(explain.path("closed/deep/tool"), EACCES) + "\n" + explain(explain.path("private"), EACCES);
  };
  CHECK(in_child(body) ==
        "DIR/closed/deep/tool: uid 3000 may not enter DIR/closed (mode 0700, of uid 0)\n"
        "DIR/private: uid 3000 may not run it (mode 0700, of uid 0)");
}

TEST_CASE("a file system that is mounted with noexec is named alone") {
  const Explained explain;
  const auto body = [&] {
    if (unshare(CLONE_NEWNS) != 0) return std::string("unshare");
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return std::string("mount");
    make_directories(explain.path("data"));
    if (mount("tmpfs", explain.path("data").c_str(), "tmpfs", MS_NOEXEC, nullptr) != 0) return std::string("tmpfs");
    write_program(explain.path("data/tool"), "#!/bin/sh\n");
    return explain(explain.path("data/tool"), EACCES);
  };
  CHECK(in_child(body) == "DIR/data/tool is on a file system that is mounted with noexec");
}

TEST_CASE("what the kernel takes for no program is told by its first bytes") {
  const Explained explain;
  const auto of = [&](const std::string& head) {
    write_program(explain.path("tool"), head);
    return explain(explain.path("tool"), ENOEXEC);
  };
  const std::string own(os::own_platform());
  const std::string other = own == "x86_64" ? "aarch64" : "x86_64";
  const char machine = own == "x86_64" ? '\xb7' : '\x3e';
  const std::string ident = std::string("\177ELF\2\1\1") + std::string(9, '\0') + std::string("\2\0", 2);
  CHECK(of(ident + machine + std::string(45, '\0')) ==
        "DIR/tool is a program for " + other + ", and this machine is " + own);
  CHECK(of(std::string("MZ\220\0", 4)) == "DIR/tool is a program for Windows, and this machine is " + own);
  CHECK(of(ident + (own == "x86_64" ? '\x3e' : '\xb7') + '\0') == "DIR/tool is no complete program (cut off?)");
  CHECK(of("\177ELF") == "DIR/tool is neither a program nor a text");
  CHECK(of(std::string("x\0y", 3)) == "DIR/tool is neither a program nor a text");
  CHECK(of("#!\nexit 0\n") == "DIR/tool: its first line names no interpreter");
  write_program(explain.path("python"), ident + machine + std::string(45, '\0'));
  CHECK(of("#!" + explain.path("python") + " -u\n") ==
        "DIR/tool: its interpreter DIR/python is a program for " + other + ", and this machine is " + own);
}

TEST_CASE("arguments and environment that are too long are told by what is longest") {
  const Explained explain;
  CHECK(explain("tool", E2BIG, "/bin", {"A=b", "HUGE=" + std::string(200000, 'y')}) ==
        "tool: the variable HUGE is 200006 bytes long, more than the 131072 that the kernel takes");
  const std::vector<std::string> many(200, "SERVICE=" + std::string(60000, 'z'));
  const std::string told = explain("tool", E2BIG, "/bin", many);
  CHECK(told.find("tool: its arguments and its environment take 12003413 bytes, more than the kernel allows") == 0);
  CHECK(told.ends_with("; the variable SERVICE is 60009 bytes long"));
}

TEST_CASE("every other error is told in the words of the system") {
  const Explained explain;
  write_program(explain.path("tool"), "");
  CHECK(explain(explain.path("tool"), ETXTBSY) == "DIR/tool: Text file busy");
  CHECK(explain("tool", EIO, explain.directory.path().c_str()) == "DIR/tool: Input/output error");
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

#include "inside.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "sysctl/parse.hpp"

namespace cinit::test {
namespace {

constexpr unsigned kLimit = 10;  // seconds

// In a child: doctest is not asked, because it would be the copy that belongs to the child.
void must(bool worked, const char* what) {
  if (worked) return;
  std::fprintf(stderr, "%s: %s\n", what, strerror(errno));
  _exit(1);
}

void write_file(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  must(fd >= 0, path);
  must(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), path);
  close(fd);
}

void enter(int namespaces) {
  must(namespaces == 0 || unshare(namespaces) == 0, "unshare (the test needs root)");
  if ((namespaces & CLONE_NEWPID) != 0) {
    const pid_t first = fork();
    must(first >= 0, "fork");
    if (first > 0) {
      int status = 1;
      must(waitpid(first, &status, 0) == first, "waitpid");
      _exit(status == 0 ? 0 : 1);
    }
    alarm(kLimit);
  }
  if ((namespaces & CLONE_NEWNS) == 0) return;
  must(mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make / private");
  if ((namespaces & CLONE_NEWPID) != 0) must(mount("proc", "/proc", "proc", 0, nullptr) == 0, "mount /proc");
}

[[noreturn]] void run_child(int namespaces, int output, const std::function<void(std::string&)>& work) {
  alarm(kLimit);
  enter(namespaces);
  std::string report;
  work(report);
  must(write(output, report.data(), report.size()) == static_cast<ssize_t>(report.size()), "report");
  _exit(0);
}

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t size = 0;
  while ((size = read(fd, buffer, sizeof(buffer))) > 0) text.append(buffer, static_cast<std::size_t>(size));
  return text;
}

const char* name_of(sysctl::OutcomeKind kind) {
  switch (kind) {
    case sysctl::OutcomeKind::AlreadyRight: return "AlreadyRight";
    case sysctl::OutcomeKind::Applied: return "Applied";
    case sysctl::OutcomeKind::AppliedHostWide: return "AppliedHostWide";
    case sysctl::OutcomeKind::Unknown: return "Unknown";
    case sysctl::OutcomeKind::Refused: return "Refused";
    case sysctl::OutcomeKind::Skipped: return "Skipped";
    case sysctl::OutcomeKind::Ignored: return "Ignored";
    case sysctl::OutcomeKind::Malformed: return "Malformed";
  }
  return "?";
}

}  // namespace

std::string inside(int namespaces, const std::function<void(std::string& report)>& work) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) run_child(namespaces, ends[1], work);
  close(ends[1]);
  std::string report = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE_MESSAGE(status == 0, "the child ended with wait status ", status, ", having reported: ", report);
  return report;
}

void make_proc_sys_read_only() {
  must(mount("/proc/sys", "/proc/sys", nullptr, MS_BIND, nullptr) == 0, "bind /proc/sys");
  must(mount("", "/proc/sys", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0, "remount /proc/sys");
}

void become_user(unsigned id) {
  must(setgroups(0, nullptr) == 0, "setgroups");
  must(setresgid(id, id, id) == 0, "setresgid");
  must(setresuid(id, id, id) == 0, "setresuid");
  // What has changed its uid does not own its /proc/self any more.
  must(prctl(PR_SET_DUMPABLE, 1) == 0, "PR_SET_DUMPABLE");
}

void become_root_of_user_namespace(int more_namespaces) {
  constexpr unsigned kCommonUser = 54321;
  become_user(kCommonUser);
  must(unshare(CLONE_NEWUSER | more_namespaces) == 0, "unshare a user namespace");
  const std::string map = "0 " + std::to_string(kCommonUser) + " 1\n";
  write_file("/proc/self/uid_map", map);
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/gid_map", map);
  must(geteuid() == 0, "become uid 0");
}

void write_key(const std::string& path, const std::string& value) {
  write_file(("/proc/sys/" + path).c_str(), value + '\n');
}

std::string key(const std::string& path) {
  const int fd = open(("/proc/sys/" + path).c_str(), O_RDONLY | O_CLOEXEC);
  must(fd >= 0, path.c_str());
  std::string value = read_all(fd);
  close(fd);
  return value.substr(0, value.find('\n'));
}

std::string to_text(const std::vector<sysctl::Outcome>& outcomes) {
  std::string text;
  for (const sysctl::Outcome& outcome : outcomes)
    text += std::string(name_of(outcome.kind)) + ": " + outcome.text + '\n';
  return text;
}

std::vector<sysctl::Outcome> apply_text(const std::string& text, const sysctl::Options& options) {
  sysctl::Parsed parsed = sysctl::parse("/etc/sysctl.conf", text);
  return sysctl::apply({std::move(parsed.settings), std::move(parsed.problems)}, options);
}

}  // namespace cinit::test

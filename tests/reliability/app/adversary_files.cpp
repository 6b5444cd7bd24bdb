// What the adversary does to the files in its directories: its working directory, log files, environment, programs.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "adversary.hpp"
#include "app.hpp"

namespace app {

namespace {

constexpr const char* kFiles[] = {"/home/app/log/out.log", "/home/app/log/out.log.1", "/home/app/env",
                                  "/home/app/bin/prog", "/home/app/bin/probe"};
constexpr const char* kDirectories[] = {"/home/app/log", "/home/app/wd", "/home/app/bin"};
constexpr const char* kTargets[] = {"/etc/shadow", "/etc/cron.d/x", "/etc/cron.d",
                                    "/etc/passwd", "/dev/tty",      "/proc/self/mem"};
constexpr const char* kPits[] = {"/home/app/fifo", "/home/app/bin/prog", "/dev/zero", "/dev/full"};

template <std::size_t N>
const char* any_of(Means& means, const char* const (&list)[N]) {
  return list[means.any(N)];
}

std::string own_name(const char* what) { return "/home/app/" + std::string(what) + "." + std::to_string(getpid()); }

// Something else, under a name of this process's own.
std::string make_bait(Means& means, bool directory) {
  const std::string name = own_name("bait");
  unlink(name.c_str());
  rmdir(name.c_str());
  int result = 0;
  switch (means.any(4)) {
    case 0: result = mkfifo(name.c_str(), 0666); break;
    case 1: result = symlink(any_of(means, kPits), name.c_str()); break;
    case 2: result = directory ? symlink("/etc/cron.d", name.c_str()) : mkdir(name.c_str(), 0755); break;
    default: result = symlink(directory ? "/etc" : any_of(means, kTargets), name.c_str());
  }
  return result == 0 ? name : "";
}

void exchange(const char* one, const char* other) {
  constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE
  syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, kExchange);
}

}  // namespace

// Until a lease is given up, or lease-break-time is over, whoever opens the file or runs it waits. There is one only while
// no other process has the file open, so it is asked for again and again.
void lease_files(Means& means) {
  const char* const path = means.any(4) > 0 ? "/home/app/bin/probe" : any_of(means, kFiles);
  for (int i = 0; i < 200; ++i) {
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return sleep_ms(5);
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
      flock(fd, LOCK_EX | LOCK_NB);
      sleep_ms(means.any(2) == 0 ? 100 : 2500);
    }
    close(fd);
  }
}

void exchange_files(Means& means) {
  const bool directory = means.any(3) == 0;
  const char* const place = directory ? any_of(means, kDirectories) : any_of(means, kFiles);
  const std::string bait = make_bait(means, directory);
  if (bait.empty()) return;
  // An even number of times, so that what works is there again for a while.
  const int times = 2 * static_cast<int>(means.any(400));
  for (int i = 0; i < times; ++i) exchange(bait.c_str(), place);
  exchange(bait.c_str(), place);
  sleep_ms(static_cast<int>(means.any(60)));
  exchange(bait.c_str(), place);
  unlink(bait.c_str());
  rmdir(bait.c_str());
}

// A program that cannot be run, in the place of one that can.
void replace_programs(Means& means) {
  constexpr const char* kTexts[] = {
      "#!/home/app/fifo\n", "#!/nowhere\n", "#!/home/app/bin/prog\r\n", "#!", "\177ELF\2\1\1", "",
      "#!/home/app/bait\n"};
  const std::string name = own_name("program");
  mkfifo("/home/app/fifo", 0666);
  const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  const std::string text = any_of(means, kTexts);
  if (fd < 0 || write(fd, text.data(), text.size()) < 0) return;
  close(fd);
  const char* const place = means.any(2) == 0 ? "/home/app/bin/prog" : "/home/app/bin/probe";
  exchange(name.c_str(), place);
  sleep_ms(static_cast<int>(means.any(40)));
  exchange(name.c_str(), place);
  unlink(name.c_str());
}

// The log file and a link to a file of root's, back and forth.
void link_logs(Means& means) {
  const std::string link = own_name("link");
  unlink(link.c_str());
  if (symlink(any_of(means, kTargets), link.c_str()) != 0) return;
  const char* const place = means.any(2) == 0 ? "/home/app/log/out.log" : "/home/app/log/out.log.1";
  for (int i = 0; i < 4000; ++i) exchange(link.c_str(), place);
  unlink(link.c_str());
}

// A script whose interpreter is missing, and a FIFO, back and forth in the place of the probe: run as the one, and opened as
// the other to explain what went wrong.
void show_fifo(Means& means) {
  constexpr const char* kProbe = "/home/app/bin/probe";
  const std::string script = own_name("script");
  const std::string fifo = own_name("fifo");
  const int fd = open(script.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  if (fd < 0 || write(fd, "#!/nowhere\n", 11) < 0) return;
  close(fd);
  mkfifo(fifo.c_str(), 0777);
  exchange(script.c_str(), kProbe);
  for (int i = 0; i < 2000; ++i) {
    exchange(fifo.c_str(), kProbe);
    for (unsigned pause = means.any(200); pause > 0; --pause) getpid();
  }
  exchange(script.c_str(), kProbe);
  unlink(script.c_str());
  unlink(fifo.c_str());
}

void change_modes(Means& means) {
  const char* const place = means.any(2) == 0 ? any_of(means, kFiles) : any_of(means, kDirectories);
  struct stat before {};
  if (stat(place, &before) != 0 || before.st_uid != geteuid()) return;
  chmod(place, means.any(2) == 0 ? 0 : 07777);
  sleep_ms(static_cast<int>(means.any(50)));
  chmod(place, 0755);
}

// Its own terminal as an environment file, a log, a program: whoever opens it without O_NOCTTY may get it for good.
void play_terminal(Means& means) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  std::array<char, 64> slave{};
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || ptsname_r(master, slave.data(), slave.size()) != 0)
    return;
  const std::string link = own_name("tty");
  if (symlink(slave.data(), link.c_str()) == 0) {
    const char* const place = any_of(means, kFiles);
    exchange(link.c_str(), place);
    for (int i = 0; i < 10; ++i) {
      ioctl(master, TIOCSTI, "\003");
      if (write(master, "\003\034\032\n", 4) < 0) break;
      sleep_ms(10);
    }
    exchange(link.c_str(), place);
    unlink(link.c_str());
  }
  close(master);
}

// The pipe to PID 1 that its output goes through, which it may open anew and read from.
void meddle_with_output(Means& means) {
  for (const char* name : {"/proc/self/fd/1", "/proc/self/fd/2"}) {
    const int fd = open(name, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) continue;
    fcntl(fd, F_SETPIPE_SZ, means.any(2) == 0 ? 4096 : 1 << 20);
    std::array<char, 4096> buffer{};
    for (int i = 0; i < 50; ++i) {
      if (read(fd, buffer.data(), buffer.size()) < 0 && write(fd, buffer.data(), means.any(4096)) < 0) break;
    }
    fcntl(fd, F_SETFL, means.any(2) == 0 ? O_NONBLOCK : O_DIRECT);
    close(fd);
  }
  sleep_ms(5);
}

}  // namespace app

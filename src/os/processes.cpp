#include "os/processes.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/passing.hpp"

namespace cinit::os {
namespace {

// The layout of what getdents64(2) fills its buffer with.
struct DirectoryEntry {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

// Writes "PID" and what follows. Returns its end.
char* write_path(char* path, pid_t pid, const char* rest) {
  char digits[12];
  int count = 0;
  for (; pid > 0; pid /= 10) digits[count++] = static_cast<char>('0' + pid % 10);
  while (count > 0) *path++ = digits[--count];
  for (; *rest != '\0'; ++rest) *path++ = *rest;
  *path = '\0';
  return path;
}

// Reads the fields of a stat line one after the other.
class Fields {
 public:
  Fields(const char* at, const char* end) : at_(at), end_(end) {}

  char letter() {
    skip_blanks();
    return at_ < end_ ? *at_++ : '?';
  }
  std::int64_t number() {
    skip_blanks();
    const bool negative = at_ < end_ && *at_ == '-';
    if (negative) ++at_;
    std::int64_t value = 0;
    for (; at_ < end_ && *at_ >= '0' && *at_ <= '9'; ++at_) value = value * 10 + (*at_ - '0');
    return negative ? -value : value;
  }
  void skip(int count) {
    for (; count > 0; --count) number();
  }

 private:
  void skip_blanks() {
    while (at_ < end_ && *at_ == ' ') ++at_;
  }
  const char* at_;
  const char* end_;
};

// "PID (name) STATE PPID PGRP SESSION TTY ... STARTTIME": the name may hold anything, also ") ".
bool parse_stat(const char* text, const char* end, Process& process) {
  const char* open = text;
  while (open < end && *open != '(') ++open;
  const char* close = end;
  while (close > open && close[-1] != ')') --close;
  if (close == open) return false;
  --close;
  int length = 0;
  for (const char* at = open + 1; at < close && length < 15; ++at) process.name[length++] = *at;
  process.name[length] = '\0';

  Fields fields(close + 1, end);
  process.state = fields.letter();
  process.parent = static_cast<pid_t>(fields.number());
  process.group = static_cast<pid_t>(fields.number());
  process.session = static_cast<pid_t>(fields.number());
  process.terminal = static_cast<int>(fields.number());
  constexpr int kFieldsBetween = 14;  // tpgid (8) to itrealvalue (21)
  fields.skip(kFieldsBetween);
  process.start = static_cast<std::uint64_t>(fields.number());
  return true;
}

// What is known of a process without a descriptor.
bool read_without_proc(pid_t pid, Process& process) {
  const long group = sys::call(SYS_getpgid, pid);
  if (group < 0) return false;
  process.group = static_cast<pid_t>(group);
  process.session = static_cast<pid_t>(sys::call(SYS_getsid, pid));
  return true;
}

}  // namespace

const char* describe_state(char state) {
  switch (state) {
    case 'R': return "R (running)";
    case 'S': return "S (sleeping)";
    case 'D': return "D (uninterruptible sleep)";
    case 'T': return "T (stopped)";
    case 't': return "t (stopped by a tracer)";
    case 'Z': return "Z (zombie)";
    default: return "an unknown state";
  }
}

pid_t to_pid(const char* text) {
  pid_t pid = 0;
  for (; *text >= '0' && *text <= '9' && pid < 100'000'000; ++text) pid = pid * 10 + (*text - '0');
  return *text == '\0' ? pid : 0;
}

bool Processes::available() const {
  if (looked_) return static_cast<bool>(proc_);
  char self[16];
  long size = 0;
  int error = persist([&] {
    size = sys::readlink("/proc/self", self, sizeof(self) - 1);
    return static_cast<int>(-std::min(size, 0L));
  });
  self[std::max(size, 0L)] = '\0';
  if (size > 0 && to_pid(self) == sys::getpid()) {
    proc_ = persist([] { return Fd(sys::open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); });
    error = proc_.error();
  }
  looked_ = !may_pass(error);
  return static_cast<bool>(proc_);
}

bool Processes::read(pid_t pid, Process& process) const {
  if (!available()) return false;
  char path[24];
  write_path(path, pid, "/stat");
  char text[512];
  long size = 0;
  const int error = persist([&] {
    const Fd file(sys::open(proc_.get(), path, O_RDONLY | O_CLOEXEC));
    size = file ? sys::read(file.get(), text, sizeof(text)) : -file.error();
    return static_cast<int>(-std::min(size, 0L));
  });
  process = Process{};
  process.pid = pid;
  if (may_pass(error)) return read_without_proc(pid, process);
  return size > 0 && parse_stat(text, text + size, process);
}

long Processes::read_text(pid_t pid, const char* name, char* buffer, std::size_t size) const {
  if (!available()) return -ENOENT;
  char path[48];
  write_path(write_path(path, pid, "/"), 0, name);
  long length = 0;
  persist([&] {
    const Fd file(sys::open(proc_.get(), path, O_RDONLY | O_CLOEXEC));
    length = file ? sys::read(file.get(), buffer, size) : -file.error();
    return static_cast<int>(-std::min(length, 0L));
  });
  return length;
}

bool Processes::each_child(ChildVisitor visitor, void* context) const {
  if (!available()) return false;
  const pid_t self = sys::getpid();
  char path[48];
  write_path(write_path(write_path(path, self, "/task/"), self, "/children"), 0, "");
  const Fd file = persist([&] { return Fd(sys::open(proc_.get(), path, O_RDONLY | O_CLOEXEC)); });
  if (!file) {
    if (file.error() != ENOENT) return false;
    return for_each([&](const Process& process) {
      if (process.parent == self) visitor(context, process.pid);
      return true;
    });
  }
  char buffer[4096];
  pid_t pid = 0;
  long size = 0;
  const auto next = [&] {
    size = sys::read(file.get(), buffer, sizeof(buffer));
    return static_cast<int>(-std::min(size, 0L));
  };
  while (persist(next) == 0 && size > 0) {
    for (const char* at = buffer; at < buffer + size; ++at) {
      if (*at >= '0' && *at <= '9') {
        pid = pid * 10 + (*at - '0');
      } else if (pid > 0) {
        visitor(context, std::exchange(pid, 0));
      }
    }
  }
  return size == 0;
}

bool Processes::each(Visitor visitor, void* context) const {
  if (!available()) return false;
  const pid_t self = sys::getpid();
  // An offset of our own: a visit may walk /proc again.
  const Fd directory = persist([&] { return Fd(sys::open(proc_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); });
  if (!directory) return false;
  alignas(DirectoryEntry) char buffer[4096];
  long size = 0;
  const auto next = [&] {
    size = sys::getdents(directory.get(), buffer, sizeof(buffer));
    return static_cast<int>(-std::min(size, 0L));
  };
  while (persist(next) == 0 && size > 0) {
    for (const char* at = buffer; at < buffer + size;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(at);
      at += entry->size;
      const pid_t pid = to_pid(entry->name);
      Process process;
      if (pid > 0 && pid != self && read(pid, process) && !visitor(context, process)) return true;
    }
  }
  return size == 0;
}

bool signal_process(const Processes& processes, const Process& process, const int* signals) {
  const bool own_child = process.parent == sys::getpid();
  const Fd pidfd(own_child ? -1 : sys::pidfd_open(process.pid));
  if (!own_child) {
    Process again;
    // Without pidfds (ENOSYS before Linux 5.3, or no descriptor left) the look at its start time must do.
    if (!pidfd && pidfd.error() == ESRCH) return false;
    if (!processes.read(process.pid, again)) return false;
    if (process.start != 0 && again.start != 0 && again.start != process.start) return false;
  }
  bool there = false;
  for (; *signals != 0; ++signals) {
    const long sent = pidfd ? sys::pidfd_send_signal(pidfd.get(), *signals) : sys::kill(process.pid, *signals);
    there = sent == 0 || there;
  }
  return there;
}

}  // namespace cinit::os

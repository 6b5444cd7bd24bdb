#include "os/as_user.hpp"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/foreign_file.hpp"
#include "os/socket.hpp"

namespace cinit::os {
namespace {

// One datagram: this, and text behind it.
struct Header {
  enum class Kind : std::int32_t { Content, Done, Failed };
  Kind kind = Kind::Done;
  std::int32_t code = 0;  // Failed: an errno
};

constexpr std::size_t kMostText = 32 << 10;

// Room for one descriptor.
union Passenger {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

// ---- In the process. It has a copy of the memory, and there is no other thread, so that it may use what it likes.

// The kernel kills it when its time is up, be it stopped at that moment: timer_create(2), without what libc makes of it, which may
// need threads.
void limit_time(Duration limit) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  int timer = 0;
  if (sys::call(SYS_timer_create, CLOCK_MONOTONIC, sys::word(&event), sys::word(&timer)) != 0) return;
  itimerspec span{};
  span.it_value = to_timespec(limit);
  sys::call(SYS_timer_settime, timer, 0, sys::word(&span), 0);
}

// The kernel reports a descriptor of the poller as long as there is a copy of it, so there must be none here. Standard output
// and error may be meant by a link to /dev/stdout.
void keep_only(int& socket, int& directory) {
  constexpr int kSocket = 3;
  constexpr int kDirectory = 4;
  if (directory == kSocket) directory = dup(directory);
  if (socket != kSocket) sys::dup3(socket, kSocket, O_CLOEXEC);
  if (directory != kDirectory) sys::dup3(directory, kDirectory, O_CLOEXEC);
  socket = kSocket;
  directory = kDirectory;
  close_from(kDirectory + 1);
}

// The real and the saved user stay ours: they are what kill(2) and prlimit(2) look at. Capabilities would override what that
// user may not.
int become(const Identity& user) {
  if (!user.is_another()) return 0;
  constexpr long kUnchanged = -1;
  long result = sys::setgroups(user.groups.size(), user.groups.data());
  if (result == 0 && user.gid != static_cast<gid_t>(-1)) result = sys::setresgid(user.gid);
  if (result == 0) result = sys::call(SYS_setresuid, kUnchanged, user.uid, kUnchanged);
  const sys::CapabilityWord none[2];
  if (result == 0) result = sys::capset(none);
  return static_cast<int>(-result);
}

void send(int socket, Header header, std::string_view text, int fd = -1) {
  Passenger passenger{};
  iovec parts[2] = {{&header, sizeof(header)}, {const_cast<char*>(text.data()), text.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (fd >= 0) {
    message.msg_control = &passenger;
    message.msg_controllen = sizeof(passenger);
    passenger.header.cmsg_len = CMSG_LEN(sizeof(int));
    passenger.header.cmsg_level = SOL_SOCKET;
    passenger.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&passenger.header), &fd, sizeof(fd));
  }
  sendmsg(socket, &message, MSG_NOSIGNAL);
}

void send_failure(int socket, const Error& error) {
  send(socket, {Header::Kind::Failed, error.code}, std::string_view(error.message).substr(0, kMostText));
}

void send_file(int socket, const Result<Fd>& file) {
  if (!file) return send_failure(socket, file.error());
  send(socket, {Header::Kind::Done}, "", file->get());
}

void send_content(int socket, const Result<std::string>& content) {
  if (!content) return send_failure(socket, content.error());
  for (std::string_view rest = *content; !rest.empty(); rest.remove_prefix(std::min(rest.size(), kMostText))) {
    send(socket, {Header::Kind::Content}, rest.substr(0, kMostText));
  }
  send(socket, {Header::Kind::Done}, "");
}

void work(const FileTask& task, int socket, int directory) {
  if (const int error = become(task.user); error != 0) {
    return send_failure(socket, {"cannot become uid " + std::to_string(task.user.uid) + ": " + strerror(error), error});
  }
  switch (task.what) {
    case FileTask::What::OpenLog: return send_file(socket, open_foreign_log(directory, task.path));
    case FileTask::What::RotateLog: return send_file(socket, rotate_foreign_log(directory, task.path, task.max_files));
    case FileTask::What::Read: return send_content(socket, read_foreign_file(directory, task.path, task.most));
  }
}

[[noreturn]] void run(const FileTask& task, Duration limit, int socket) {
  int directory = task.directory;
  keep_only(socket, directory);
  limit_time(limit);
  // In a container of one user the others are not to look into this memory, or to stop it, by ptrace(2).
  sys::prctl(PR_SET_DUMPABLE, 0);
  work(task, socket, directory);
  sys::exit(0);
}

// ---- On this side

// The descriptor that came along, if any.
Fd take_descriptor(msghdr& message) {
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return Fd();
  int fd = -1;
  memcpy(&fd, CMSG_DATA(header), sizeof(fd));
  return Fd(fd);
}

std::string path_of(const os::Fd& directory) {
  char path[PATH_MAX];
  const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(directory.get())).c_str(), path, sizeof(path));
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : "its directory";
}

std::string who_may_change(const os::Fd& directory) {
  struct stat status {};
  if (fstat(directory.get(), &status) != 0) return "another user";
  if ((status.st_mode & S_IWOTH) != 0) return "every user";
  if (status.st_uid != 0 && status.st_uid != geteuid()) return "uid " + std::to_string(status.st_uid);
  return "gid " + std::to_string(status.st_gid);
}

bool is_safe(const Fd& file) {
  struct stat status {};
  return file && fstat(file.get(), &status) == 0 && is_safe_to_write(status);
}

}  // namespace

bool Identity::is_another() const { return uid != static_cast<uid_t>(-1) && uid != geteuid(); }

FileProcess::FileProcess(const FileTask& task, Duration limit) : what_(task.what), deadline_(later(now(), limit)) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    error_ = errno;
    return;
  }
  socket_ = Fd(ends[0]);
  const Fd other(ends[1]);
  const long pid = sys::call(SYS_clone, SIGCHLD);
  if (pid == 0) run(task, limit, other.get());
  if (pid > 0) return;
  error_ = static_cast<int>(-pid);
  socket_.reset();
}

std::string describe_failure(const Place& place, const Identity& user, const Error& error, const char* what) {
  std::string text = path_of(place.directory) + " may be changed by " + who_may_change(place.directory);
  text += user.is_another() ? ", so it is opened as uid " + std::to_string(user.uid)
                            : ", so that no link in there is followed";
  if (user.is_another() && error.code == EACCES) return text + ", who may not " + what + " (" + error.message + ")";
  return text + ": " + error.message;
}

std::optional<Result<FileYield>> FileProcess::take() {
  if (error_ != 0) return Error{std::string("no process for it: ") + strerror(error_), error_};
  while (true) {
    char text[kMostText];
    Header header;
    Passenger passenger{};
    iovec parts[2] = {{&header, sizeof(header)}, {text, sizeof(text)}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    message.msg_control = &passenger;
    message.msg_controllen = sizeof(passenger);
    const long size = sys::receive_message(socket_.get(), &message);
    if (size == -EAGAIN && now() >= deadline_) return Error{"nothing came of it in time", EAGAIN};
    if (size == -EAGAIN || size == -EINTR) return std::nullopt;
    if (size < static_cast<long>(sizeof(header))) return Error{"the process that tried was killed", EINTR};
    Fd file = take_descriptor(message);
    const std::string_view came(text, static_cast<std::size_t>(size) - sizeof(header));
    switch (header.kind) {
      case Header::Kind::Content: yield_.content += came; break;
      case Header::Kind::Failed: return Error{std::string(came), header.code};
      case Header::Kind::Done:
        if (what_ != FileTask::What::Read && !is_safe(file)) return Error{"it is no regular file", ENOTSUP};
        yield_.file = std::move(file);
        return std::move(yield_);
    }
  }
}

}  // namespace cinit::os

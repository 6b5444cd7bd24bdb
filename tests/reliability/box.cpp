#include "box.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace cinit::reliability {

namespace fs = std::filesystem;

namespace {

void mount_at(const char* type, const std::string& place, const char* data, unsigned long flags = 0) {
  fs::create_directories(place);
  checked(mount(type, place.c_str(), type, flags, data), ("mount " + place).c_str());
}

void make_devices(const std::string& dev) {
  mount_at("tmpfs", dev, "mode=755", MS_NOSUID);
  constexpr struct {
    const char* name;
    unsigned major, minor;
  } kDevices[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  for (const auto& device : kDevices) {
    const std::string path = dev + "/" + device.name;
    checked(mknod(path.c_str(), S_IFCHR | 0666, makedev(device.major, device.minor)), "mknod");
    checked(chmod(path.c_str(), 0666), "chmod");
  }
  mount_at("devpts", dev + "/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5");
  mount_at("tmpfs", dev + "/shm", "mode=1777");
  fs::create_symlink("pts/ptmx", dev + "/ptmx");
  fs::create_symlink("/proc/self/fd", dev + "/fd");
  fs::create_symlink("fd/0", dev + "/stdin");
  fs::create_symlink("fd/1", dev + "/stdout");
  fs::create_symlink("fd/2", dev + "/stderr");
}

void raise_loopback() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  checked(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
  close(fd);
}

void become_user(unsigned user) {
  for (int capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; ++capability) continue;
  checked(setgroups(0, nullptr), "setgroups");
  checked(setresgid(user, user, user), "setresgid");
  checked(setresuid(user, user, user), "setresuid");  // takes the capabilities away
}

// The descriptors of PID 1: the three of `options`, and nothing besides but `keep`.
void set_streams(const BoxOptions& options, int keep) {
  const int null = static_cast<int>(checked(open("/dev/null", O_RDWR), "/dev/null"));
  std::array<int, 3> wanted{options.in, options.out, options.err};
  for (int& fd : wanted) fd = static_cast<int>(checked(fcntl(fd < 0 ? null : fd, F_DUPFD, 100), "dup"));
  for (int i = 0; i < 3; ++i) dup2(wanted[static_cast<std::size_t>(i)], i);
  for (int fd : options.closed) close(fd);
  close_range(3, static_cast<unsigned>(keep) - 1, 0);
  close_range(static_cast<unsigned>(keep) + 1, ~0U, 0);
}

void reset_signals() {
  for (int number = 1; number < 65; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::vector<char*> pointers(const Strings& strings) {
  std::vector<char*> all;
  for (const std::string& text : strings) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

Workshop::Workshop(const std::string& cinit, const std::string& app) {
  checked(unshare(CLONE_NEWNS), "unshare");
  checked(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount --make-rprivate");
  std::string name = (fs::temp_directory_path() / "cinit-reliability.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  checked(mount("tmpfs", name.c_str(), "tmpfs", 0, "mode=755"), "mount tmpfs");
  directory_ = name;
  base_ = directory_ + "/base";
  for (const char* part : {"/bin", "/sbin", "/etc", "/root", "/home/app", "/proc", "/dev", "/run", "/tmp", "/shared"}) {
    fs::create_directories(base_ + part);
  }
  fs::copy_file(cinit, base_ + "/sbin/cinit");
  fs::copy_file(app, base_ + "/bin/app");
  write_file(base_ + "/etc/passwd",
             "root:x:0:0:root:/root:/bin/sh\nother:x:1001:1001::/:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n");
  write_file(base_ + "/etc/group", "root:x:0:\nother:x:1001:\napp:x:1000:\nvideo:x:44:app\n");
}

std::string Workshop::new_place() {
  const std::string place = directory_ + "/" + std::to_string(getpid()) + "." + std::to_string(count_++);
  for (const char* part : {"/upper", "/work", "/root", "/shared", "/home/app"}) fs::create_directories(place + part);
  fs::permissions(place + "/shared", fs::perms(0777));
  return place;
}

Box::Box(Workshop& workshop) : place_(workshop.new_place()), base_(workshop.base()) {}

Box::~Box() {
  kill_all();
  if (pid_ > 0 && !status_) waitpid(pid_, nullptr, __WALL);
  for (const int fd : {pidfd_, output_, go_on_}) {
    if (fd >= 0) close(fd);
  }
  std::error_code ignored;
  fs::remove_all(place_, ignored);
}

std::string Box::before_start(const std::string& path) const {
  return place_ + (path.starts_with("/home/app") ? "" : "/upper") + path;
}

Box& Box::file(const std::string& path, std::string_view text, int mode) {
  write_file(before_start(path), text, mode);
  return *this;
}

Box& Box::directory(const std::string& path, unsigned owner, int mode) {
  fs::create_directories(before_start(path));
  checked(chmod(before_start(path).c_str(), static_cast<mode_t>(mode)), "chmod");
  return this->owner(path, owner);
}

Box& Box::link(const std::string& target, const std::string& path) {
  fs::create_directories(fs::path(before_start(path)).parent_path());
  fs::create_symlink(target, before_start(path));
  return *this;
}

Box& Box::owner(const std::string& path, unsigned owner) {
  checked(lchown(before_start(path).c_str(), owner, owner), "chown");
  return *this;
}

void Box::build_root(const BoxOptions& options) const {
  const std::string root = place_ + "/root";
  const std::string layers = "lowerdir=" + base_ + ",upperdir=" + place_ + "/upper,workdir=" + place_ + "/work";
  checked(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount --make-rprivate");
  checked(mount("overlay", root.c_str(), "overlay", 0, layers.c_str()), "mount overlay");
  if (options.proc) mount_at("proc", root + "/proc", nullptr, MS_NOSUID | MS_NODEV | MS_NOEXEC);
  make_devices(root + "/dev");
  mount_at("tmpfs", root + "/run", "mode=755");
  mount_at("tmpfs", root + "/tmp", "mode=1777");
  for (const char* volume : {"/shared", "/home/app"}) {
    checked(mount((place_ + volume).c_str(), (root + volume).c_str(), nullptr, MS_BIND, nullptr), "mount a volume");
  }
  checked(chdir(root.c_str()), "chdir");
  checked(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  checked(umount2(".", MNT_DETACH), "umount");
  checked(chdir("/"), "chdir");
}

void Box::become_pid_1(const BoxOptions& options, int error_pipe) {
  constexpr int kKept = 90;
  try {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // exec keeps it, a change of the user does not
    if (!options.cgroup.empty()) write_file(options.cgroup + "/cgroup.procs", "0\n");
    build_root(options);
    checked(sethostname("box", 3), "sethostname");
    raise_loopback();
    setsid();
    const int go_on =
        options.traced ? static_cast<int>(checked(fcntl(go_on_of_box_, F_DUPFD_CLOEXEC, kKept + 1), "dup")) : -1;
    dup2(error_pipe, kKept);
    BoxOptions streams = options;
    if (streams.out < 0) streams.out = output_of_box_;
    if (streams.err < 0) streams.err = output_of_box_;
    char byte = 0;
    if (go_on >= 0) {
      checked(write(kKept, "", 1), "write");
      if (read(go_on, &byte, 1) != 1) _exit(0);
    }
    set_streams(streams, kKept);
    fcntl(kKept, F_SETFD, FD_CLOEXEC);
    if (options.terminal) checked(ioctl(0, TIOCSCTTY, 0), "TIOCSCTTY");
    reset_signals();
    if (options.user != 0) become_user(options.user);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (options.last_step) options.last_step();
    Strings environment{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/root"};
    for (const auto& [name, value] : options.env) environment.push_back(name + "=" + value);
    execve(options.command[0].c_str(), pointers(options.command).data(), pointers(environment).data());
    throw std::runtime_error("exec: " + std::string(std::strerror(errno)));
  } catch (const std::exception& error) {
    const std::string text = error.what();
    if (write(kKept, text.data(), text.size()) < 0 && write(error_pipe, text.data(), text.size()) < 0) _exit(124);
    _exit(125);
  }
}

void Box::start(const BoxOptions& options) {
  std::array<int, 2> output{};
  std::array<int, 2> go_on{};
  std::array<int, 2> errors{};
  checked(pipe2(output.data(), O_CLOEXEC), "pipe2");
  checked(pipe2(go_on.data(), O_CLOEXEC), "pipe2");
  checked(pipe2(errors.data(), O_CLOEXEC), "pipe2");
  fcntl(output[0], F_SETPIPE_SZ, 1 << 18);
  output_ = output[0];
  output_of_box_ = output[1];
  go_on_ = go_on[1];
  go_on_of_box_ = go_on[0];
  if (options.user != 0) checked(fchown(output[1], options.user, options.user), "fchown");  // as container runtimes do
  const unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | SIGCHLD;
  pid_ = static_cast<pid_t>(checked(syscall(SYS_clone, flags, nullptr, nullptr, nullptr, 0UL), "clone"));
  if (pid_ == 0) {
    close(output[0]);
    close(go_on[1]);
    become_pid_1(options, errors[1]);
  }
  pidfd_ = static_cast<int>(checked(syscall(SYS_pidfd_open, pid_, 0), "pidfd_open"));
  close(errors[1]);
  close(output[1]);
  close(go_on[0]);
  fcntl(output_, F_SETFL, O_NONBLOCK);
  // A traced one says a null byte when it waits; the pipe closes with exec.
  std::string error;
  std::array<char, 256> buffer{};
  ssize_t length = 0;
  while ((length = read(errors[0], buffer.data(), buffer.size())) > 0) {
    if (buffer[0] == '\0') break;
    error.append(buffer.data(), static_cast<std::size_t>(length));
  }
  close(errors[0]);
  if (!error.empty()) throw std::runtime_error("the container cannot be made: " + error);
}

void Box::release() {
  checked(write(go_on_, "", 1), "write");
  close(go_on_);
  go_on_ = -1;
}

bool Box::has_ended() const {
  pollfd one{pidfd_, POLLIN, 0};
  return poll(&one, 1, 0) == 1;
}

std::optional<int> Box::wait_end(Duration limit) {
  if (status_) return status_;
  const Clock::time_point deadline = Clock::now() + limit;
  while (true) {
    read_log();
    std::array<pollfd, 2> both{pollfd{pidfd_, POLLIN, 0}, pollfd{output_, POLLIN, 0}};
    poll(both.data(), both[1].fd >= 0 ? 2 : 1, 5);
    if (has_ended()) break;
    if (Clock::now() >= deadline) return std::nullopt;
  }
  int status = 0;
  if (waitpid(pid_, &status, __WALL) == pid_) status_ = status;
  read_log();
  return status_;
}

bool Box::signal(int number) const { return syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0) == 0; }

void Box::kill_all() const {
  if (pidfd_ >= 0) signal(SIGKILL);
}

std::string Box::inside(const std::string& path) const { return "/proc/" + std::to_string(pid_) + "/root" + path; }

const std::string& Box::log() {
  read_log();
  return log_;
}

void Box::read_log() {
  if (output_ < 0) return;
  std::array<char, 65536> buffer{};
  ssize_t length = 0;
  while ((length = read(output_, buffer.data(), buffer.size())) > 0) {
    log_.append(buffer.data(), static_cast<std::size_t>(length));
  }
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  close(output_);
  output_ = -1;
}

void Box::read_rest_of_log() {
  wait_until([this] { return read_log(), output_ < 0; }, std::chrono::milliseconds(200));
}

int code_of(int wait_status) { return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status); }

}  // namespace cinit::reliability

#include "container.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "libraries.hpp"
#include "spawn.hpp"

namespace cinit::e2e {

namespace fs = std::filesystem;

namespace {

constexpr Clock::duration kShortly = std::chrono::milliseconds(2);

int pidfd_open(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

bool has_ended(int pidfd) {
  pollfd poll_one{pidfd, POLLIN, 0};
  return poll(&poll_one, 1, 0) == 1;
}

void close_and_forget(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// The program of this machine that is called `name`; throws when there is none.
std::string find_program(const std::string& name) {
  for (const char* directory : {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"}) {
    if (access((directory + name).c_str(), X_OK) == 0) return directory + name;
  }
  throw std::runtime_error(name + " is not installed");
}

std::string cinit_binary() {
  const char* path = std::getenv("CINIT_BINARY");
  if (path == nullptr || access(path, X_OK) != 0) {
    throw std::runtime_error("CINIT_BINARY does not name the static binary; build it with the preset release-static");
  }
  return path;
}

// The value of a line "KEY:\t..." of /proc/PID/status.
std::string status_field(const std::string& status, std::string_view key) {
  const std::size_t at = status.find("\n" + std::string(key) + ":");
  if (at == std::string::npos) return "";
  const std::size_t begin = status.find_first_not_of(" \t", at + key.size() + 2);
  return status.substr(begin, status.find('\n', begin) - begin);
}

std::optional<Process> read_process(pid_t host_pid) {
  const std::string directory = "/proc/" + std::to_string(host_pid);
  const std::string status = read_file(directory + "/status");
  const std::string pids = status_field(status, "NSpid");
  if (pids.empty()) return std::nullopt;
  Process process;
  process.host_pid = host_pid;
  process.pid = std::atoi(pids.substr(pids.find_last_of(" \t") + 1).c_str());
  process.state = status_field(status, "State").front();
  process.command = read_file(directory + "/cmdline");
  std::replace(process.command.begin(), process.command.end(), '\0', ' ');
  if (process.command.ends_with(' ')) process.command.pop_back();
  return process;
}

std::string read_link(const std::string& path) {
  std::array<char, 64> target{};
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(length));
}

// Two processes are of the same PID namespace exactly when they name the same one here. It is there for zombies, too.
std::string pid_namespace(pid_t host_pid) { return read_link("/proc/" + std::to_string(host_pid) + "/ns/pid"); }

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0) pids.push_back(pid);
  }
  return pids;
}

// What a non-blocking descriptor has to give. errno is 0 at its end.
std::string read_available(int fd) {
  std::string text;
  std::array<char, 65536> buffer{};
  ssize_t length = 0;
  errno = 0;
  while ((length = ::read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(length));
  }
  if (length == 0) errno = 0;
  return text;
}

// A descriptor for each side of a stream between test and container.
struct Ends {
  int ours = -1;
  int theirs = -1;
};

Ends open_terminal() {
  Ends ends;
  if (openpty(&ends.ours, &ends.theirs, nullptr, nullptr, nullptr) != 0) throw std::runtime_error("openpty");
  fcntl(ends.ours, F_SETFD, FD_CLOEXEC);
  return ends;
}

// A pipe from the container to us (or from us to it), with room for whatever a test says before it is read.
Ends open_pipe(bool to_us) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
  return to_us ? Ends{ends[0], ends[1]} : Ends{ends[1], ends[0]};
}

void make_base_files(Container& container) {
  container.file("/etc/passwd",
                 "root:x:0:0:root:/root:/bin/sh\n"
                 "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n"
                 "www-data:x:33:33:www-data:/var/www:/bin/sh\n"
                 "app:x:1000:1000::/home/app:/bin/sh\n");
  container.file("/etc/group", "root:x:0:\nnogroup:x:65534:\nwww-data:x:33:\napp:x:1000:\nvideo:x:44:app\n");
  for (const char* applet : {"sh",   "ls",    "cat",    "ps",   "echo",   "sleep",    "id",    "env",   "kill",
                             "true", "false", "touch",  "stty", "chmod",  "hostname", "grep",  "mkdir", "rm",
                             "tty",  "mount", "umount", "seq",  "setsid", "unshare",  "mkfifo"}) {
    container.link("busybox", std::string("/bin/") + applet);
  }
}

}  // namespace

double milliseconds(Clock::duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

Container::Container() : root_(directory_ / "root") {
  for (const char* part : {"/bin", "/sbin", "/etc", "/root", "/home/app", "/var/www"}) {
    fs::create_directories(root_ + part);
  }
  fs::create_directory(directory_ / "tmp");
  fs::create_directory(directory_ / "shared");
  fs::permissions(directory_ / "shared", fs::perms(0777));
  fs::copy_file(find_program("busybox"), root_ + "/bin/busybox");
  fs::copy_file(CINIT_E2E_APP, root_ + "/bin/app");
  fs::copy_file(cinit_binary(), root_ + "/sbin/cinit");
  // A binary with sanitizers is dynamic.
  static const std::vector<std::string> libraries = libraries_of(cinit_binary());
  for (const std::string& library : libraries) {
    fs::create_directories(fs::path(root_ + library).parent_path());
    fs::copy_file(library, root_ + library);
  }
  make_base_files(*this);
}

Container::~Container() {
  if (pidfd_ >= 0) syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0);
  if (sandbox_ > 0 && !code_) waitpid(sandbox_, nullptr, 0);
  for (pid_t pid : background_) waitpid(pid, nullptr, 0);
  for (Watched& process : watched_) close(process.pidfd);
  for (int* fd : {&sandbox_pidfd_, &pidfd_, &output_, &input_}) close_and_forget(*fd);
}

Container& Container::file(const std::string& path, const std::string& text, int mode) {
  const std::string place = root_ + path;
  fs::create_directories(fs::path(place).parent_path());
  std::ofstream(place, std::ios::binary) << text;
  fs::permissions(place, fs::perms(mode));
  return *this;
}

Container& Container::link(const std::string& target, const std::string& path) {
  fs::create_directories(fs::path(root_ + path).parent_path());
  fs::create_symlink(target, root_ + path);
  return *this;
}

Container& Container::remove(const std::string& path) {
  fs::remove_all(root_ + path);
  return *this;
}

Arguments Container::sandbox_arguments(const Arguments& command, const Options& options) const {
  Arguments all{"env",
                "TMPDIR=" + (directory_ / "tmp"),
                CINIT_SOURCE_DIR "/examples/sandbox",
                "--pid-file",
                directory_ / "pid",
                "--volume",
                directory_ / "shared:/shared"};
  const auto add = [&all](const char* name, const std::string& value) { all.insert(all.end(), {name, value}); };
  for (const auto& [name, value] : options.env) add("--env", name + "=" + value);
  for (const std::string& volume : options.volumes) add("--volume", volume);
  if (!options.hostname.empty()) add("--hostname", options.hostname);
  if (!options.memory.empty()) add("--memory", options.memory);
  if (!options.layer.empty()) add("--layer", options.layer);
  if (!options.user.empty()) {
    add("--user", options.user);
    add("--cap-drop", "all");
  }
  if (options.read_only) all.emplace_back("--read-only");
  if (options.network) all.emplace_back("--net");
  if (options.no_proc) all.emplace_back("--no-proc");
  if (options.read_only_proc_sys) add("--proc-sys", "ro");
  all.push_back(root_);
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

Container& Container::start(const Arguments& command, const Options& options) {
  Streams theirs;
  if (options.tty) {
    const Ends terminal = open_terminal();
    theirs = {terminal.theirs, terminal.theirs, terminal.theirs};
    output_ = terminal.ours;
    input_ = fcntl(terminal.ours, F_DUPFD_CLOEXEC, 0);
  } else {
    const Ends output = open_pipe(true);
    theirs.out = theirs.err = output.theirs;
    output_ = output.ours;
    if (options.piped_input) {
      const Ends input = open_pipe(false);
      theirs.in = input.theirs;
      input_ = input.ours;
    }
  }
  fcntl(output_, F_SETFL, O_NONBLOCK);
  since_ = Clock::now();
  sandbox_ = spawn(sandbox_arguments(command, options), theirs);
  sandbox_pidfd_ = pidfd_open(sandbox_);
  close(theirs.out);
  if (!options.tty && theirs.in >= 0) close(theirs.in);
  read_pid();
  return *this;
}

Container& Container::cinit(Arguments arguments, const Options& options) {
  arguments.insert(arguments.begin(), "/sbin/cinit");
  return start(arguments, options);
}

void Container::read_pid() {
  const std::string path = directory_ / "pid";
  wait_until([&] { return read_file(path).ends_with('\n') || code_; }, "the container's process id");
  pid_ = std::atoi(read_file(path).c_str());
  if (pid_ <= 0) give_up("the container could not be made");
  watchdog_.kill_at_the_end(pid_);
  pidfd_ = pidfd_open(pid_);  // fails when the container has ended already
  // Until then a signal would be lost, and nsenter would enter this machine.
  wait_until([&] { return code_ || !is_command_of_the_sandbox(); }, "the container's command");
}

bool Container::is_command_of_the_sandbox() const {
  const std::string directory = "/proc/" + std::to_string(pid_);
  const std::string name = read_file(directory + "/comm");
  return read_link(directory + "/ns/mnt") == read_link("/proc/self/ns/mnt") || name == "nsenter\n";
}

void Container::wait_for(std::string_view text, int times, Clock::duration limit) {
  const auto found = [&] { return count(text) >= times; };
  const Clock::time_point deadline = Clock::now() + limit;
  while (!found()) {
    if (code_) give_up("the container ended, without having said \"" + std::string(text) + "\"");
    if (Clock::now() >= deadline) give_up("\"" + std::string(text) + "\" was not said in time");
    poll_once(deadline - Clock::now());
  }
}

End Container::wait_exit(Clock::duration limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  while (!code_) {
    if (Clock::now() >= deadline) give_up("the container did not end in time");
    poll_once(deadline - Clock::now());
  }
  End end{*code_, *ended_ - since_, Clock::duration::zero()};
  Clock::time_point last = since_;
  for (const Watched& process : watched_) last = std::max(last, process.gone.value_or(*ended_));
  if (!watched_.empty()) end.after_the_others = *ended_ - std::min(last, *ended_);
  return end;
}

void Container::wait_until(const std::function<bool()>& condition, std::string_view what, Clock::duration limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= deadline) give_up("not in time: " + std::string(what));
    if (code_) give_up("the container ended before this: " + std::string(what));
    poll_once(kShortly);
  }
}

void Container::watch_for(Clock::duration span) {
  const Clock::time_point end = Clock::now() + span;
  while (Clock::now() < end && !code_) poll_once(end - Clock::now());
}

bool Container::running() {
  poll_once(Clock::duration::zero());
  return !ended_ && !code_;
}

void Container::signal(int number) {
  since_ = Clock::now();
  if (pidfd_ < 0 || syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0) != 0) give_up("PID 1 is gone");
}

Arguments Container::nsenter_arguments(const Arguments& command) const {
  Arguments all{"env",     "-i",       "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "nsenter", "--target", std::to_string(pid_),
                "--mount", "--uts",    "--ipc",
                "--pid",   "--net",    "--"};
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

Output Container::exec(const Arguments& command) {
  const Ends pipe = open_pipe(true);
  const pid_t pid = spawn(nsenter_arguments(command), {-1, pipe.theirs, pipe.theirs});
  close(pipe.theirs);
  const int pidfd = pidfd_open(pid);
  pollfd ended{pidfd, POLLIN, 0};
  const bool in_time = poll(&ended, 1, static_cast<int>(milliseconds(kLimit))) == 1;
  close(pidfd);
  if (!in_time) kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  // What it left running may hold the pipe for longer: that is not waited for.
  fcntl(pipe.ours, F_SETFL, O_NONBLOCK);
  Output output{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_available(pipe.ours)};
  close(pipe.ours);
  if (!in_time) give_up("the command in the container did not end in time: " + command[0]);
  return output;
}

void Container::exec_in_background(const Arguments& command) {
  const std::string log = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(output_);
  const int output = open(log.c_str(), O_WRONLY | O_CLOEXEC);
  if (output < 0) give_up("the log's pipe cannot be opened");
  background_.push_back(spawn(nsenter_arguments(command), {-1, output, output}));
  close(output);
}

std::vector<Process> Container::processes() const {
  const std::string wanted = pid_namespace(pid_);
  std::vector<Process> found;
  for (pid_t pid : all_pids()) {
    if (pid_namespace(pid) != wanted) continue;
    if (const std::optional<Process> process = read_process(pid)) found.push_back(*process);
  }
  std::sort(found.begin(), found.end(), [](const Process& a, const Process& b) { return a.pid < b.pid; });
  return found;
}

int Container::zombies() const {
  const std::vector<Process> all = processes();
  return static_cast<int>(std::count_if(all.begin(), all.end(), [](const Process& p) { return p.state == 'Z'; }));
}

std::string Container::read(const std::string& path) const {
  return read_file("/proc/" + std::to_string(pid_) + "/root" + path);
}

std::string Container::read_shared(const std::string& name) const { return read_file(directory_ / ("shared/" + name)); }

Effort Container::effort() const {
  const std::string directory = "/proc/" + std::to_string(pid_);
  const std::string stat = read_file(directory + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::vector<std::string> field{std::istream_iterator<std::string>(fields), {}};
  const long ticks = std::stol(field.at(11)) + std::stol(field.at(12));  // utime and stime: fields 14 and 15 in all
  const std::string waits = status_field(read_file(directory + "/status"), "voluntary_ctxt_switches");
  return {std::chrono::milliseconds(ticks * 1000 / sysconf(_SC_CLK_TCK)), std::stol(waits)};
}

long Container::reads_and_writes() const {
  const std::string counts = "\n" + read_file("/proc/" + std::to_string(pid_) + "/io");
  return std::stol(status_field(counts, "syscr")) + std::stol(status_field(counts, "syscw"));
}

std::size_t Container::descriptors() const {
  const fs::directory_iterator all("/proc/" + std::to_string(pid_) + "/fd");
  return static_cast<std::size_t>(std::distance(fs::begin(all), fs::end(all)));
}

std::vector<std::string> Container::leftovers() const {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_ / "tmp")) names.push_back(entry.path());
  return names;
}

void Container::watch_processes() {
  for (const Process& process : processes()) {
    const int pidfd = process.host_pid == pid_ ? -1 : pidfd_open(process.host_pid);
    if (pidfd >= 0) watched_.push_back({pidfd, std::nullopt});
  }
}

void Container::write(std::string_view text) {
  if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) give_up("cannot write its input");
}

void Container::close_input() {
  // The terminal is one file for both directions: it hangs up when the last descriptor is closed.
  if (input_ >= 0 && isatty(input_) != 0) close_and_forget(output_);
  close_and_forget(input_);
}

int Container::unread() const {
  int size = 0;
  return ioctl(output_, FIONREAD, &size) == 0 ? size : 0;
}

const std::string& Container::log() {
  poll_once(Clock::duration::zero());
  return log_;
}

int Container::count(std::string_view text) {
  poll_once(Clock::duration::zero());
  int found = 0;
  for (std::size_t at = log_.find(text, log_start_); at != std::string::npos; at = log_.find(text, at + text.size())) {
    ++found;
  }
  return found;
}

// Waits until something happens that this class keeps a record of, and records it.
void Container::poll_once(Clock::duration limit) {
  std::vector<pollfd> all{
      {reads_ ? output_ : -1, POLLIN, 0}, {sandbox_pidfd_, POLLIN, 0}, {ended_ ? -1 : pidfd_, POLLIN, 0}};
  for (const Watched& process : watched_) all.push_back({process.gone ? -1 : process.pidfd, POLLIN, 0});
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(limit, Clock::duration::zero()));
  poll(all.data(), all.size(), static_cast<int>(left.count()));
  note_ends();
  read_output();
  if (sandbox_pidfd_ >= 0 && !code_ && has_ended(sandbox_pidfd_)) collect_sandbox();
}

void Container::note_ends() {
  const Clock::time_point now = Clock::now();
  for (Watched& process : watched_) {
    if (!process.gone && has_ended(process.pidfd)) process.gone = now;
  }
  if (pidfd_ >= 0 && !ended_ && has_ended(pidfd_)) ended_ = now;
}

void Container::read_output() {
  if (output_ < 0 || !reads_) return;
  log_ += read_available(output_);
  // Nobody writes any more (EIO on a terminal): without this, poll(2) would come back at once for ever.
  if (errno != EAGAIN && errno != EINTR) close_and_forget(output_);
}

void Container::collect_sandbox() {
  int status = 0;
  waitpid(sandbox_, &status, 0);
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (!ended_) ended_ = Clock::now();
  watchdog_.kill_at_the_end(-1);
  close_and_forget(sandbox_pidfd_);
  read_output();
}

void Container::give_up(std::string_view what) {
  std::string text = std::string(what) + "\n--- the container's log ---\n" + log_ + "\n--- its processes ---\n";
  if (!code_ && pid_ > 0) {
    for (const Process& process : processes()) {
      text += std::to_string(process.pid) + " " + process.state + " " + process.command + "\n";
    }
  } else if (code_) {
    text += "none: it ended with code " + std::to_string(*code_) + "\n";
  }
  throw std::runtime_error(text);
}

}  // namespace cinit::e2e

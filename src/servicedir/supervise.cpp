#include "servicedir/supervise.hpp"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "os/file.hpp"
#include "os/trusted_path.hpp"
#include "servicedir/event_directory.hpp"
#include "servicedir/tai64n.hpp"

namespace cinit::servicedir {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFifoMode = 0600;
constexpr mode_t kFileMode = 0644;

constexpr std::size_t kDeathSize = kLabelSize + 2;
constexpr std::size_t kMostDeaths = 4096;

std::string_view name_of(SuperviseStatus::State state) {
  switch (state) {
    case SuperviseStatus::State::Running: return "run";
    case SuperviseStatus::State::Finishing: return "finish";
    case SuperviseStatus::State::Down: break;
  }
  return "down";
}

Error cannot(const std::string& what, int error) { return Error{what + ": " + strerror(error), error}; }

// Only what is of that type and has no second name: a hard link may be one to a file of root's, or to another service's FIFO.
os::Fd only(mode_t type, os::Fd file) {
  struct stat status {};
  if (!file) return file;
  if (fstat(file.get(), &status) != 0) return os::Fd(-errno);
  if ((status.st_mode & S_IFMT) != type) return os::Fd(-EINVAL);
  return status.st_nlink == 1 ? std::move(file) : os::Fd(-EMLINK);
}

// runsv(8) locks with flock(2), s6-supervise(8) with fcntl(2): so s6-svok(1), too, sees that somebody is there. A lock of the
// description is not lost when another one of the same file is closed. Returns 0 or an errno; EAGAIN: another process has it.
int take_lock(const os::Fd& file) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0 && fcntl(file.get(), F_OFD_SETLK, &whole) == 0) return 0;
  return errno == EACCES ? EAGAIN : errno;
}

// Only what is a FIFO, and has stayed one.
os::Fd open_fifo(const os::Fd& directory, const char* name, int access) {
  if (mkfifoat(directory.get(), name, kFifoMode) != 0 && errno != EEXIST) return os::Fd(-errno);
  return only(S_IFIFO, os::open_in(directory, name, access));
}

// For writing as well: there is always a writer, so that it is never at its end (fifo(7)).
os::Fd open_control(const os::Fd& directory) { return open_fifo(directory, "control", O_RDWR); }

// Makes it where it is missing. Returns 0 when it can be written, or else the errno that says why not.
int make_writable_supervise(const std::string& path) {
  if (const int error = os::make_directories(path, kDirectoryMode); error != 0) return error;
  const os::Fd directory = os::open_directory(path);
  if (!directory) return directory.error();
  return static_cast<int>(-os::sys::faccess(directory.get(), ".", W_OK | X_OK));
}

// The text of a link. Empty: it is none. The error has the errno.
Result<std::string> text_of(const os::Fd& directory, const std::string& link) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(directory.get(), link.c_str(), target, sizeof(target));
  if (size < 0 && os::may_pass(errno)) return system_error(errno);
  return std::string(target, size > 0 ? static_cast<std::size_t>(size) : 0);
}

// A link that is there already may be that of an earlier start of the container, when the service was somewhere else. What
// is no link is left alone.
int make_link(const std::string& target, const os::Fd& directory, const std::string& link) {
  const auto make = [&] { return symlinkat(target.c_str(), directory.get(), link.c_str()) == 0 ? 0 : errno; };
  if (const int error = make(); error != EEXIST) return error;
  const Result<std::string> old = persist([&] { return text_of(directory, link); });
  if (!old) return old.error().code;
  if (old->empty() || *old == target) return 0;
  return unlinkat(directory.get(), link.c_str(), 0) == 0 ? make() : errno;
}

// Links to everything in the service directory, so that sv(8) finds ./check and ./down, and runs what is meant; its logger has
// a state of its own. Returns 0 or an errno.
int link_contents(const std::string& service, const std::string& place) {
  const Result<std::vector<std::string>> names = os::list_directory(service);
  if (!names) return names.error().code;
  const os::Fd directory = os::open_directory(place);
  if (!directory) return directory.error();
  for (const std::string& name : *names) {
    if (name == "supervise" || name == "log" || name == kEvents) continue;
    const std::string target = std::string(service).append("/").append(name);
    if (const int error = make_link(target, directory, name); error != 0) return error;
  }
  return 0;
}

}  // namespace

std::array<unsigned char, 20> encode(const SuperviseStatus& status) {
  std::array<unsigned char, 20> bytes{};
  put_label(bytes.data(), status.since, kTaiOfRunit);
  const auto pid = static_cast<std::uint32_t>(status.pid);
  for (std::size_t i = 0; i < 4; ++i) bytes[kLabelSize + i] = static_cast<unsigned char>(pid >> (8 * i));
  bytes[16] = status.paused ? 1 : 0;
  bytes[17] = status.wanted ? 'u' : 'd';
  bytes[18] = status.got_term ? 1 : 0;
  bytes[19] = static_cast<unsigned char>(status.state);
  return bytes;
}

std::string describe(const SuperviseStatus& status) {
  std::string text(name_of(status.state));
  if (status.paused) text += ", paused";
  if (status.got_term) text += ", got TERM";
  const bool is_up = status.state != SuperviseStatus::State::Down;
  if (is_up && !status.wanted) text += status.exiting ? ", want exit" : ", want down";
  return text + "\n";
}

Result<Supervise> Supervise::open(const std::string& path) {
  if (const int error = os::make_directories(path, kDirectoryMode); error != 0) return cannot(path, error);
  os::Fd directory = os::open_directory(path);
  if (!directory) return cannot(path, directory.error());
  os::Fd lock = only(S_IFREG, os::open_in(directory, "lock", O_WRONLY | O_CREAT, kFifoMode));
  if (!lock) return cannot(path + "/lock", lock.error());
  const int locked = take_lock(lock);
  if (locked == EAGAIN) return Error{path + "/lock is held: another runsv looks after it"};
  if (locked != 0) return cannot(path + "/lock cannot be locked", locked);
  os::Fd ok = open_fifo(directory, "ok", O_RDONLY);
  if (!ok) return cannot(path + "/ok", ok.error());
  os::Fd control = open_control(directory);
  if (!control) return cannot(path + "/control", control.error());
  return Supervise(std::move(directory), std::move(lock), std::move(ok), ControlFifo(std::move(control)));
}

Result<ControlFifo> ControlFifo::open(const std::string& path) {
  if (const int error = os::make_directories(path, kDirectoryMode); error != 0) return cannot(path, error);
  const os::Fd directory = os::open_directory(path);
  if (!directory) return cannot(path, directory.error());
  os::Fd control = open_control(directory);
  if (!control) return cannot(path + "/control", control.error());
  return ControlFifo(std::move(control));
}

std::string ControlFifo::read() const {
  char letters[64];
  const long size = os::sys::read(fifo_.get(), letters, sizeof(letters));
  return size > 0 ? std::string(letters, static_cast<std::size_t>(size)) : std::string();
}

int Supervise::show(const SuperviseStatus& status) {
  const auto bytes = encode(status);
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const int of_status = os::replace_file(directory_, "status", content, kFileMode);
  const int of_stat = replace_text("stat", describe(status), stat_);
  const int of_pid = replace_text("pid", status.pid == 0 ? "" : std::to_string(status.pid) + "\n", pid_);
  return of_status != 0 ? of_status : of_stat != 0 ? of_stat : of_pid;
}

int Supervise::show(const S6Status& status) {
  const auto bytes = encode(status);
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return os::replace_file(directory_, "status", content, kFileMode);
}

int Supervise::replace_text(const char* name, std::string text, std::optional<std::string>& last) const {
  if (text == last) return 0;
  const int error = os::replace_file(directory_, name, text, kFileMode);
  if (error == 0) last = std::move(text);
  return error;
}

Result<std::string> make_substitute(const std::string& service, const std::string& state) {
  const std::string supervise = state + "/supervise";
  if (const int error = os::make_directories(supervise, kDirectoryMode); error != 0) return cannot(supervise, error);
  if (const int error = link_contents(service, state); error != 0) return cannot(state, error);
  return supervise;
}

Result<std::string> find_supervise(const std::string& service, const std::string& state) {
  const std::string own = service + "/supervise";
  const int error = make_writable_supervise(own);
  if (error == 0) return own;
  Result<std::string> elsewhere = make_substitute(service, state);
  return elsewhere ? elsewhere : cannot(own, error);
}

int Supervise::add_death(std::size_t most, std::chrono::system_clock::time_point at, WaitStatus end) const {
  constexpr char kName[] = "death_tally";
  const Result<std::string> before =
      os::read_file(only(S_IFREG, os::open_in(directory_, kName, O_RDONLY)), kMostDeaths * kDeathSize);
  // An error of looking is not taken for the lack of ends before.
  if (!before && os::may_pass(before.error().code)) return before.error().code;
  std::string tally = before ? *before : std::string();
  tally.resize(tally.size() - tally.size() % kDeathSize);
  unsigned char death[kDeathSize];
  put_label(death, at, kTaiOfSkalibs);
  death[kLabelSize] = static_cast<unsigned char>(end.by_signal() ? 0 : end.code());
  death[kLabelSize + 1] = static_cast<unsigned char>(end.by_signal() ? end.signal().number : 0);
  tally.append(reinterpret_cast<const char*>(death), sizeof(death));
  if (tally.size() > most * kDeathSize) tally.erase(0, tally.size() - most * kDeathSize);
  return os::replace_file(directory_, kName, tally, kFileMode);
}

}  // namespace cinit::servicedir

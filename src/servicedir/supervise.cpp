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

namespace cinit::servicedir {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFifoMode = 0600;
constexpr mode_t kFileMode = 0644;

// Seconds between a TAI64 label and the clock: runsv counts as if there had never been a leap second but the first ten, and
// skalibs, which s6 is made with, knows all of them (27 until now, the last one in 2016).
constexpr std::uint64_t kTaiEpoch = std::uint64_t{1} << 62;
constexpr std::uint64_t kTaiOfRunit = 10;
constexpr std::uint64_t kTaiOfSkalibs = 37;

constexpr std::size_t kLabelSize = 12;
constexpr std::size_t kDeathSize = kLabelSize + 2;

void put_big_endian(unsigned char* out, std::uint64_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<unsigned char>(number >> (8 * (size - 1 - i)));
}

void put_label(unsigned char* out, std::chrono::system_clock::time_point at, std::uint64_t offset) {
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
  const auto since_epoch = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
  constexpr std::uint64_t kSecond = 1'000'000'000;
  put_big_endian(out, kTaiEpoch + offset + since_epoch / kSecond, 8);
  put_big_endian(out + 8, since_epoch % kSecond, 4);
}

std::string_view name_of(SuperviseStatus::State state) {
  switch (state) {
    case SuperviseStatus::State::Running: return "run";
    case SuperviseStatus::State::Finishing: return "finish";
    case SuperviseStatus::State::Down: break;
  }
  return "down";
}

Error cannot(const std::string& what, int error) { return Error{what + ": " + strerror(error)}; }

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// What a link leads to, seen from the directory that the link is in. Empty: it is no link.
std::string target_of(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), target, sizeof(target));
  if (size <= 0) return "";
  const std::string text(target, static_cast<std::size_t>(size));
  return text.front() == '/' ? text : parent_of(path) + "/" + text;
}

int make_supervise(const std::string& path) {
  const std::string target = target_of(path);
  return os::make_directories(target.empty() ? path : target, kDirectoryMode);
}

// The directory may belong to the user that the service runs as: no link is followed, and nothing is waited for.
os::Fd open_in(const os::Fd& directory, const char* name, int flags, mode_t mode = 0) {
  return os::Fd(os::sys::open(directory.get(), name, flags | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, mode));
}

// runsv(8) locks with flock(2), s6-supervise(8) with fcntl(2): so s6-svok(1), too, sees that somebody is there. A lock of the
// description is not lost when another one of the same file is closed.
bool take_lock(const os::Fd& file) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return flock(file.get(), LOCK_EX | LOCK_NB) == 0 && fcntl(file.get(), F_OFD_SETLK, &whole) == 0;
}

// Only what is a FIFO, and has stayed one.
os::Fd open_fifo(const os::Fd& directory, const char* name, int access) {
  if (mkfifoat(directory.get(), name, kFifoMode) != 0 && errno != EEXIST) return os::Fd(-errno);
  os::Fd fifo = open_in(directory, name, access);
  struct stat status {};
  if (fifo && (fstat(fifo.get(), &status) != 0 || !S_ISFIFO(status.st_mode))) return os::Fd(-EINVAL);
  return fifo;
}

// For writing as well: there is always a writer, so that it is never at its end (fifo(7)).
os::Fd open_control(const os::Fd& directory) { return open_fifo(directory, "control", O_RDWR); }

// Makes it where it is missing. Returns 0 when it can be written, or else the errno that says why not.
int make_writable_supervise(const std::string& path) {
  if (const int error = make_supervise(path); error != 0) return error;
  return access(path.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
}

// A link that is there already may be that of an earlier start of the container, when the service was somewhere else. What
// is no link is left alone.
int make_link(const std::string& target, const std::string& link) {
  if (symlink(target.c_str(), link.c_str()) == 0) return 0;
  if (errno != EEXIST) return errno;
  const std::string old = target_of(link);
  if (old.empty() || old == target) return 0;
  if (unlink(link.c_str()) != 0) return errno;
  return symlink(target.c_str(), link.c_str()) == 0 ? 0 : errno;
}

// Links to everything in the service directory, so that sv(8) finds ./check and ./down, and runs what is meant; its logger has
// a state of its own. Returns 0 or an errno.
int link_contents(const std::string& service, const std::string& place) {
  const Result<std::vector<std::string>> names = os::list_directory(service);
  if (!names) return ENOENT;
  for (const std::string& name : *names) {
    if (name == "supervise" || name == "log") continue;
    const std::string target = std::string(service).append("/").append(name);
    const std::string link = std::string(place).append("/").append(name);
    if (const int error = make_link(target, link); error != 0) return error;
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
  if (const int error = make_supervise(path); error != 0) return cannot(path, error);
  os::Fd directory(os::sys::open(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return cannot(path, directory.error());
  os::Fd lock = open_in(directory, "lock", O_WRONLY | O_CREAT, kFifoMode);
  if (!lock) return cannot(path + "/lock", lock.error());
  if (!take_lock(lock)) return Error{path + "/lock is held: another runsv looks after it"};
  os::Fd ok = open_fifo(directory, "ok", O_RDONLY);
  if (!ok) return cannot(path + "/ok", ok.error());
  os::Fd control = open_control(directory);
  if (!control) return cannot(path + "/control", control.error());
  return Supervise(std::move(directory), std::move(lock), std::move(ok), ControlFifo(std::move(control)));
}

Result<ControlFifo> ControlFifo::open(const std::string& path) {
  if (const int error = os::make_directories(path, kDirectoryMode); error != 0) return cannot(path, error);
  const os::Fd directory(os::sys::open(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
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

// Whoever reads it sees all of the old one or all of the new one. What somebody else has put in its way (a FIFO, a link) is
// taken out of it.
int Supervise::replace(const char* name, const void* content, std::size_t size) const {
  const std::string other = std::string(name) + ".new";
  if (unlinkat(directory_.get(), other.c_str(), 0) != 0 && errno != ENOENT) return errno;
  const os::Fd file = open_in(directory_, other.c_str(), O_WRONLY | O_CREAT | O_EXCL, kFileMode);
  if (!file) return file.error();
  const long written = os::sys::write(file.get(), content, size);
  if (written != static_cast<long>(size)) return written < 0 ? static_cast<int>(-written) : ENOSPC;
  return renameat(directory_.get(), other.c_str(), directory_.get(), name) == 0 ? 0 : errno;
}

int Supervise::show(const SuperviseStatus& status) {
  const auto bytes = encode(status);
  const int of_status = replace("status", bytes.data(), bytes.size());
  const int of_stat = replace_text("stat", describe(status), stat_);
  const int of_pid = replace_text("pid", status.pid == 0 ? "" : std::to_string(status.pid) + "\n", pid_);
  return of_status != 0 ? of_status : of_stat != 0 ? of_stat : of_pid;
}

int Supervise::replace_text(const char* name, std::string text, std::optional<std::string>& last) const {
  if (text == last) return 0;
  const int error = replace(name, text.data(), text.size());
  if (error == 0) last = std::move(text);
  return error;
}

Result<std::string> make_likeness(const std::string& service, const std::string& state) {
  const std::string supervise = state + "/supervise";
  if (const int error = os::make_directories(supervise, kDirectoryMode); error != 0) return cannot(supervise, error);
  if (const int error = link_contents(service, state); error != 0) return cannot(state, error);
  return supervise;
}

Result<std::string> find_supervise(const std::string& service, const std::string& state) {
  const std::string own = service + "/supervise";
  const int error = make_writable_supervise(own);
  if (error == 0) return own;
  Result<std::string> elsewhere = make_likeness(service, state);
  return elsewhere ? elsewhere : cannot(own, error);
}

int add_death(const std::string& supervise, std::size_t most, std::chrono::system_clock::time_point at,
              WaitStatus end) {
  const std::string path = supervise + "/death_tally";
  const Result<std::string> before = os::read_file(path, 4096 * kDeathSize);
  std::string tally = before ? *before : std::string();
  tally.resize(tally.size() - tally.size() % kDeathSize);
  unsigned char death[kDeathSize];
  put_label(death, at, kTaiOfSkalibs);
  death[kLabelSize] = static_cast<unsigned char>(end.by_signal() ? 0 : end.code());
  death[kLabelSize + 1] = static_cast<unsigned char>(end.by_signal() ? end.signal().number : 0);
  tally.append(reinterpret_cast<const char*>(death), sizeof(death));
  if (tally.size() > most * kDeathSize) tally.erase(0, tally.size() - most * kDeathSize);
  return os::write_file(path, tally, kFileMode);
}

}  // namespace cinit::servicedir

#include "notify/place.hpp"

#include <errno.h>
#include <linux/random.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "os/own_directory.hpp"
#include "os/socket.hpp"

namespace cinit::notify {
namespace {

namespace sys = os::sys;

constexpr mode_t kDirectoryMode = 0711;
constexpr mode_t kSocketMode = 0600;
// Sockets of living cinits, or files of others, that may hold a name, its shorter form included.
constexpr int kMostNames = 16;
constexpr std::size_t kMostNameSize = 40;

os::Fd make_socket() {
  os::Fd fd(sys::socket(AF_UNIX, SOCK_DGRAM));
  // Before it has an address, so that nothing can arrive without credentials.
  if (fd) sys::setsockopt(fd.get(), SO_PASSCRED, 1);
  return fd;
}

bool is_portable(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// The service's name as part of a file name: short, and without characters that mean something somewhere.
std::string file_name(std::string_view service) {
  std::string name(service.substr(0, kMostNameSize));
  std::ranges::replace_if(
      name, [](char c) { return !is_portable(c); }, '_');
  return name.empty() ? "_" : name;
}

// Whether everybody may pass through every directory above `path`.
bool is_reachable(const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    struct stat status {};
    if (stat(path.substr(0, end).c_str(), &status) != 0 || (status.st_mode & S_IXOTH) == 0) return false;
  }
  return true;
}

// A socket that no process has open any more.
bool is_stale(const os::UnixAddress& address) {
  const os::Fd probe(sys::socket(AF_UNIX, SOCK_DGRAM));
  struct stat status {};
  return lstat(address.storage.sun_path, &status) == 0 && S_ISSOCK(status.st_mode) && probe &&
         sys::connect(probe.get(), address.get(), address.size) == -ECONNREFUSED;
}

bool bind_to(const os::Fd& fd, const os::UnixAddress& address) {
  // bind(2) gives the file the mode of the socket: nobody finds it open to all.
  fchmod(fd.get(), kSocketMode);
  const auto bind = [&] { return sys::bind(fd.get(), address.get(), address.size); };
  const long result = bind();
  if (result != -EADDRINUSE || !is_stale(address)) return result == 0;
  return unlink(address.storage.sun_path) == 0 && bind() == 0;
}

bool give_to(const char* path, uid_t uid, gid_t gid) {
  if (chmod(path, kSocketMode) != 0) return false;
  return uid == geteuid() || lchown(path, uid, gid) == 0;
}

using Secret = std::array<unsigned char, 16>;

// Bytes that no other process knows. Where getrandom(2) is refused or would wait, /dev/urandom still has some. Returns 0, or
// the errno when there is neither.
int fill(Secret& secret) {
  constexpr long kSize = sizeof(Secret);
  if (sys::call(SYS_getrandom, sys::word(secret.data()), kSize, GRND_NONBLOCK) == kSize) return 0;
  const os::Fd device(sys::open(AT_FDCWD, "/dev/urandom", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!device) return device.error();
  const long size = sys::read(device.get(), secret.data(), secret.size());
  return size == kSize ? 0 : size < 0 ? static_cast<int>(-size) : EIO;
}

Error failure_of(const std::string& what, int error) { return {what + ": " + strerror(error), error}; }

std::string in_hexadecimal(const Secret& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) text += {kDigits[byte >> 4], kDigits[byte & 0xf]};
  return text;
}

}  // namespace

// The directory is ours alone, so that its names are what we make them.
Bound bind_in(std::string_view directory, std::string_view service, uid_t uid, gid_t gid) {
  if (!os::make_own_directory(std::string(directory), kDirectoryMode) || !is_reachable(std::string(directory)))
    return {};
  os::Fd fd = make_socket();
  const std::string base = std::string(directory) + '/' + file_name(service);
  for (int i = 1; i <= kMostNames && fd; ++i) {
    std::string path = i == 1 ? base : base + '.' + std::to_string(i);
    const auto address = os::UnixAddress::of(path);
    if (!address) return {};
    if (!bind_to(fd, *address)) continue;
    if (give_to(path.c_str(), uid, gid)) return {std::move(fd), std::move(path)};
    unlink(path.c_str());
    return {};
  }
  return {};
}

Result<Bound> bind_abstract(std::string_view service) {
  os::Fd fd = make_socket();
  if (!fd) return failure_of("socket", fd.error());
  Secret secret{};
  if (const int error = fill(secret)) return failure_of("no random bytes from getrandom or /dev/urandom", error);
  std::string name = "@cinit-notify-" + file_name(service) + '-' + in_hexadecimal(secret);
  const auto address = os::UnixAddress::of(name);
  const long result = address ? sys::bind(fd.get(), address->get(), address->size) : -ENAMETOOLONG;
  if (result != 0) return failure_of("bind", static_cast<int>(-result));
  return Bound{std::move(fd), std::move(name)};
}

}  // namespace cinit::notify

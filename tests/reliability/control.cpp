#include "control.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace cinit::reliability {

int connect_to(const std::string& path, Duration limit) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
  const timeval span{microseconds / 1000000, microseconds % 1000000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof span);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &span, sizeof span);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

std::string ask(const std::string& path, const std::string& request, Duration limit) {
  const int fd = connect_to(path, limit);
  if (fd < 0) return "";
  const std::string line = "cinit/1 " + request + "\n";
  std::string answer;
  if (send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
    std::array<char, 65536> buffer{};
    ssize_t length = 0;
    while ((length = recv(fd, buffer.data(), buffer.size(), 0)) > 0) {
      answer.append(buffer.data(), static_cast<std::size_t>(length));
    }
    if (length < 0) answer.clear();
  }
  close(fd);
  return answer;
}

}  // namespace cinit::reliability

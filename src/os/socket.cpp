#include "os/socket.hpp"

#include <string.h>

namespace cinit::os {

std::optional<UnixAddress> UnixAddress::of(std::string_view text) {
  const bool abstract = text.starts_with('@') && text.size() > 1;
  const bool path = text.starts_with('/') && text.find('\0') == std::string_view::npos;
  if ((!abstract && !path) || text.size() > kMostPath) return std::nullopt;
  UnixAddress address;
  address.storage.sun_family = AF_UNIX;
  memcpy(address.storage.sun_path, text.data(), text.size());
  if (abstract) address.storage.sun_path[0] = '\0';
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + (path ? 1 : 0));
  return address;
}

}  // namespace cinit::os

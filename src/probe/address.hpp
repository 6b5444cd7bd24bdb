// Where a probe connects to, as the kernel wants it.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "config/config.hpp"

namespace cinit::probe {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text;  // "127.0.0.1:80", "[::1]:80"

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// The addresses of an endpoint in the order in which they are tried; none when its host is neither a literal address nor
// "localhost". Nobody is asked.
std::vector<Address> addresses_of(const config::Endpoint& endpoint);

// "HOST:PORT" as a URL has it: an IPv6 address stands in brackets.
std::string authority_of(const config::Endpoint& endpoint);

}  // namespace cinit::probe

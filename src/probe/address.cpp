#include "probe/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <utility>

namespace cinit::probe {
namespace {

bool is_ipv6(const std::string& host) { return host.find(':') != std::string::npos; }

// The kernel's structs of both families fit into the storage, which is made for that.
template <class Sockaddr>
Sockaddr& as(Address& address) {
  address.size = sizeof(Sockaddr);
  return *reinterpret_cast<Sockaddr*>(&address.storage);
}

bool fill_in(Address& address, const config::Endpoint& endpoint) {
  if (is_ipv6(endpoint.host)) {
    auto& in = as<sockaddr_in6>(address);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    return inet_pton(AF_INET6, endpoint.host.c_str(), &in.sin6_addr) == 1;
  }
  auto& in = as<sockaddr_in>(address);
  in.sin_family = AF_INET;
  in.sin_port = htons(endpoint.port);
  return inet_pton(AF_INET, endpoint.host.c_str(), &in.sin_addr) == 1;
}

std::vector<Address> literal(const config::Endpoint& endpoint) {
  Address address;
  address.text = authority_of(endpoint);
  if (!fill_in(address, endpoint)) return {};
  return {std::move(address)};
}

}  // namespace

std::vector<Address> addresses_of(const config::Endpoint& endpoint) {
  if (endpoint.host != "localhost") return literal(endpoint);
  std::vector<Address> addresses = literal({"127.0.0.1", endpoint.port});
  for (Address& address : literal({"::1", endpoint.port})) addresses.push_back(std::move(address));
  return addresses;
}

std::string authority_of(const config::Endpoint& endpoint) {
  const std::string host = is_ipv6(endpoint.host) ? "[" + endpoint.host + "]" : endpoint.host;
  return host + ":" + std::to_string(endpoint.port);
}

}  // namespace cinit::probe

#include "probe/http_request.hpp"

#include <string_view>

#include "probe/address.hpp"

namespace cinit::probe {
namespace {

constexpr std::uint16_t kHttpPort = 80;

std::string encoded(std::string_view target) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const char c : target) {
    if (c > ' ' && c < 0x7f) {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text += {'%', kDigits[byte >> 4], kDigits[byte & 0xf]};
  }
  return text;
}

// As in the address of a page, the usual port is left out.
std::string host_of(const config::Endpoint& endpoint) {
  const std::string authority = authority_of(endpoint);
  return endpoint.port == kHttpPort ? authority.substr(0, authority.rfind(':')) : authority;
}

}  // namespace

std::string http_request(const config::HttpProbe& probe) {
  return "GET " + encoded(probe.target) + " HTTP/1.1\r\nHost: " + host_of(probe.endpoint) +
         "\r\nUser-Agent: cinit/" CINIT_VERSION "\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

}  // namespace cinit::probe

#include "config/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace cinit::config {
namespace {

constexpr std::string_view kLoopback = "127.0.0.1";
constexpr std::string_view kScheme = "http://";
constexpr std::uint16_t kHttpPort = 80;

// HOST[:PORT] in its parts.
struct Authority {
  std::string_view host;  // without brackets
  bool in_brackets = false;
  std::optional<std::string_view> port;
};

// What follows a host: nothing, or ":PORT".
bool take_port(std::string_view rest, Authority& into) {
  if (rest.empty()) return true;
  if (rest[0] != ':') return false;
  into.port = rest.substr(1);
  return true;
}

std::optional<Authority> split(std::string_view text) {
  Authority authority;
  authority.in_brackets = text.starts_with('[');
  const std::size_t end = text.find(authority.in_brackets ? ']' : ':');
  if (authority.in_brackets && end == std::string_view::npos) return std::nullopt;
  const std::size_t skipped = authority.in_brackets ? 1 : 0;
  const std::size_t length = std::min(end, text.size());
  authority.host = text.substr(skipped, length - skipped);
  if (!take_port(text.substr(std::min(length + skipped, text.size())), authority)) return std::nullopt;
  return authority;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || rest != end || port == 0) return std::nullopt;
  return port;
}

bool is_address(int family, std::string_view host) {
  in6_addr address;
  return host.find('\0') == std::string_view::npos && inet_pton(family, std::string(host).c_str(), &address) == 1;
}

bool is_host(const Authority& authority) {
  if (authority.in_brackets) return is_address(AF_INET6, authority.host);
  return authority.host == "localhost" || is_address(AF_INET, authority.host);
}

// An IPv6 address whose brackets have been forgotten, maybe with a port behind it.
bool lacks_brackets(std::string_view text) { return std::ranges::count(text, ':') > 1 && !text.starts_with('['); }

Error no_brackets() { return {"an IPv6 address in brackets, such as \"[::1]:80\""}; }

Error no_host() { return {"an IP address or \"localhost\" as the host, since there is no resolver for other names"}; }

Error no_target() {
  return {"a path of at most " + std::to_string(kLongestTarget) + " visible ASCII characters, without \"#\""};
}

bool is_target(std::string_view text) {
  const auto allowed = [](char c) { return c > ' ' && c <= '~' && c != '#'; };
  return text.size() <= kLongestTarget && std::ranges::all_of(text, allowed);
}

Error no_port(std::string_view form) { return {std::string(form) + ", with a port from 1 to 65535"}; }

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("-0123456789") == std::string_view::npos;
}

Result<Endpoint> to_endpoint(const Authority& authority, std::string_view form) {
  if (!is_host(authority)) return no_host();
  const std::optional<std::uint16_t> port = authority.port ? parse_port(*authority.port) : kHttpPort;
  if (!port) return no_port(form);
  return Endpoint{std::string(authority.host), *port};
}

std::string host_of(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return is_ipv6 ? '[' + endpoint.host + ']' : endpoint.host;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (const std::optional<std::uint16_t> port = parse_port(text)) return Endpoint{std::string(kLoopback), *port};
  if (is_number(text)) return no_port(kEndpointForm);
  if (lacks_brackets(text)) return no_brackets();
  std::optional<Authority> authority = split(text);
  if (!authority || !authority->port) return Error{std::string(kEndpointForm)};
  if (authority->host.empty() && !authority->in_brackets) authority->host = kLoopback;
  return to_endpoint(*authority, kEndpointForm);
}

std::string format_endpoint(const Endpoint& endpoint) {
  return host_of(endpoint) + ':' + std::to_string(endpoint.port);
}

Result<HttpProbe> parse_url(std::string_view text) {
  if (text.starts_with("https://")) {
    return Error{"a URL with \"http://\" (https is not supported: it would need a TLS library; use exec with curl)"};
  }
  if (!text.starts_with(kScheme)) return Error{std::string(kUrlForm)};
  text.remove_prefix(kScheme.size());
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  if (text.substr(0, end).find('@') != std::string_view::npos) {
    return Error{"a URL without the name of a user (use exec with curl for a server that asks for one)"};
  }
  if (lacks_brackets(text.substr(0, end))) return no_brackets();
  const std::optional<Authority> authority = split(text.substr(0, end));
  if (!authority || authority->host.empty()) return Error{std::string(kUrlForm)};
  Result<Endpoint> endpoint = to_endpoint(*authority, kUrlForm);
  if (!endpoint) return endpoint.error();
  const std::string_view rest = text.substr(end);
  const std::string target = (rest.starts_with('/') ? "" : "/") + std::string(rest);
  if (!is_target(target)) return no_target();
  return HttpProbe{std::move(*endpoint), target};
}

std::string format_url(const HttpProbe& probe) {
  const Endpoint& endpoint = probe.endpoint;
  const std::string authority = endpoint.port == kHttpPort ? host_of(endpoint) : format_endpoint(endpoint);
  return std::string(kScheme) + authority + probe.target;
}

}  // namespace cinit::config

// The addresses that probes connect to, as they are written in a configuration.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/config.hpp"

namespace cinit::config {

// What parse_endpoint() and parse_url() read, for messages: "expected " and this. So are the errors that they return; none
// of them holds a part of the text.
inline constexpr std::string_view kEndpointForm =
    "an address and a port such as \"127.0.0.1:5432\", \"[::1]:80\", \"localhost:80\" or \":80\"";
inline constexpr std::string_view kUrlForm = "a URL such as \"http://127.0.0.1:8080/health\"";

// Reads "ADDRESS:PORT", "localhost:PORT", and ":PORT" or "PORT", which mean 127.0.0.1. An IPv6 address stands in brackets.
Result<Endpoint> parse_endpoint(std::string_view text);

// The text that parse_endpoint() reads back.
std::string format_endpoint(const Endpoint& endpoint);

// Reads "http://HOST[:PORT][/PATH][?QUERY]", with hosts as for parse_endpoint(). The target goes into a line of the request
// as it is, so it is made of visible ASCII, without "#"; it has at most kLongestTarget bytes.
Result<HttpProbe> parse_url(std::string_view text);

inline constexpr std::size_t kLongestTarget = 1024;

// The text that parse_url() reads back.
std::string format_url(const HttpProbe& probe);

}  // namespace cinit::config

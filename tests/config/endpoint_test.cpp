#include "config/endpoint.hpp"

#include <doctest/doctest.h>

using namespace cinit::config;

namespace {

// What is written when it is read, or "" when it is refused.
std::string endpoint(std::string_view text) {
  const cinit::Result<Endpoint> parsed = parse_endpoint(text);
  return parsed ? format_endpoint(*parsed) : "";
}

std::string url(std::string_view text) {
  const cinit::Result<HttpProbe> parsed = parse_url(text);
  return parsed ? format_url(*parsed) : "";
}

}  // namespace

TEST_CASE("an endpoint is a literal address or localhost, with a port") {
  for (const char* text : {"127.0.0.1:5432", "localhost:80", "[::1]:80", "[fe80::1]:65535", "0.0.0.0:1"}) {
    CAPTURE(text);
    CHECK(endpoint(text) == text);
  }
}

TEST_CASE("an endpoint without a host is on the loopback address") {
  CHECK(endpoint(":80") == "127.0.0.1:80");
  CHECK(endpoint("80") == "127.0.0.1:80");
}

TEST_CASE("what is no endpoint is refused") {
  for (const char* text : {"",
                           ":",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:0",
                           "127.0.0.1:65536",
                           "127.0.0.1:80x",
                           "127.0.0.1: 80",
                           "db:80",
                           "LOCALHOST:80",
                           "[::1]",
                           "[::1",
                           "[]:80",
                           "[localhost]:80",
                           "[::1]80",
                           "::1:80",
                           "1.2.3:80",
                           "01.2.3.4:80",
                           "-1",
                           "+80",
                           "[::1]:80:80",
                           "127.0.0.1:80/"}) {
    CAPTURE(text);
    CHECK(endpoint(text) == "");
  }
  CHECK(endpoint(std::string_view("127.0.0.1\0:80", 13)) == "");
}

TEST_CASE("a URL has port 80 and the path / unless it says otherwise") {
  CHECK(url("http://127.0.0.1") == "http://127.0.0.1/");
  CHECK(url("http://localhost:80/a") == "http://localhost/a");
  CHECK(url("http://[::1]:8080?a=b") == "http://[::1]:8080/?a=b");
  CHECK(url("http://127.0.0.1:81/a/b?c#") == "");
}

TEST_CASE("what cannot be asked with a plain GET is refused") {
  for (const char* text :
       {"", "http", "http://", "http:///", "http://:80/", "https://127.0.0.1/", "HTTP://127.0.0.1/", "http://db/",
        "http://me@127.0.0.1/", "http://127.0.0.1:/", "http://::1/", "http://127.0.0.1/a b",
        "http://127.0.0.1/a\r\nB: c", "http://127.0.0.1/\x7F", "http://127.0.0.1/\xC3\xA9", "ftp://127.0.0.1/"}) {
    CAPTURE(text);
    CHECK(url(text) == "");
  }
}

TEST_CASE("the target of a URL is bounded") {
  const std::string longest = "http://127.0.0.1/" + std::string(kLongestTarget - 1, 'a');
  CHECK(url(longest) == longest);
  CHECK(url(longest + 'a') == "");
}

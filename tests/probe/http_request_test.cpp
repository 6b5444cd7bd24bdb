#include "probe/http_request.hpp"

#include <doctest/doctest.h>

using cinit::probe::http_request;

namespace {

std::string line(const std::string& request, std::size_t number) {
  std::size_t begin = 0;
  for (; number > 0; --number) begin = request.find("\r\n", begin) + 2;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

}  // namespace

TEST_CASE("the request is a GET that asks for one answer") {
  const std::string request = http_request({{"127.0.0.1", 8080}, "/health?deep=1"});
  CHECK(line(request, 0) == "GET /health?deep=1 HTTP/1.1");
  CHECK(line(request, 1) == "Host: 127.0.0.1:8080");
  CHECK(request.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(request.find("\r\nUser-Agent: cinit/") != std::string::npos);
  CHECK(request.ends_with("\r\n\r\n"));
}

TEST_CASE("the host is named as in a URL") {
  CHECK(line(http_request({{"localhost", 80}, "/"}), 1) == "Host: localhost");
  CHECK(line(http_request({{"::1", 80}, "/"}), 1) == "Host: [::1]");
  CHECK(line(http_request({{"::1", 8080}, "/"}), 1) == "Host: [::1]:8080");
}

TEST_CASE("a target cannot end the request line") {
  CHECK(line(http_request({{"::1", 80}, "/a b\r\nX: \x7f\xc3\xa4"}), 0) == "GET /a%20b%0D%0AX:%20%7F%C3%A4 HTTP/1.1");
}

#include "probe/http_answer.hpp"

#include <doctest/doctest.h>

#include <string>

using cinit::probe::HttpAnswer;

namespace {

// What an answer says: the status, the problem, or "more" when it is not whole. It is the same in one piece and in pieces of
// one byte.
std::string read(const std::string& text) {
  HttpAnswer whole;
  HttpAnswer pieces;
  const bool more = whole.take(text);
  for (const char& byte : text) pieces.take({&byte, 1});
  CHECK(pieces.status() == whole.status());
  CHECK(pieces.problem().empty() == whole.problem().empty());
  CHECK(more == (whole.status() == 0 && whole.problem().empty()));
  if (more) return "more";
  return whole.status() != 0 ? std::to_string(whole.status()) : whole.problem();
}

}  // namespace

TEST_CASE("the status of an answer counts as soon as its line has ended") {
  CHECK(read("HTTP/1.1 200 OK\r\n") == "200");
  CHECK(read("HTTP/1.0 503 Service Unavailable\r\nServer: x\r\n\r\nbody") == "503");
  CHECK(read("HTTP/1.1 204\r\n") == "204");
  CHECK(read("HTTP/1.1 404 \n") == "404");
  CHECK(read("HTTP/1.1 999 what\n") == "999");
  CHECK(read("").starts_with("more"));
  CHECK(read("HTTP/1.1 200 OK") == "more");
  CHECK(read("HTTP/1.1 200") == "more");
}

TEST_CASE("interim answers are passed over") {
  CHECK(read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") == "200");
  CHECK(
      read("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nLink: HTTP/1.1 404\r\n\r\nHTTP/1.1 102 x\n\nHTTP/1.1 301 x\r\n") ==
      "301");
  CHECK(read("HTTP/1.1 100 Continue\r\n\r\n") == "more");
  CHECK(read("HTTP/1.1 100 Continue\r\nHTTP/1.1 200 OK\r\n") == "more");
  CHECK(read("HTTP/1.1 101 Switching Protocols\r\n") == "101");
}

TEST_CASE("what is not HTTP is told apart at its first wrong byte") {
  CHECK(read("SSH-2.0-OpenSSH_9.2\r\n") == "instead of a status line came \"SSH-2.0-OpenSSH_9.2\"");
  CHECK(read("\n") == "instead of a status line came \"\"");
  CHECK(read("HTTP/2 200\r\n") == "instead of a status line came \"HTTP/2 200\"");
  CHECK(read("HTTP/1.1 20x OK\r\n") == "instead of a status line came \"HTTP/1.1 20x OK\"");
  CHECK(read("HTTP/1.1 2000 OK\r\n") == "instead of a status line came \"HTTP/1.1 2000 OK\"");
  CHECK(read("HTTP/1.1 000 OK\r\n") == "instead of a status line came \"HTTP/1.1 000 OK\"");
  CHECK(read("HTTP/1.1 100 x\r\n\r\n<html>") == "instead of a status line came \"<html>\"");
  CHECK(read("\x01\xff\x1b[31mred") == "instead of a status line came \"???[31mred\"");
  CHECK(read("+" + std::string(100, 'x')) == "instead of a status line came \"+" + std::string(39, 'x') + '"');
  CHECK(read("\x15\x03\x01").find("TLS") != std::string::npos);
}

TEST_CASE("an answer that does not get to its status is given up") {
  const std::string problem = "no status in its first 8192 bytes";
  CHECK(read("HTTP/1.1 200 " + std::string(HttpAnswer::kMost, 'x')) == problem);
  CHECK(read("HTTP/1.1 100 Continue\r\n" + std::string(HttpAnswer::kMost, 'x') + "\r\n\r\nHTTP/1.1 200 OK\r\n") ==
        problem);
  std::string interim;
  while (interim.size() < HttpAnswer::kMost) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  CHECK(read(interim + "HTTP/1.1 200 OK\r\n") == problem);
}

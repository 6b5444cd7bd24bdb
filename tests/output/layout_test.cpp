#include "output/layout.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace cinit::output;
using cinit::config::LogPrefix;

namespace {

std::string laid_out(LogPrefix prefix, std::string_view text, bool continues = false) {
  Record record;
  record.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'709'251'198'007));
  record.stream = Stream::Stderr;
  record.continues = continues;
  record.text = text;
  std::string line = "what was there before";
  lay_out(record, "web", prefix, line);
  return line;
}

const std::string kBytes("a\0b\r\xff\x1b", 6);

}  // namespace

TEST_CASE("without a prefix a line is as it was written, whatever its bytes") {
  CHECK(laid_out(LogPrefix::None, kBytes) == kBytes + "\n");
  CHECK(laid_out(LogPrefix::None, "") == "\n");
}

TEST_CASE("the service's name stands in front of its line, whatever the line's bytes") {
  CHECK(laid_out(LogPrefix::Name, kBytes) == "web | " + kBytes + "\n");
  CHECK(laid_out(LogPrefix::Name, "") == "web | \n");
}

TEST_CASE("in JSON a line is an object with its time, service and stream") {
  CHECK(laid_out(LogPrefix::Json, "say \"hi\"") ==
        "{\"time\":\"2024-02-29T23:59:58.007Z\",\"service\":\"web\",\"stream\":\"stderr\","
        "\"message\":\"say \\\"hi\\\"\"}\n");
  CHECK(laid_out(LogPrefix::Json, std::string_view(kBytes).substr(0, 4)).find("\"a\\u0000b\\u000d\"") !=
        std::string::npos);
  CHECK(laid_out(LogPrefix::Json, "").find("\"message\":\"\"}") != std::string::npos);
}

TEST_CASE("a piece of a line that goes on is marked") {
  CHECK(laid_out(LogPrefix::None, "x", true) == "x [line continues]\n");
  CHECK(laid_out(LogPrefix::Name, "x", true) == "web | x [line continues]\n");
  CHECK(laid_out(LogPrefix::Json, "x", true).find("\"message\":\"x\",\"partial\":true}\n") != std::string::npos);
}

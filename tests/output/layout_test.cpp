#include "output/layout.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace cinit::output;
using cinit::config::LogJson;
using cinit::config::LogPrefix;

namespace {

std::string laid_out(LogPrefix prefix, std::string_view text, bool continues = false, LogJson json = LogJson::Merge) {
  Record record;
  record.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'709'251'198'007));
  record.stream = Stream::Stderr;
  record.continues = continues;
  record.text = text;
  std::string line = "what was there before";
  lay_out(record, "web", {prefix, json}, line);
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

TEST_CASE("a line that is a JSON object gets more members, unless it has them") {
  const std::string time = "\"time\":\"2024-02-29T23:59:58.007Z\"";
  const auto merged = [](std::string_view text) { return laid_out(LogPrefix::Json, text); };
  CHECK(merged(R"( {"level": "info", "n": [1, -2.5e+3, {"a": null}], "ok": true} )") ==
        "{" + time +
            R"(,"service":"web","stream":"stderr","level": "info", "n": [1, -2.5e+3, {"a": null}], "ok": true})" +
            "\n");
  CHECK(merged(R"({"a":"\ud83d\ude00"})").find("\"stream\":\"stderr\",\"a\":") != std::string::npos);
  CHECK(merged("{}") == "{" + time + ",\"service\":\"web\",\"stream\":\"stderr\"}\n");
  CHECK(merged("{ }\r") == "{" + time + ",\"service\":\"web\",\"stream\":\"stderr\"}\n");
  CHECK(merged(R"({"time":1,"service":"own","stream":2,"x":{"service":3}})") ==
        R"({"cinit_service":"web","time":1,"service":"own","stream":2,"x":{"service":3}})"
        "\n");
}

TEST_CASE("a line that only looks like a JSON object, or would do harm, is the message of one") {
  const std::string deep(40, '[');
  for (const std::string& text : {std::string("{"),
                                  std::string(R"({"a":1})") + "x",
                                  std::string(R"({"a":1}{"b":2})"),
                                  std::string(R"({"a":1,})"),
                                  std::string(R"({"a":01})"),
                                  std::string(R"({"a":1.})"),
                                  std::string(R"({"a":.5})"),
                                  std::string(R"({"a":+1})"),
                                  std::string(R"({'a':1})"),
                                  std::string(R"({a:1})"),
                                  std::string(R"({"a"})"),
                                  std::string(R"({"a":tru})"),
                                  std::string(R"({"a":"\x"})"),
                                  std::string(R"({"a":"\u12g4"})"),
                                  std::string("{\"a\":\"\xff\"}"),
                                  std::string("{\"a\":\"\xc2\x9b\"}"),
                                  std::string("{\"a\":\"\x1b[2J\"}"),
                                  std::string("{\"a\":\"\0\"}", 9),
                                  std::string(R"({"servic\u0065":"web"})"),
                                  "{\"a\":" + deep + std::string(40, ']') + "}",
                                  std::string("[1]"),
                                  std::string(R"({"cinit_service":"forged"})"),
                                  std::string(R"({"service":"x","cinit_service":"forged"})"),
                                  std::string(R"({"a":1,"partial":true})"),
                                  std::string(R"({"a":1,"a":2})"),
                                  std::string(R"({"time":1,"time":2})"),
                                  std::string(R"({"a":"\ud800"})"),
                                  std::string(R"({"a":"\udc00"})"),
                                  std::string(R"({"a":"\ud800\u0041"})"),
                                  std::string("{\"a\":1,\r\"b\":2}"),
                                  std::string("\"text\""),
                                  std::string("{\"a\":1}\xc3"),
                                  std::string("{\"a\":\"x}")}) {
    CAPTURE(text);
    CHECK(laid_out(LogPrefix::Json, text).find("\"stream\":\"stderr\",\"message\":") != std::string::npos);
  }
  CHECK(laid_out(LogPrefix::Json, "{}", true).find("\"message\":\"{}\",\"partial\":true}") != std::string::npos);
  CHECK(laid_out(LogPrefix::Json, "{}", false, LogJson::Escape).find("\"message\":\"{}\"}") != std::string::npos);
}

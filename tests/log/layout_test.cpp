// What a message looks like as a line.
#include <doctest/doctest.h>
#include <spdlog/details/log_msg.h>

#include <chrono>
#include <string>

#include "log/line_sink.hpp"

using namespace cinit::log;

namespace {

struct Message {
  std::string service;
  const char* event = "";
  std::string text;
  spdlog::level::level_enum level = spdlog::level::info;
};

// 2024-02-29 23:59:58.007 UTC
constexpr std::chrono::milliseconds kWhen{1709251198007};

std::string laid_out(void (*layout)(const spdlog::details::log_msg&, spdlog::memory_buf_t&), const Message& message) {
  const spdlog::log_clock::time_point when{std::chrono::duration_cast<spdlog::log_clock::duration>(kWhen)};
  const spdlog::details::log_msg raw(when, spdlog::source_loc("", 0, message.event),
                                     spdlog::string_view_t(message.service.data(), message.service.size()),
                                     message.level, spdlog::string_view_t(message.text.data(), message.text.size()));
  spdlog::memory_buf_t line;
  layout(raw, line);
  return {line.data(), line.size()};
}

std::string text(const Message& message) {
  return laid_out([](const auto& raw, auto& line) { lay_out_text("cinit: ", raw, line); }, message);
}
std::string json(const Message& message) {
  return laid_out([](const auto& raw, auto& line) { lay_out_json(raw, line); }, message);
}

}  // namespace

TEST_CASE("a line of text says who speaks, about which service, and what") {
  CHECK(text({"nginx", "started", "started"}) == "cinit: nginx: started\n");
  CHECK(text({"", "stopping", "stopping: got SIGTERM"}) == "cinit: stopping: got SIGTERM\n");
}

TEST_CASE("no message breaks a line of text or reaches the terminal's controls") {
  CHECK(text({"a\nb", "", "one\ntwo\r\t\x1b[31m\x7f"}) == "cinit: a\\x0ab: one\\x0atwo\\x0d\\x09\\x1b[31m\\x7f\n");
  CHECK(text({"", "", std::string("nul\0byte", 8)}) == "cinit: nul\\x00byte\n");
}

TEST_CASE("letters beyond ASCII are passed on as they are") {
  CHECK(text({"", "", "\u00fcber"}) == "cinit: \u00fcber\n");
  CHECK(json({"", "", "\u00fcber"}).find("\"message\":\"\u00fcber\"") != std::string::npos);
}

TEST_CASE("a line of JSON is one object with time, level, service, event and message") {
  CHECK(json({"nginx", "exited", "exited with code 3", spdlog::level::warn}) ==
        "{\"time\":\"2024-02-29T23:59:58.007Z\",\"level\":\"warning\",\"service\":\"nginx\",\"event\":\"exited\","
        "\"message\":\"exited with code 3\"}\n");
}

TEST_CASE("JSON leaves out a service and an event that there are not") {
  CHECK(json({"", "", "text"}) == "{\"time\":\"2024-02-29T23:59:58.007Z\",\"level\":\"info\",\"message\":\"text\"}\n");
}

TEST_CASE("JSON names the levels as the configuration does") {
  const auto level = [](spdlog::level::level_enum value) {
    const std::string line = json({"", "", "x", value});
    const std::size_t begin = line.find("\"level\":\"") + 9;
    return line.substr(begin, line.find('"', begin) - begin);
  };
  CHECK(level(spdlog::level::debug) == "debug");
  CHECK(level(spdlog::level::info) == "info");
  CHECK(level(spdlog::level::warn) == "warning");
  CHECK(level(spdlog::level::err) == "error");
}

TEST_CASE("JSON escapes quotes, backslashes and control characters, in names as well") {
  const std::string line = json({"a\"b", "", std::string("c:\\dir \"q\" \n\t\x01\x7f\0", 16)});
  CHECK(line.find("\"service\":\"a\\\"b\"") != std::string::npos);
  CHECK(line.find("\"message\":\"c:\\\\dir \\\"q\\\" \\u000a\\u0009\\u0001\\u007f\\u0000\"}") != std::string::npos);
  CHECK(line.find('\n') == line.size() - 1);
}

TEST_CASE("the time is UTC with three digits behind the second") {
  CHECK(json({"", "", "x"}).find("T23:59:58.007Z") != std::string::npos);
}

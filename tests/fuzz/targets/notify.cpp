// Datagrams of sd_notify(3), and what `cinit status` shows of them.
#include <chrono>

#include "control/render.hpp"
#include "json.hpp"
#include "notify/message.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

using notify::Message;

void check_ranges(const Message& message, std::string_view datagram) {
  require(!message.status || message.status->size() <= notify::kMostStatus, "a status has its greatest length");
  require(!message.status || !is_utf8(datagram) || is_utf8(*message.status), "a status is cut between characters",
          message.status.value_or(""));
  require(message.main_pid.value_or(1) > 0, "a pid is positive");
  require(message.error.value_or(0) >= 0 && message.error.value_or(0) < 4096, "an error is an errno");
  for (const auto& span : {message.extend_timeout, message.watchdog_within}) {
    require(!span || (*span >= Duration::zero() && *span <= notify::kLongest), "a time can be added to another");
  }
}

std::string microseconds(Duration span) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(span).count());
}

// The datagram that says the same.
std::string write(const Message& message) {
  if (message.barrier) return "BARRIER=1";
  std::string text;
  if (message.ready) text += "READY=1\n";
  if (message.reloading) text += "RELOADING=1\n";
  if (message.stopping) text += "STOPPING=1\n";
  if (message.watchdog) text += "WATCHDOG=1\n";
  if (message.watchdog_trigger) text += "WATCHDOG=trigger\n";
  if (message.status) text += "STATUS=" + *message.status + "\n";
  if (message.main_pid) text += "MAINPID=" + std::to_string(*message.main_pid) + "\n";
  if (message.error) text += "ERRNO=" + std::to_string(*message.error) + "\n";
  if (message.extend_timeout) text += "EXTEND_TIMEOUT_USEC=" + microseconds(*message.extend_timeout) + "\n";
  if (message.watchdog_within) text += "WATCHDOG_USEC=" + microseconds(*message.watchdog_within) + "\n";
  return text;
}

// What a service says of itself is another user's text: on a terminal it is one line, and JSON in a program.
void check_shown(const std::string& status) {
  control::ServiceView service;
  service.name = "web";
  service.status.state = core::state::Running{};
  service.status.wanted = true;
  service.status.text = status;
  const std::string json = control::status_json({&service, 1}, Time{});
  require(is_json(json), "status --json prints JSON", json);
  const std::string table = control::status_table({&service, 1}, Time{});
  const auto lines = split(table, "\n");
  require(lines.size() == 2 && is_harmless(lines[1]), "status prints a line for a service", table);
}

}  // namespace

void take_notify(std::string_view input) {
  const Message message = notify::parse(input);
  check_ranges(message, input);
  require(write(notify::parse(write(message))) == write(message), "a message comes back as it was", write(message));
  check_shown(message.status.value_or(std::string(input)));
}

}  // namespace cinit::fuzz

#include "control/render.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/json.hpp"
#include "base/line.hpp"

namespace cinit::control {
namespace {

using Health = core::ServiceStatus::Health;

constexpr std::size_t kColumns = 9;
using Cells = std::array<std::string, kColumns>;

std::uint32_t restarts(const core::ServiceStatus& status) { return std::max(status.starts, 1U) - 1; }

std::string age(const ServiceView& service, Time now) {
  Line line;
  line << std::max(now - service.status.since, Duration::zero());
  return std::string(line.text());
}

std::string_view health_word(Health health) {
  switch (health) {
    case Health::Healthy: return "healthy";
    case Health::Unhealthy: return "unhealthy";
    case Health::Unknown: break;
  }
  return {};
}

std::string ready_word(const core::ServiceStatus& status) {
  if (status.is_ready()) return "yes";
  return status.wanted ? "no" : "-";
}

// Text of others on one line of ours: nothing in it reaches the terminal's controls.
std::string one_line(std::string text) {
  for (char& letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || byte == 0x7f) letter = letter == '\n' || letter == '\t' ? ' ' : '?';
  }
  return text;
}

Cells cells_of(const ServiceView& service, Time now) {
  const core::ServiceStatus& status = service.status;
  const std::string_view health = health_word(status.health);
  return {one_line(service.name) + (service.is_main ? " (main command)" : ""),
          std::string(state_word(status.state)),
          age(service, now),
          service.pid == 0 ? "-" : std::to_string(service.pid),
          std::to_string(restarts(status)),
          last_exit(status),
          ready_word(status),
          std::string(health.empty() ? "-" : health),
          one_line(detail(service, now))};
}

// In characters, as far as bytes tell: those that continue one in UTF-8 take no room.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char letter) { return (static_cast<unsigned char>(letter) & 0xc0U) != 0x80U; }));
}

// How many bytes at the beginning are one character of UTF-8; 0: they are none (RFC 3629, section 4).
std::size_t character_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xc2 ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
  if (size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
  }
  if (size < 3) return size;
  const unsigned second = byte(1);
  const bool is_wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return is_wrong ? 0 : size;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const std::size_t size = character_at(text);
    valid += size == 0 ? "\xef\xbf\xbd" : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return valid;
}

// One JSON object.
class Object {
 public:
  Object& add(std::string_view name, std::string_view json) {
    text_ += text_.empty() ? "{" : ",";
    append_json_string(text_, name);
    text_ += ":";
    text_ += json;
    return *this;
  }
  Object& add_text(std::string_view name, std::string_view text) {
    std::string json;
    append_json_string(json, valid_utf8(text));
    return add(name, json);
  }
  Object& add_text_or_null(std::string_view name, std::string_view text) {
    return text.empty() ? add(name, "null") : add_text(name, text);
  }
  std::string text() const { return text_ + "}"; }

 private:
  std::string text_;
};

// With milliseconds.
std::string seconds(Duration span) {
  const auto ms = std::max<std::int64_t>(span.count() / 1'000'000, 0);
  const std::string fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

std::string object_of(const ServiceView& service, Time now) {
  const core::ServiceStatus& status = service.status;
  const bool by_code = status.last_end && !status.last_end->by_signal();
  const bool by_signal = status.last_end && status.last_end->by_signal();
  Object object;
  object.add_text("name", service.name)
      .add_text("role", service.is_main ? "main-command" : "service")
      .add_text("state", state_word(status.state))
      .add("since_seconds", seconds(now - status.since))
      .add("pid", service.pid == 0 ? "null" : std::to_string(service.pid))
      .add("restarts", std::to_string(restarts(status)))
      .add("exit_code", by_code ? std::to_string(status.last_end->code()) : "null")
      .add_text_or_null("exit_signal", by_signal ? to_string(status.last_end->signal()) : "")
      .add("ready", status.is_ready() ? "true" : "false")
      .add_text_or_null("health", health_word(status.health));
  ServiceView silent = service;
  silent.status.text.clear();
  object.add_text_or_null("detail", detail(silent, now)).add_text_or_null("status", status.text);
  return object.text();
}

}  // namespace

std::string status_table(std::span<const ServiceView> services, Time now) {
  std::vector<Cells> rows{{"NAME", "STATE", "SINCE", "PID", "RESTARTS", "LAST EXIT", "READY", "HEALTH", "DETAIL"}};
  for (const ServiceView& service : services) rows.push_back(cells_of(service, now));
  std::array<std::size_t, kColumns> widths{};
  for (const Cells& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string table;
  for (const Cells& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < kColumns; ++i) line += row[i] + std::string(widths[i] + 2 - width_of(row[i]), ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    table += (table.empty() ? "" : "\n") + line;
  }
  return table;
}

std::string status_json(std::span<const ServiceView> services, Time now) {
  std::string text;
  for (const ServiceView& service : services) text += (text.empty() ? "[" : ",\n ") + object_of(service, now);
  return text.empty() ? "[]" : text + "]";
}

}  // namespace cinit::control

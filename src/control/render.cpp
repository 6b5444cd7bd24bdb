#include "control/render.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/json.hpp"
#include "base/line.hpp"
#include "base/utf8.hpp"

namespace cinit::control {
namespace {

using Health = core::ServiceStatus::Health;

constexpr std::size_t kColumns = 9;
using Cells = std::array<std::string, kColumns>;

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

// Text of others in a cell of the table: a letter each, and nothing in it reaches the terminal's controls.
std::string one_line(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.is_valid && !steers_display(character.code)) {
      shown += text.substr(0, character.size);
    } else {
      shown += text[0] == '\n' || text[0] == '\t' ? ' ' : '?';
    }
    text.remove_prefix(character.size);
  }
  return shown;
}

Cells cells_of(const ServiceView& service, Time now) {
  const core::ServiceStatus& status = service.status;
  const std::string_view health = health_word(status.health);
  return {one_line(service.name) + (service.is_main ? " (main command)" : ""),
          std::string(state_word(status.state)),
          age(service, now),
          service.pid == 0 ? "-" : std::to_string(service.pid),
          std::to_string(status.restarts),
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
    append_json_string(json, text);
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
      .add("restarts", std::to_string(status.restarts))
      .add("exit_code", by_code ? std::to_string(status.last_end->code()) : "null")
      .add_text_or_null("exit_signal", by_signal ? to_string(status.last_end->signal()) : "")
      .add("ready", status.is_ready() ? "true" : "false")
      .add_text_or_null("health", health_word(status.health));
  std::string background;
  for (const Process& process : service.background) {
    background += background.empty() ? "" : ",";
    background += Object().add("pid", std::to_string(process.pid)).add_text("name", process.name).text();
  }
  ServiceView silent = service;
  silent.status.text.clear();
  silent.background.clear();
  object.add("background", "[" + background + "]")
      .add_text_or_null("detail", detail(silent, now))
      .add_text_or_null("status", status.text);
  return object.text();
}

}  // namespace

std::string status_table(std::span<const ServiceView> services, Time now) {
  std::vector<Cells> rows{{"NAME", "STATE", "FOR", "PID", "RESTARTS", "LAST EXIT", "READY", "HEALTH", "DETAIL"}};
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

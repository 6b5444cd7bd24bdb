#include "config/check.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <initializer_list>
#include <utility>

#include "base/nearest.hpp"
#include "config/check_supervision.hpp"
#include "config/duration.hpp"
#include "config/place.hpp"
#include "config/quote.hpp"

namespace cinit::config {
namespace {

class Checker {
 public:
  Checker(Draft& draft, const FindDirectory& find_directory, Reading& reading)
      : draft_(draft), find_directory_(find_directory), reading_(reading) {
    for (const DraftService& service : draft_.services) {
      names_.push_back(service.service.name);
      if (service.service.enabled) enabled_.push_back(service.service.name);
    }
  }

  void run() {
    check_container();
    check_default_supervision(draft_, reading_);
    for (DraftService& service : draft_.services) {
      if (!service.service.enabled) continue;
      check_command(service);
      check_references(service, "after", service.service.after);
      check_references(service, "before", service.service.before);
      check_references(service, "requires", service.service.required);
      check_oneshot(service);
      check_restart_delay(service);
      check_supervision(draft_, service, reading_);
    }
  }

 private:
  Place place_of(const DraftService& service, std::initializer_list<std::string_view> keys) const {
    return config::place_of(draft_, service, keys);
  }

  void error(const toml::node& node, std::string message) {
    reading_.report(Severity::Error, node.source(), std::move(message));
  }

  void check_container() {
    const toml::table* table = draft_.container_table;
    if (table == nullptr) return;
    if (const toml::node* node = table->get("stop-signals")) check_stop_signals(*node);
    if (const toml::node* node = table->get("exit-code-from")) check_exit_code_from(*node);
    if (const toml::node* node = table->get("signals"); node != nullptr && node->is_table()) {
      check_signals(*node->as_table(), table->contains("stop-signals"));
    }
  }

  // What the kernel does not hand out, what always stops the container, and services that are not there.
  void check_signals(const toml::table& table, bool has_stop_signals) {
    const std::vector<Signal>& stops = draft_.container.stop_signals;
    for (const SignalRoute& route : draft_.container.signals.routes) {
      const auto entry = std::find_if(table.begin(), table.end(), [&](const auto& written) {
        return parse_signal(written.first.str()) == route.signal;
      });
      if (entry == table.end()) continue;
      const toml::node& node = entry->second;
      const std::string key = "signals." + std::string(entry->first.str());
      const int number = route.signal.number;
      if (number == SIGKILL || number == SIGSTOP || number == SIGCHLD || route.signal == kTerminate) {
        error(node, about(key, "[cinit]", to_string(route.signal) + " cannot be handed on"));
      } else if (has_stop_signals && std::ranges::find(stops, route.signal) != stops.end()) {
        error(node, about(key, "[cinit]", "contradicts stop-signals, which has " + to_string(route.signal)));
      }
      const toml::node* const name = node.is_array() ? node.as_array()->get(0) : &node;
      if (name == nullptr || reading_.is_undefined(name) || !is_known(key, "[cinit]", *name, route.service)) continue;
      if (!is_enabled(route.service))
        error(*name, about(key, "[cinit]", quote(route.service) + " is not enabled (enabled = false)"));
    }
  }

  void check_stop_signals(const toml::node& node) {
    const std::vector<Signal>& signals = draft_.container.stop_signals;
    if (signals.empty())
      error(node, about("stop-signals", "[cinit]", "without any signal nothing could stop the container"));
    for (const Signal signal : signals) {
      if (signal.number != SIGKILL && signal.number != SIGSTOP && signal.number != SIGCHLD) continue;
      error(node, about("stop-signals", "[cinit]", to_string(signal) + " cannot be used to stop the container"));
    }
  }

  void check_exit_code_from(const toml::node& node) {
    std::optional<std::string>& name = draft_.container.exit_code_from;
    if (!name) return;
    if (reading_.is_undefined(&node)) {
      name.reset();
      return;
    }
    if (is_known("exit-code-from", "[cinit]", node, *name) && !is_enabled(*name)) {
      error(node, about("exit-code-from", "[cinit]", quote(*name) + " is not enabled (enabled = false)"));
    }
  }

  void check_command(const DraftService& service) {
    if (place_of(service, {"command"}).node != nullptr || has_misspelt_command(*service.table)) return;
    reading_.problems.push_back({Severity::Error, service.service.where, service.title + " has no command"});
  }

  // Whether a key that has been reported was meant to be the command, which then is not missing.
  static bool has_misspelt_command(const toml::table& table) {
    constexpr std::array<std::string_view, 1> kCommand{"command"};
    return std::any_of(table.begin(), table.end(),
                       [&](const auto& entry) { return !nearest(entry.first.str(), kCommand).empty(); });
  }

  bool is_enabled(std::string_view name) const { return std::ranges::find(enabled_, name) != enabled_.end(); }

  // Reports a name that no service has.
  bool is_known(std::string_view key, std::string_view title, const toml::node& node, std::string_view name) {
    if (std::ranges::find(names_, name) != names_.end()) return true;
    const bool is_written = !has_reference(node);
    error(node, about(key, title, is_written ? what_is_unknown(name) : "there is no service " + describe(node)));
    return false;
  }

  // Service directories are read later, and have an order of their own, or none.
  std::string what_is_unknown(std::string_view name) const {
    const std::string directory =
        find_directory_ ? find_directory_(draft_.container.service_directories, name) : std::string();
    if (directory.empty()) return "there is no service " + quote(name) + suggestion(name, names_);
    return quote(name) + " is a service directory, " + quote(directory) +
           ", and those cannot be named here: let the program that needs the other wait for it, or make a table " +
           "[service." + quote_key(name) + "] of the directory";
  }

  // Reports the names in an array that cannot be waited for, and takes out those that need not be.
  void check_references(const DraftService& service, std::string_view key, std::vector<std::string>& names) {
    const Place place = place_of(service, {key});
    if (place.node == nullptr) return;
    const toml::array* array = place.node->as_array();
    const bool was_read = array != nullptr && array->size() == names.size();
    if (!was_read) return;
    std::vector<std::string> kept;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (check_reference(service, key, place, *array->get(i), names[i])) kept.push_back(names[i]);
    }
    names = std::move(kept);
  }

  // Whether the reference holds.
  bool check_reference(const DraftService& service, std::string_view key, const Place& place, const toml::node& node,
                       std::string_view name) {
    if (reading_.is_undefined(&node)) return false;
    if (!is_known(key, place.title, node, name)) return false;
    if (name == service.service.name) {
      if (!place.from_defaults) error(node, about(key, place.title, "a service cannot depend on itself"));
      return false;
    }
    if (is_enabled(name)) return true;
    if (key == "requires") error(node, about(key, place.title, quote(name) + " is not enabled (enabled = false)"));
    return false;
  }

  // Whether the values of all `keys` are the ones that will hold.
  bool are_certain(const DraftService& service, std::initializer_list<std::string_view> keys) const {
    return std::ranges::none_of(
        keys, [&](std::string_view key) { return reading_.is_undefined(place_of(service, {key}).node); });
  }

  void check_oneshot(const DraftService& service) {
    if (service.service.type != ServiceType::Oneshot || service.service.restart != RestartPolicy::Always) return;
    if (!are_certain(service, {"type", "restart"})) return;
    const Place place = place_of(service, {"restart"});
    if (place.node == nullptr || place.from_defaults) return;
    error(*place.node,
          about("restart", place.title, "\"always\" contradicts type = \"oneshot\", which is done when it exits"));
  }

  void check_restart_delay(const DraftService& service) {
    const Duration delay = service.service.restart_delay;
    const Duration longest = service.service.restart_max_delay;
    const Place place = place_of(service, {"restart-max-delay", "restart-delay"});
    if (longest >= delay || place.node == nullptr) return;
    if (!are_certain(service, {"restart-delay", "restart-max-delay"})) return;
    if (place.key == "restart-delay") {
      error(*place.node,
            about(place.key, place.title,
                  format_duration(delay) + " is more than restart-max-delay, " + format_duration(longest)));
    } else {
      error(*place.node, about(place.key, place.title,
                               format_duration(longest) + " is less than restart-delay, " + format_duration(delay)));
    }
  }

  Draft& draft_;
  const FindDirectory& find_directory_;
  Reading& reading_;
  std::vector<std::string_view> names_;
  std::vector<std::string_view> enabled_;
};

}  // namespace

Config check(Draft draft, const FindDirectory& find_directory, Reading& reading) {
  Checker(draft, find_directory, reading).run();
  Config config;
  config.container = std::move(draft.container);
  config.env = std::move(draft.env);
  config.sysctl = std::move(draft.sysctl);
  config.hooks = std::move(draft.hooks);
  for (DraftService& service : draft.services) {
    if (service.service.enabled) config.services.push_back(std::move(service.service));
  }
  return config;
}

}  // namespace cinit::config

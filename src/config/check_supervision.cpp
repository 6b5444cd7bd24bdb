#include "config/check_supervision.hpp"

#include <algorithm>
#include <utility>

#include "base/nearest.hpp"
#include "config/duration.hpp"
#include "config/keys.hpp"
#include "config/place.hpp"

namespace cinit::config {
namespace {

// Whether one of the keys is a way, or was meant to be one and has been reported.
bool names_way(const toml::table& table, const std::vector<std::string_view>& ways) {
  return std::any_of(table.begin(), table.end(), [&](const auto& entry) {
    const std::string_view key = entry.first.str();
    return std::ranges::find(ways, key) != ways.end() || !nearest(key, ways).empty();
  });
}

// A table at `key` that holds no way. The reader leaves that alone, since the files may have it together.
void check_way(const toml::table& table, std::string_view title, std::string_view key,
               const std::vector<std::string_view>& ways, Reading& reading) {
  const toml::node* node = table.get(key);
  if (node == nullptr || !node->is_table() || names_way(*node->as_table(), ways)) return;
  std::string list;
  for (const std::string_view way : ways) list += (list.empty() ? "" : ", ") + std::string(way);
  reading.report(Severity::Error, node->source(), about(key, title, "expected one of the keys " + list + " in it"));
}

void check_ways(const toml::table& table, std::string_view title, Reading& reading) {
  check_way(table, title, "ready", way_names<Ready>(), reading);
  check_way(table, title, "health", way_names<Health>(), reading);
}

class SupervisionChecker {
 public:
  SupervisionChecker(const Draft& draft, DraftService& service, Reading& reading)
      : draft_(draft), service_(service.service), place_draft_(service), reading_(reading) {}

  void run() {
    check_ways(*place_draft_.table, place_draft_.title, reading_);
    check_oneshot("ready", service_.ready, "which is ready when it has exited with success");
    check_oneshot("health", service_.health, "which does not stay");
    check_oneshot("post-start", service_.post_start, "which is never up; what comes next is a service after it");
    check_oneshot("pre-stop", service_.pre_stop, "which is never up");
    check_pid_file();
    check_ready_log();
    check_ready_delay();
    check_health_action();
    check_rotation("log-max-size", service_.log_max_size, Service{}.log_max_size);
    check_rotation("log-max-files", service_.log_max_files, Service{}.log_max_files);
    keep_oneshot_from_restart();
  }

 private:
  Place place_of(std::initializer_list<std::string_view> keys) const {
    return config::place_of(draft_, place_draft_, keys);
  }

  // The place of a key inside of `ready` or `health` if that is the service's own, or else of `other` if that is.
  Place place_of_either(std::string_view outer, std::string_view full_key,
                        std::initializer_list<std::string_view> other) const {
    const Place mine = inner_place(place_of({outer}), full_key);
    const Place others = place_of(other);
    const bool only_other_is_own = mine.from_defaults && others.node != nullptr && !others.from_defaults;
    return only_other_is_own ? others : mine;
  }

  // Whether the value of the key is the one that will hold.
  bool is_certain(std::string_view key) const { return !reading_.is_undefined(place_of({key}).node); }

  void report(Severity severity, const Place& place, std::string_view message) {
    if (place.node == nullptr) return;
    reading_.report(severity, place.node->source(), about(place.key, place.title, message));
  }

  // What [defaults] says is meant for the services that it fits.
  template <class T>
  void check_oneshot(std::string_view key, std::optional<T>& field, std::string_view reason) {
    if (field) contradict_oneshot(key, field, reason);
  }
  void check_oneshot(std::string_view key, std::vector<Command>& field, std::string_view reason) {
    if (!field.empty()) contradict_oneshot(key, field, reason);
  }

  // What has failed half way, a migration, is not begun again unless its own table says so: [defaults] means services that stay.
  void keep_oneshot_from_restart() {
    const Place place = place_of({"restart"});
    const bool is_own = place.node != nullptr && !place.from_defaults;
    if (service_.type == ServiceType::Oneshot && !is_own && is_certain("type")) service_.restart = RestartPolicy::No;
  }

  template <class Field>
  void contradict_oneshot(std::string_view key, Field& field, std::string_view reason) {
    const Place place = place_of({key});
    if (service_.type != ServiceType::Oneshot || !is_certain("type")) return;
    if (place.from_defaults) {
      field = {};
    } else {
      report(Severity::Error, place, "contradicts type = \"oneshot\", " + std::string(reason) + "; leave it out");
    }
  }

  void check_pid_file() {
    if (!service_.pid_file || service_.type == ServiceType::Forking || !is_certain("type")) return;
    const Place place = place_of({"pid-file"});
    if (!place.from_defaults) {
      report(Severity::Error, place,
             "is for type = \"forking\" alone: the process that is started is the main process");
    }
    service_.pid_file.reset();
  }

  // Whether nothing that the service writes can be seen.
  bool is_silent() const {
    using Kind = Output::Kind;
    const Kind error = service_.error.kind;
    return service_.output.kind == Kind::Null && (error == Kind::Null || error == Kind::Stdout);
  }

  void check_ready_log() {
    const bool waits = service_.ready && std::holds_alternative<LogReady>(service_.ready->when);
    if (!waits || !is_silent() || !is_certain("stdout") || !is_certain("stderr")) return;
    report(
        Severity::Error, place_of_either("ready", "ready.log", {"stdout", "stderr"}),
        "with stdout and stderr \"null\" there is no line that ready.log could find; let one of them be \"inherit\" or "
        "a file");
  }

  void check_ready_delay() {
    const auto* ready = service_.ready ? std::get_if<DelayReady>(&service_.ready->when) : nullptr;
    const Duration limit = service_.start_timeout;
    const bool in_time = ready == nullptr || limit == Duration{} || ready->delay < limit;
    if (in_time || !is_certain("start-timeout")) return;
    const Place place = place_of_either("ready", "ready.delay", {"start-timeout"});
    const std::string delay = format_duration(ready->delay);
    report(Severity::Error, place,
           place.key == "ready.delay" ? delay + " is not less than start-timeout, " + format_duration(limit)
                                      : format_duration(limit) + " is not more than ready.delay, " + delay);
  }

  void check_health_action() {
    const bool restarts = service_.health && service_.health->action == HealthAction::Restart;
    if (!restarts || service_.restart != RestartPolicy::No || !is_certain("restart")) return;
    const Place place = place_of_either("health", "health.action", {"restart"});
    const std::string_view what = place.key == "restart" ? "\"no\" contradicts health.action = \"restart\""
                                                         : "\"restart\" contradicts restart = \"no\"";
    report(Severity::Error, place,
           std::string(what) + "; let the action be \"shutdown\" or \"ignore\", or restart \"on-failure\"");
  }

  // What has no effect is put back to its default.
  template <class T>
  void check_rotation(std::string_view key, T& field, const T& unset) {
    const bool has_file = service_.output.kind == Output::Kind::File || service_.error.kind == Output::Kind::File;
    if (field == unset || has_file || !is_certain("stdout") || !is_certain("stderr")) return;
    const Place place = place_of({key});
    if (!place.from_defaults) {
      report(Severity::Warning, place, "has no effect, since neither stdout nor stderr is \"file:/path\"");
    }
    field = unset;
  }

  const Draft& draft_;
  Service& service_;
  const DraftService& place_draft_;
  Reading& reading_;
};

}  // namespace

void check_default_supervision(const Draft& draft, Reading& reading) {
  if (draft.defaults_table != nullptr) check_ways(*draft.defaults_table, "[defaults]", reading);
}

void check_supervision(const Draft& draft, DraftService& service, Reading& reading) {
  SupervisionChecker(draft, service, reading).run();
}

}  // namespace cinit::config

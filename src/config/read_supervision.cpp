// The tables of `ready` and `health`: keys of which exactly one says how it is found out, and those that go with it.
#include <algorithm>
#include <utility>

#include "config/endpoint.hpp"
#include "config/quote.hpp"
#include "config/read_value.hpp"

namespace cinit::config {
namespace {

// A longer text could be torn in two where a very long line of output is.
constexpr std::size_t kLongestLogText = 1024;

bool read_way(const Value& value, NotifyReady&) {
  bool notify = false;
  if (!read(value, notify)) return false;
  if (!notify) value.mismatch("true");
  return notify;
}

bool read_way(const Value& value, FdReady& into) {
  return read(value, as<Between<kLowestReadyFd, kHighestReadyFd>>(into.fd));
}

bool read_way(const Value& value, LogReady& into) {
  if (!read(value, into.text)) return false;
  if (into.text.size() <= kLongestLogText && into.text.find_first_of("\r\n") == std::string::npos) return true;
  value.error("expected a part of one line, of at most " + std::to_string(kLongestLogText) + " bytes");
  return false;
}

bool read_way(const Value& value, DelayReady& into) { return read(value, into.delay); }

bool read_way(const Value& value, ExecProbe& into) { return read(value, as<CommandLine>(into.command)); }

bool read_way(const Value& value, FileProbe& into) { return read(value, as<AbsolutePath>(into.path)); }

bool read_way(const Value& value, Watchdog& into) { return read(value, as<AtLeast<kShortestWatchdogMs>>(into.within)); }

// Sets `into` to what `parse` makes of the text, or reports what it expected.
template <class T>
bool read_result(const Value& value, T& into, std::string_view text, Result<T> (*parse)(std::string_view)) {
  Result<T> parsed = parse(text);
  if (!parsed) {
    value.mismatch(parsed.error().message);
    return false;
  }
  into = std::move(*parsed);
  return true;
}

bool read_way(const Value& value, TcpProbe& into) {
  if (const auto* port = value.node.as_integer()) {
    return read_result(value, into.endpoint, std::to_string(port->get()), parse_endpoint);
  }
  const Text text = read_text(value, kEndpointForm);
  return text.outcome == Outcome::Complete && read_result(value, into.endpoint, text.text, parse_endpoint);
}

bool read_way(const Value& value, HttpProbe& into) {
  const Text text = read_text(value, kUrlForm);
  return text.outcome == Outcome::Complete && read_result(value, into, text.text, parse_url);
}

template <class Alternative, class Variant>
bool read_one_of(const Value& value, As<Way<Alternative>, Variant> into) {
  Alternative way;
  if (!read_way(value, way)) return false;
  if constexpr (kIsProbe<Alternative>) {
    into.field = Probe(std::move(way));
  } else {
    into.field = std::move(way);
  }
  return true;
}

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The table of `value`, whose keys messages call "health.interval".
class WaysReader {
 public:
  WaysReader(const Value& value, const toml::table& table) : value_(value), table_(table) {}

  // Whether all of `into` could be read. What lacks a way is for check() to report: another file may have it.
  template <class T>
  bool read_into(T& into) {
    const std::vector<std::string_view> known = key_names<T>();
    report_unknown(known);
    visit_keys(into, [&](std::string_view key, auto&& field) {
      const toml::node* node = table_.get(key);
      if (node == nullptr) return;
      const std::string full_key = full(key);
      const Value inner{*node, value_.table, full_key, value_.reading};
      if constexpr (kIsWay<std::remove_cvref_t<decltype(field)>>) {
        note_way(key, *node);
        complete_ = read_one_of(inner, field) && complete_;
      } else {
        complete_ = read(inner, field) && complete_;
      }
    });
    report_without_probe(known);
    return complete_ && !way_.empty();
  }

 private:
  std::string full(std::string_view key) const { return std::string(value_.key) + '.' + std::string(key); }

  void report(const toml::source_region& place, std::string message) {
    value_.reading.report(Severity::Error, place, std::move(message));
    complete_ = false;
  }

  void report_unknown(const std::vector<std::string_view>& known) {
    for (const auto& [key, node] : table_) {
      if (contains(known, key.str())) continue;
      report(key.source(), "unknown key " + quote(full(key.str())) + " in " + std::string(value_.table) +
                               suggestion(key.str(), known));
    }
  }

  void note_way(std::string_view key, const toml::node& node) {
    if (way_.empty()) {
      way_ = key;
    } else {
      report(node.source(),
             about(full(key), value_.table, "contradicts " + full(way_) + ": there can only be one of them"));
    }
  }

  // Reports what only a probe has, where there is none.
  void report_without_probe(const std::vector<std::string_view>& known) {
    const Health health;
    bool has_probe = way_.empty();
    auto is_way = [&](std::string_view key, const auto&) { has_probe = has_probe || key == way_; };
    visit_probe_ways(health.check, is_way);
    if (has_probe) return;
    for (const std::string_view key : kProbeKeys) {
      const toml::node* node = table_.get(key);
      if (node == nullptr || !contains(known, key)) continue;
      report(node->source(),
             about(full(key), value_.table,
                   "contradicts " + full(way_) + ", with which nothing is asked again and again; leave it out"));
    }
  }

  const Value& value_;
  const toml::table& table_;
  std::string_view way_;  // the first that is there
  bool complete_ = true;
};

template <class T>
bool read_ways(const Value& value, const toml::table& table, T& into) {
  T ways;
  if (!WaysReader(value, table).read_into(ways)) return false;
  into = std::move(ways);
  return true;
}

std::string list_of(const std::vector<std::string_view>& names) {
  std::string list;
  for (const std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

}  // namespace

bool read(const Value& value, Ready& into) {
  if (const toml::table* table = value.node.as_table()) return read_ways(value, *table, into);
  const std::string expected = "\"notify\", or a table with one of " + list_of(way_names<Ready>());
  const Text text = read_text(value, expected);
  if (text.outcome != Outcome::Complete) return false;
  if (text.text != "notify") {
    value.mismatch(expected);
    return false;
  }
  into = Ready{};
  return true;
}

bool read(const Value& value, Health& into) {
  if (const toml::table* table = value.node.as_table()) return read_ways(value, *table, into);
  value.mismatch("a table with one of " + list_of(way_names<Health>()));
  return false;
}

}  // namespace cinit::config

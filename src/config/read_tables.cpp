#include "config/read_tables.hpp"

#include <algorithm>
#include <utility>

#include "config/foreign.hpp"
#include "config/keys.hpp"
#include "config/quote.hpp"
#include "config/read_value.hpp"

namespace cinit::config {
namespace {

constexpr std::string_view kContainerTitle = "[cinit]";
constexpr std::string_view kServiceTitle = "[service.NAME]";

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Where a key belongs that is known, but not in this table.
std::string other_table(std::string_view key, std::string_view title) {
  if (contains(key_names<Service>(), key)) return "; it is a key of " + std::string(kServiceTitle);
  if (title != kContainerTitle && contains(key_names<Container>(), key)) {
    return "; it is a key of " + std::string(kContainerTitle);
  }
  return {};
}

// A table where a value is expected: most likely the name of a service has a dot.
std::string dotted_name(const toml::key& key, const toml::node& node, std::string_view title) {
  constexpr std::string_view kPrefix = "[service.";
  if (!node.is_table() || !title.starts_with(kPrefix)) return {};
  const std::string_view name = title.substr(kPrefix.size(), title.size() - kPrefix.size() - 1);
  return "; a name with a dot needs quotes: [service." + quote(std::string(name) + '.' + std::string(key.str())) + "]";
}

void report_unknown(const toml::key& key, const toml::node& node, std::string_view title,
                    std::vector<std::string_view> known, Reading& reading) {
  std::string hint = explain_foreign_key(key.str());
  if (hint.empty()) hint = suggestion(key.str(), known);
  if (hint.empty()) hint = other_table(key.str(), title);
  if (hint.empty()) hint = dotted_name(key, node, title);
  reading.report(Severity::Error, key.source(), "unknown key " + quote(key.str()) + " in " + std::string(title) + hint);
}

// Reports the keys of `table` that are not `known`; those in `later` as not supported yet.
void check_keys(const toml::table& table, std::string_view title, std::vector<std::string_view> known,
                std::span<const std::string_view> later, Reading& reading) {
  std::vector<std::string_view> all = known;
  all.insert(all.end(), later.begin(), later.end());
  for (const auto& [key, node] : table) {
    if (contains(known, key.str())) continue;
    if (contains(later, key.str())) {
      reading.report(Severity::Error, key.source(),
                     std::string(key.str()) + " in " + std::string(title) + " is not supported yet");
    } else {
      report_unknown(key, node, title, all, reading);
    }
  }
}

// Once, and not in each instance of a template.
[[gnu::noinline]] const toml::node* find_node(const toml::table& table, std::string_view key) { return table.get(key); }

// `done` has been read.
template <class T>
void read_keys(const toml::table& table, std::string_view title, T& into, Reading& reading,
               std::string_view done = "") {
  visit_keys(into, [&](std::string_view key, auto&& field) {
    if (const toml::node* node = key == done ? nullptr : find_node(table, key)) {
      read(Value{*node, title, key, reading}, field);
    }
  });
}

void read_container(const toml::table& table, Container& container, Reading& reading) {
  check_keys(table, kContainerTitle, key_names<Container>(), {}, reading);
  read_keys(table, kContainerTitle, container, reading);
}

// The keys of a service see its variables, and these what is set outside of it.
void read_service_keys(const toml::table& table, std::string_view title, const toml::table* defaults, Service& service,
                       Reading& reading) {
  constexpr std::string_view kEnv = "env";
  check_keys(table, title, key_names<Service>(), kLaterServiceKeys, reading);
  Variables known = service.env;
  const toml::node* const of_defaults = defaults ? defaults->get(kEnv) : nullptr;
  if (of_defaults && of_defaults->is_table()) leave_out_undefined(reading, *of_defaults->as_table(), known);
  if (const toml::node* env = table.get(kEnv)) {
    Variables own;
    read(Value{*env, title, kEnv, reading}, own);
    for (const auto& [name, value] : own) known[name] = service.env[name] = value;
    if (env->is_table()) leave_out_undefined(reading, *env->as_table(), known);
  }
  const VariablesInFront in_front(reading, known);
  read_keys(table, title, service, reading, kEnv);
}

// Whether the service is enabled. It is asked before the rest is read: the variables of one that is not need not exist.
bool is_enabled(const toml::table& table, std::string_view title, bool by_default, Reading& reading) {
  bool enabled = by_default;
  if (const toml::node* node = table.get("enabled")) read(Value{*node, title, "enabled", reading}, enabled);
  return enabled;
}

DraftService read_service(const toml::key& name, const toml::table& table, const Service& defaults,
                          const toml::table* defaults_table, Reading& reading) {
  DraftService draft{defaults, "[service." + quote_key(name.str()) + "]", &table};
  draft.service.name = std::string(name.str());
  draft.service.where = location_of(name.source());
  const bool enabled = is_enabled(table, draft.title, defaults.enabled, reading);
  const WhenUndefined usual = reading.when_undefined;
  if (!enabled) reading.when_undefined = WhenUndefined::Silent;
  read_service_keys(table, draft.title, defaults_table, draft.service, reading);
  reading.when_undefined = usual;
  draft.service.enabled = enabled;
  return draft;
}

bool is_service_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.@").find(c) != std::string_view::npos;
  };
  return !name.empty() && std::ranges::all_of(name, allowed);
}

void report_no_service(const toml::key& name, const toml::node& node, Reading& reading) {
  const bool is_key = contains(key_names<Service>(), name.str());
  reading.report(Severity::Error, name.source(),
                 quote_key(name.str()) + " in [service]: expected a table [service.NAME], not " + describe(node) +
                     (is_key ? "; the keys of a service stand below [service.NAME]" : ""));
}

void read_services(const toml::table& services, const Service& defaults, Draft& draft, Reading& reading) {
  for (const auto& [name, node] : services) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      report_no_service(name, node, reading);
      continue;
    }
    if (!is_service_name(name.str())) {
      reading.report(Severity::Error, name.source(),
                     "the name of a service is made of letters, digits, \"-\", \"_\", \".\" and \"@\", which " +
                         quote(name.str()) + " is not");
    }
    draft.services.push_back(read_service(name, *table, defaults, draft.defaults_table, reading));
  }
}

void check_top(const toml::table& root, Reading& reading) {
  for (const auto& [key, node] : root) {
    if (contains(kTables, key.str())) continue;
    std::string hint = explain_foreign_table(key.str());
    if (hint.empty()) hint = suggestion(key.str(), kTables);
    if (hint.empty()) hint = other_table(key.str(), "");
    reading.report(Severity::Error, key.source(), "unknown table or key " + quote(key.str()) + hint);
  }
}

// The table `name` of `root`, if there is one; anything else by that name is reported.
const toml::table* table_of(const toml::table& root, std::string_view name, Reading& reading) {
  const toml::node* node = root.get(name);
  if (node == nullptr) return nullptr;
  if (const toml::table* table = node->as_table()) return table;
  reading.report(Severity::Error, node->source(),
                 "expected a table [" + std::string(name) + "], not " + describe(*node));
  return nullptr;
}

}  // namespace

void add_name(std::vector<std::string_view>& names, std::string_view key) { names.push_back(key); }

Draft read_tables(const toml::table& root, Reading& reading) {
  Draft draft;
  check_top(root, reading);
  Variables known;
  if (const toml::table* env = table_of(root, "env", reading)) {
    read_variables(*env, "[env]", reading, draft.env);
    known = draft.env;
    leave_out_undefined(reading, *env, known);
  }
  const VariablesInFront in_front(reading, known);
  draft.container_table = table_of(root, "cinit", reading);
  if (draft.container_table != nullptr) read_container(*draft.container_table, draft.container, reading);

  if (const toml::table* sysctl = table_of(root, "sysctl", reading)) {
    draft.sysctl.where = location_of(sysctl->source());
    check_keys(*sysctl, "[sysctl]", key_names<Sysctl>(), {}, reading);
    read_keys(*sysctl, "[sysctl]", draft.sysctl, reading);
  }
  if (const toml::table* hooks = table_of(root, "hooks", reading)) {
    check_keys(*hooks, "[hooks]", key_names<Hooks>(), {}, reading);
    read_keys(*hooks, "[hooks]", draft.hooks, reading);
  }

  Service defaults;
  draft.defaults_table = table_of(root, "defaults", reading);
  if (draft.defaults_table != nullptr) {
    read_service_keys(*draft.defaults_table, "[defaults]", nullptr, defaults, reading);
  }
  if (const toml::table* services = table_of(root, "service", reading)) {
    read_services(*services, defaults, draft, reading);
  }
  return draft;
}

}  // namespace cinit::config

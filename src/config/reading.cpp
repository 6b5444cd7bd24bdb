#include "config/reading.hpp"

#include <algorithm>
#include <utility>

#include "base/nearest.hpp"
#include "config/foreign.hpp"
#include "config/quote.hpp"

namespace cinit::config {
namespace {

constexpr std::size_t kShownLength = 48;

Outcome report_failure(const Value& value, const ExpandFailure& failure) {
  if (failure.kind == ExpandFailure::Kind::Syntax) {
    value.error(failure.message);
    return Outcome::Wrong;
  }
  value.reading.undefined.push_back(&value.node);
  if (value.reading.when_undefined == WhenUndefined::Silent) return Outcome::Undefined;
  const bool fatal = value.reading.when_undefined == WhenUndefined::Error;
  value.reading.report(fatal ? Severity::Error : Severity::Warning, value.node.source(),
                       about(value.key, value.table, failure.message));
  return Outcome::Undefined;
}

}  // namespace

void Reading::report(Severity severity, const toml::source_region& region, std::string message) {
  std::ranges::replace_if(
      message, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  problems.push_back({severity, location_of(region), std::move(message)});
}

bool Reading::is_undefined(const toml::node* node) const {
  return std::ranges::find(undefined, node) != undefined.end();
}

VariablesInFront::VariablesInFront(Reading& reading, const Variables& variables)
    : reading_(reading), behind_(std::move(reading.lookup)) {
  reading.lookup = [this, &variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? behind_(name) : found->second;
  };
}

VariablesInFront::~VariablesInFront() { reading_.lookup = std::move(behind_); }

void leave_out_undefined(const Reading& reading, const toml::table& table, Variables& variables) {
  for (const auto& [name, node] : table) {
    if (reading.is_undefined(&node)) variables.erase(std::string(name.str()));
  }
}

void Value::error(std::string_view message) const {
  reading.report(Severity::Error, node.source(), about(key, table, message));
}

void Value::mismatch(std::string_view expected) const {
  error("expected " + std::string(expected) + ", not " + describe(node));
}

Location location_of(const toml::source_region& region) {
  return {region.path ? *region.path : std::string(), region.begin.line, region.begin.column};
}

std::string about(std::string_view key, std::string_view table, std::string_view message) {
  return std::string(key) + " in " + std::string(table) + ": " + std::string(message);
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view meant = nearest(word, candidates);
  return meant.empty() ? std::string() : "; did you mean " + quote(meant) + "?";
}

bool has_reference(const toml::node& node) {
  const auto* string = node.as_string();
  return string != nullptr && string->get().find("${") != std::string::npos;
}

std::string describe(const toml::node& node) {
  if (const auto* string = node.as_string()) {
    const std::string_view text = string->get();
    const std::string written =
        quote(std::string(text.substr(0, kShownLength)) + (text.size() > kShownLength ? "..." : ""));
    return has_reference(node) ? "what " + written + " stands for" : written;
  }
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  return node.is_floating_point() ? "a number with a fraction" : "a date or time";
}

bool refuse_nul(const Value& value, std::string_view text) {
  if (text.find('\0') == std::string_view::npos) return false;
  value.error("a NUL byte cannot be part of a string that a process is given");
  return true;
}

void warn_of_foreign_reference(const Value& value, std::string_view text) {
  const std::string explanation = explain_foreign_reference(text);
  if (explanation.empty()) return;
  value.reading.report(Severity::Warning, value.node.source(), about(value.key, value.table, explanation));
}

Outcome report_failures(const Value& value, const std::vector<ExpandFailure>& failures) {
  Outcome worst = Outcome::Complete;
  for (const ExpandFailure& failure : failures) worst = std::max(worst, report_failure(value, failure));
  return worst;
}

Text read_text(const Value& value, std::string_view expected) {
  const auto* string = value.node.as_string();
  if (string == nullptr) {
    value.mismatch(expected);
    return {};
  }
  if (refuse_nul(value, string->get())) return {};
  warn_of_foreign_reference(value, string->get());
  Expansion expansion = expand(string->get(), value.reading.lookup);
  return {std::move(expansion.text), report_failures(value, expansion.failures)};
}

}  // namespace cinit::config

#include "config/load.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "config/check.hpp"
#include "config/key_depth.hpp"
#include "config/read_tables.hpp"
#include "config/toml.hpp"

namespace cinit::config {
namespace {

// What a line is in the files of other programs, which many a configuration is copied from.
std::string explain_foreign_line(std::string_view text, std::uint32_t line) {
  for (; line > 1; --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  text = text.substr(0, text.find('\n'));
  if (text.starts_with("[program:")) return "; services are tables [service.NAME] here";
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string_view value = text.substr(std::min(text.find_first_not_of("= ", equals), text.size()));
  const bool is_bare =
      !value.empty() && std::string_view("\"'[{#+-.0123456789").find(value[0]) == std::string_view::npos;
  return is_bare ? "; a text stands in quotes here: key = \"text\"" : "";
}

void report_syntax(const toml::parse_error& error, std::string_view text, Reading& reading) {
  constexpr std::string_view kError = "Error ";  // to_string(Problem) says so already
  std::string_view description = error.description();
  if (description.starts_with(kError)) description.remove_prefix(kError.size());
  reading.report(Severity::Error, error.source(),
                 std::string(description) + explain_foreign_line(text, error.source().begin.line));
}

// Moves `from` into `into`: tables key by key, everything else as a whole. Keys and values keep the places that they were
// written at; copies would lose them.
void merge(toml::table& into, toml::table& from) {
  for (auto&& [key, node] : from) {
    const auto existing = into.find(key.str());
    if (existing == into.end()) {
      into.insert(key, std::move(node));
    } else if (existing->second.is_table() && node.is_table()) {
      merge(*existing->second.as_table(), *node.as_table());
    } else {
      into.erase(existing);
      into.insert(key, std::move(node));
    }
  }
}

struct Parsed {
  std::vector<toml::table> files;
  bool complete = true;  // none of them had a syntax error
};

Parsed parse(std::span<const SourceText> sources, const Lookup& lookup, std::vector<Problem>& problems) {
  Reading reading{lookup, WhenUndefined::Silent, problems, {}};
  Parsed parsed;
  for (const SourceText& source : sources) {
    if (const std::uint32_t line = find_deep_key(source.text)) {
      const std::string message = "a key has more than " + std::to_string(kMostKeyParts) + " parts";
      problems.push_back({Severity::Error, {source.name, line, 1}, message});
      parsed.complete = false;
      continue;
    }
    toml::parse_result result = toml::parse(std::string_view(source.text), std::string_view(source.name));
    if (result) {
      parsed.files.push_back(std::move(result).table());
    } else {
      report_syntax(result.error(), source.text, reading);
      parsed.complete = false;
    }
  }
  return parsed;
}

// Reads a file for its mistakes alone. What a later file replaces is not seen any more when they are merged; only
// variables that are not set may stay unnoticed there.
void read_alone(const toml::table& file, const Lookup& lookup, std::vector<Problem>& problems) {
  Reading reading{lookup, WhenUndefined::Silent, problems, {}};
  read_tables(file, reading);
}

Config read_merged(std::vector<toml::table>& files, const Lookup& lookup, Undefined undefined,
                   const FindDirectory& find_directory, std::vector<Problem>& problems) {
  toml::table root;
  for (toml::table& file : files) merge(root, file);
  const WhenUndefined when = undefined == Undefined::Error ? WhenUndefined::Error : WhenUndefined::Warning;
  Reading reading{lookup, when, problems, {}};
  return check(read_tables(root, reading), find_directory, reading);
}

// Puts the problems in the order of the files and lines, each once: a mistake in one file shows again in the merged ones.
void arrange(std::vector<Problem>& problems, std::span<const SourceText> sources) {
  const auto order = [&](const Problem& problem) {
    const auto file = std::ranges::find(sources, problem.where.file, &SourceText::name);
    return std::tuple(file - sources.begin(), problem.where.line, problem.where.column, problem.severity,
                      std::string_view(problem.message));
  };
  const auto is_before = [&](const Problem& a, const Problem& b) { return order(a) < order(b); };
  const auto is_same = [&](const Problem& a, const Problem& b) { return order(a) == order(b); };
  std::sort(problems.begin(), problems.end(), is_before);
  problems.erase(std::unique(problems.begin(), problems.end(), is_same), problems.end());
}

}  // namespace

Loaded load(std::span<const SourceText> sources, const Lookup& lookup, Undefined undefined,
            const FindDirectory& find_directory) {
  Loaded loaded;
  Parsed parsed = parse(sources, lookup, loaded.problems);
  const bool only_merged = parsed.complete && parsed.files.size() <= 1;
  if (!only_merged) {
    for (const toml::table& file : parsed.files) read_alone(file, lookup, loaded.problems);
  }
  // With a file missing, what refers to it would look wrong.
  if (parsed.complete) loaded.config = read_merged(parsed.files, lookup, undefined, find_directory, loaded.problems);
  arrange(loaded.problems, sources);
  return loaded;
}

Location find_key(std::span<const SourceText> sources, std::initializer_list<std::string_view> path) {
  for (std::size_t i = sources.size(); i-- > 0;) {
    if (find_deep_key(sources[i].text) != 0) continue;
    const toml::parse_result parsed = toml::parse(std::string_view(sources[i].text), std::string_view(sources[i].name));
    const toml::node* node = parsed ? &parsed.table() : nullptr;
    for (const std::string_view part : path) {
      const toml::table* table = node == nullptr ? nullptr : node->as_table();
      node = table == nullptr ? nullptr : table->get(part);
    }
    if (node != nullptr) return location_of(node->source());
  }
  return {};
}

}  // namespace cinit::config

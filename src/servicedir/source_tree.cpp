#include "servicedir/source_tree.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/nearest.hpp"
#include "config/quote.hpp"

namespace cinit::servicedir {
namespace {

struct NamedKind {
  std::string_view name;
  SourceKind kind;
};

constexpr NamedKind kKinds[] = {
    {"oneshot", SourceKind::Oneshot}, {"longrun", SourceKind::Longrun}, {"bundle", SourceKind::Bundle}};

// What s6-overlay brings along: trees depend on it, and there is nothing of it here.
constexpr std::string_view kBuiltIn[] = {"base", "fix-attrs", "init-catchall", "legacy-cont-init", "legacy-services",
                                         "top",  "user",      "user2"};

bool is_built_in(std::string_view name) {
  return name.starts_with("s6rc-") || name.starts_with("s6-rc-") || std::ranges::binary_search(kBuiltIn, name);
}

// The bundles of the image, whose type nobody needs to ask for.
bool is_users(std::string_view name) { return name == "user" || name == "user2"; }

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
  const std::string_view meant = nearest(name, candidates);
  return meant.empty() ? "" : "; did you mean " + config::quote(meant) + "?";
}

}  // namespace

SourceTree::SourceTree(std::string path, Problems& problems) : path_(std::move(path)), problems_(problems) {
  for (const Directory& directory : list_directories(path_, problems_)) {
    if (is_users(directory.name)) continue;
    if (is_built_in(directory.name)) {
      problems_.push_back({config::Severity::Error, {directory.path, 0, 0}, "this name belongs to s6-overlay itself"});
      continue;
    }
    sources_.emplace(directory.name, Source{directory, read_kind(directory.path)});
  }
  for (const auto& [name, source] : sources_) {
    if (source.kind == SourceKind::Longrun) add_pipeline(source.directory);
  }
}

std::optional<SourceKind> SourceTree::read_kind(const std::string& directory) {
  constexpr std::string_view kNames[] = {kKinds[0].name, kKinds[1].name, kKinds[2].name};
  const std::string path = directory + "/type";
  const std::string expected = "expected \"oneshot\", \"longrun\" or \"bundle\"";
  const std::optional<std::string> value = read_value(path, problems_);
  if (!value) {
    if (!exists(path, problems_))
      problems_.push_back({config::Severity::Error, {path, 0, 0}, "there is no such file; " + expected});
    return std::nullopt;
  }
  const auto* known = std::ranges::find(kKinds, std::string_view(*value), &NamedKind::name);
  if (known != std::end(kKinds)) return known->kind;
  add_error(problems_, path, expected + ", not " + config::quote(*value) + did_you_mean(*value, kNames));
  return std::nullopt;
}

void SourceTree::add_pipeline(const Directory& last) {
  const std::string path = last.path + "/pipeline-name";
  if (!exists(path, problems_)) return;
  const std::vector<ListedName> names = read_list(path, problems_);
  if (exists(last.path + "/producer-for", problems_) || !exists(last.path + "/consumer-for", problems_)) {
    problems_.push_back(
        {config::Severity::Warning, {path, 0, 0}, "only the last longrun of a pipeline gives it a name"});
  } else if (names.size() != 1) {
    add_error(problems_, path, "expected one name");
  } else if (sources_.contains(names.front().name)) {
    add_error(problems_, path, config::quote(names.front().name) + " is the name of another source");
  } else {
    pipelines_.emplace(names.front().name, last.name);
  }
}

std::vector<ListedName> SourceTree::read_names(const std::string& directory, const std::string& name) {
  const std::string path = directory + "/" + name;
  std::vector<ListedName> names = read_list(path, problems_);
  std::ranges::move(read_directory(path + ".d", problems_), std::back_inserter(names));
  return names;
}

void SourceTree::report_unknown(const ListedName& name) {
  std::vector<std::string_view> candidates;
  for (const auto& [known, source] : sources_) candidates.push_back(known);
  for (const auto& [known, last] : pipelines_) candidates.push_back(known);
  problems_.push_back({config::Severity::Error, name.where,
                       "there is no " + config::quote(name.name) + " in " + config::quote_path(path_) +
                           did_you_mean(name.name, candidates)});
}

std::vector<std::string> SourceTree::known(const std::vector<ListedName>& names) {
  std::vector<std::string> known;
  for (const ListedName& listed : names) {
    if (is_built_in(listed.name)) continue;
    if (sources_.contains(listed.name) || pipelines_.contains(listed.name)) {
      known.push_back(listed.name);
    } else {
      report_unknown(listed);
    }
  }
  return known;
}

std::vector<std::string> SourceTree::members_of_pipeline(const std::string& last) {
  std::vector<std::string> members{last};
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto source = sources_.find(members[i]);
    if (source == sources_.end()) continue;  // told where the consumer is read
    for (const ListedName& producer : read_list(source->second.directory.path + "/consumer-for", problems_)) {
      if (std::ranges::find(members, producer.name) == members.end()) members.push_back(producer.name);
    }
  }
  std::erase_if(members, [&](const std::string& name) { return !sources_.contains(name); });
  return members;
}

const std::vector<std::string>& SourceTree::contents_of(const std::string& bundle) {
  const auto asked_before = contents_.find(bundle);
  if (asked_before != contents_.end()) return asked_before->second;
  const auto pipeline = pipelines_.find(bundle);
  return contents_
      .emplace(bundle, pipeline != pipelines_.end() ? members_of_pipeline(pipeline->second)
                                                    : known(read_names(directory_of(bundle).path, "contents")))
      .first->second;
}

void SourceTree::expand(const std::vector<std::string>& names, std::set<std::string>& seen,
                        std::set<std::string>& services) {
  for (const std::string& name : names) {
    if (!seen.insert(name).second) continue;
    const auto source = sources_.find(name);
    if (source == sources_.end() || source->second.kind == SourceKind::Bundle) {
      expand(contents_of(name), seen, services);
    } else if (source->second.kind) {
      services.insert(name);
    }
  }
}

std::set<std::string> SourceTree::services_of(const std::vector<ListedName>& names) {
  std::set<std::string> seen;
  std::set<std::string> services;
  expand(known(names), seen, services);
  return services;
}

const Directory* SourceTree::find_longrun(const ListedName& name) {
  const auto source = sources_.find(name.name);
  if (source == sources_.end()) {
    report_unknown(name);
  } else if (source->second.kind != SourceKind::Longrun) {
    problems_.push_back({config::Severity::Error, name.where, config::quote(name.name) + " is no longrun"});
  } else {
    return &source->second.directory;
  }
  return nullptr;
}

}  // namespace cinit::servicedir

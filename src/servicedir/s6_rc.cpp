#include "servicedir/s6_rc.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "config/quote.hpp"
#include "servicedir/execline.hpp"
#include "servicedir/s6.hpp"
#include "servicedir/source_tree.hpp"

namespace cinit::servicedir {
namespace {

bool holds(const std::vector<ListedName>& names, const std::string& name) {
  return std::ranges::find(names, name, &ListedName::name) != names.end();
}

// Reads the sources that are asked for, and all that these need.
class Reader {
 public:
  Reader(const std::string& sources, const OneshotPlace& oneshots) : oneshots_(oneshots), tree_(sources, problems_) {}

  // A bundle among the sources, and one that is a directory of names anywhere.
  std::vector<ListedName> read_bundle(const std::string& name) { return tree_.read_names(name, "contents"); }
  std::vector<ListedName> read_contents(const std::string& directory) { return read_directory(directory, problems_); }
  // The services that are added: those that were before are not among them.
  std::set<std::string> add(const std::vector<ListedName>& names);
  // Those that depend on legacy-services, by way of others as well.
  std::set<std::string> find_late() const;
  void put_in_order(const std::set<std::string>& earlier, const std::vector<std::string>& scanned,
                    const std::set<std::string>& later);
  Found finish();

 private:
  config::Service read_service(const std::string& name);
  config::Service read_oneshot(const std::string& name, const Directory& directory);
  config::Service read_longrun(const std::string& name, const Directory& directory);
  std::optional<config::Command> read_command(const std::string& path);
  void check_run(const std::string& path);
  std::string read_consumer(const std::string& name, const Directory& directory);
  void check_producers(const std::string& name, const Directory& directory);
  void warn_of_idle_consumers();
  void move_in_order(const std::string& name, std::vector<config::Service>& ordered);
  void add_problem(const config::Location& where, std::string message) {
    problems_.push_back({config::Severity::Error, where, std::move(message)});
  }

  const OneshotPlace& oneshots_;
  Problems problems_;
  SourceTree tree_;
  std::map<std::string, config::Service> services_;
  std::set<std::string> late_;  // those that depend on legacy-services themselves
};

std::set<std::string> Reader::add(const std::vector<ListedName>& names) {
  std::set<std::string> added;
  std::set<std::string> wanted = tree_.services_of(names);
  while (!wanted.empty()) {
    const std::string name = wanted.extract(wanted.begin()).value();
    if (services_.contains(name)) continue;
    const config::Service& service = services_.emplace(name, read_service(name)).first->second;
    wanted.insert(service.required.begin(), service.required.end());
    if (!service.pipes_into.empty()) wanted.insert(service.pipes_into);
    added.insert(name);
  }
  return added;
}

std::set<std::string> Reader::find_late() const {
  std::set<std::string> late = late_;
  const auto is_late = [&](const std::string& name) { return late.contains(name); };
  for (bool found = true; std::exchange(found, false);) {
    for (const auto& [name, service] : services_) {
      if (std::ranges::any_of(service.required, is_late)) found |= late.insert(name).second;
    }
  }
  return late;
}

void Reader::put_in_order(const std::set<std::string>& earlier, const std::vector<std::string>& scanned,
                          const std::set<std::string>& later) {
  for (const std::string& name : earlier) services_.at(name).before = scanned;
  for (const std::string& name : later) {
    config::Service& service = services_.at(name);
    service.after = scanned;
    std::set<std::string> required = earlier;
    required.insert(service.required.begin(), service.required.end());
    service.required.assign(required.begin(), required.end());
  }
}

config::Service Reader::read_service(const std::string& name) {
  const Directory& directory = tree_.directory_of(name);
  const bool is_oneshot = tree_.kind_of(name) == SourceKind::Oneshot;
  config::Service service = is_oneshot ? read_oneshot(name, directory) : read_longrun(name, directory);
  service.start_timeout = read_timeout(directory.path + "/timeout-up", problems_).value_or(Duration::zero());
  // s6-rc goes on without it after this time; whatever is left then gets SIGKILL soon.
  const auto timeout_down = read_timeout(directory.path + "/timeout-down", problems_);
  if (!service.stop_timeout) service.stop_timeout = timeout_down;
  const std::vector<ListedName> dependencies = tree_.read_names(directory.path, "dependencies");
  if (holds(dependencies, "legacy-services")) late_.insert(name);
  const std::set<std::string> required = tree_.services_of(dependencies);
  service.required.assign(required.begin(), required.end());
  return service;
}

config::Service Reader::read_oneshot(const std::string& name, const Directory& directory) {
  config::Service service;
  service.name = name;
  service.where = {directory.path, 0, 0};
  service.type = config::ServiceType::Oneshot;
  service.restart = config::RestartPolicy::No;
  service.on_failure = config::EndAction::Ignore;
  service.failure_ends_boot = oneshots_.failure_ends_boot;
  service.env = {{"RC_NAME", name}};
  if (!oneshots_.working_dir.empty()) service.working_dir = oneshots_.working_dir;
  const std::string up = directory.path + "/up";
  if (!exists(up, problems_)) add_problem({up, 0, 0}, "there is no such file: it is what a oneshot runs");
  // With nothing to run it is a place in the order of the others, and always succeeds: an image may have no true(1).
  service.command = read_command(up).value_or(config::Command{"/proc/self/exe", "--as", "true"});
  service.undo = read_command(directory.path + "/down");
  return service;
}

std::optional<config::Command> Reader::read_command(const std::string& path) {
  const std::optional<std::string> text = read_text(path, problems_);
  if (!text) return std::nullopt;
  CommandLine line = parse_command_line(path, *text);
  if (begins_like_script(*text) && !line.begins_with_exec) {
    problems_.push_back({config::Severity::Warning,
                         {path, 1, 1},
                         "this is one command line and no script: put the script into a file of its own, and write its "
                         "path here"});
  }
  if (line.problem) problems_.push_back(*std::move(line.problem));
  if (line.is_execline && !oneshots_.execlineb.empty()) return config::Command{oneshots_.execlineb, "-P", path};
  if (line.objection) problems_.push_back(*std::move(line.objection));
  if (line.words.empty()) return std::nullopt;
  return std::move(line.words);
}

config::Service Reader::read_longrun(const std::string& name, const Directory& directory) {
  config::Service service = read_s6_service(directory, name, problems_);
  service.directory->is_scanned = false;
  service.pipes_into = read_consumer(name, directory);
  check_producers(name, directory);
  check_run(directory.path + "/run");
  return service;
}

// One that is not executable becomes so when the container starts.
void Reader::check_run(const std::string& path) {
  if (!exists(path, problems_)) add_problem({path, 0, 0}, "there is no such file: it is what a longrun runs");
}

std::string Reader::read_consumer(const std::string& name, const Directory& directory) {
  const std::vector<ListedName> consumers = read_list(directory.path + "/producer-for", problems_);
  if (consumers.empty()) return "";
  const ListedName& consumer = consumers.front();
  if (consumers.size() > 1) {
    add_problem(consumers[1].where, "a longrun can only be the producer for one other");
  }
  const Directory* const found = tree_.find_longrun(consumer);
  if (!found) return "";
  if (!holds(read_list(found->path + "/consumer-for", problems_), name)) {
    add_problem(consumer.where, config::quote(consumer.name) + " does not say that it is the consumer for " +
                                    config::quote(name) + ": add that to its file consumer-for");
  }
  return consumer.name;
}

void Reader::check_producers(const std::string& name, const Directory& directory) {
  for (const ListedName& producer : read_list(directory.path + "/consumer-for", problems_)) {
    const Directory* const found = tree_.find_longrun(producer);
    if (!found || holds(read_list(found->path + "/producer-for", problems_), name)) continue;
    add_problem(producer.where, config::quote(producer.name) + " does not say that it is the producer for " +
                                    config::quote(name) + ": add that to its file producer-for");
  }
}

// Of those whose producers are all left out.
void Reader::warn_of_idle_consumers() {
  const auto is_started = [this](const ListedName& producer) { return services_.contains(producer.name); };
  for (const auto& [name, service] : services_) {
    if (!service.directory) continue;
    const auto producers = read_list(service.directory->path + "/consumer-for", problems_);
    if (std::ranges::any_of(producers, is_started)) continue;
    for (const ListedName& producer : producers) {
      if (!tree_.find_longrun(producer)) continue;
      problems_.push_back({config::Severity::Warning, producer.where,
                           config::quote(name) + " has nothing to read: its producer " + config::quote(producer.name) +
                               " is in no bundle that is started"});
    }
  }
}

// By name, but a consumer after its producers.
void Reader::move_in_order(const std::string& name, std::vector<config::Service>& ordered) {
  auto service = services_.extract(name);
  if (service.empty()) return;
  std::vector<std::string> producers;
  for (const auto& [other, candidate] : services_) {
    if (candidate.pipes_into == name) producers.push_back(other);
  }
  for (const std::string& producer : producers) move_in_order(producer, ordered);
  ordered.push_back(std::move(service.mapped()));
}

Found Reader::finish() {
  warn_of_idle_consumers();
  Found found;
  while (!services_.empty()) move_in_order(std::string(services_.begin()->first), found.services);
  // A file that both ends of a pipe are interested in is read more than once.
  std::set<std::string> told;
  for (config::Problem& problem : problems_) {
    if (told.insert(to_string(problem)).second) found.problems.push_back(std::move(problem));
  }
  return found;
}

}  // namespace

S6RcFound read_s6_rc(const std::string& sources, const std::vector<std::string>& bundles,
                     const std::vector<std::string>& scanned, const OneshotPlace& oneshots) {
  Reader reader(sources, oneshots);
  std::vector<ListedName> user = reader.read_bundle(sources + "/user");
  std::vector<ListedName> user2 = reader.read_bundle(sources + "/user2");
  for (const std::string& directory : bundles) {
    std::ranges::move(reader.read_contents(directory),
                      std::back_inserter(directory.ends_with("/user2/contents.d") ? user2 : user));
  }
  std::set<std::string> earlier = reader.add(user);
  std::set<std::string> later = reader.add(user2);
  for (const std::string& name : reader.find_late()) {
    earlier.erase(name);
    later.insert(name);
  }
  reader.put_in_order(earlier, scanned, later);
  return {reader.finish(), {earlier.begin(), earlier.end()}};
}

}  // namespace cinit::servicedir

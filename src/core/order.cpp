#include "core/order.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace cinit::core {
namespace {

using Planned = std::deque<PlannedService>;

bool is_among(const std::vector<ServiceId>& ids, ServiceId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

void add_once(std::vector<ServiceId>& ids, ServiceId id) {
  if (!is_among(ids, id)) ids.push_back(id);
}

// Walks the dependencies depth first, without recursion: a chain may be as long as there are services.
class CycleFinder {
 public:
  explicit CycleFinder(const Planned& services) : services_(services), marks_(services.size(), Mark::New) {}

  std::optional<DependencyCycle> find() {
    for (std::size_t i = 0; i < services_.size(); ++i) {
      if (marks_[i] != Mark::New) continue;
      if (auto cycle = walk_from(static_cast<ServiceId>(i))) return cycle;
    }
    return std::nullopt;
  }

 private:
  enum class Mark { New, OnPath, Finished };
  struct Visit {
    ServiceId id;
    std::size_t next = 0;
  };

  std::optional<DependencyCycle> walk_from(ServiceId start) {
    visit(start);
    while (!path_.empty()) {
      Visit& last = path_.back();
      const auto& waits_for = services_[index_of(last.id)].waits_for;
      if (last.next == waits_for.size()) {
        marks_[index_of(last.id)] = Mark::Finished;
        path_.pop_back();
        continue;
      }
      const ServiceId target = waits_for[last.next++];
      if (marks_[index_of(target)] == Mark::OnPath) return cycle_at(target);
      if (marks_[index_of(target)] == Mark::New) visit(target);
    }
    return std::nullopt;
  }

  void visit(ServiceId id) {
    marks_[index_of(id)] = Mark::OnPath;
    path_.push_back({id});
  }

  DependencyCycle cycle_at(ServiceId target) const {
    DependencyCycle cycle;
    cycle.where = services_[index_of(target)].spec.where;
    auto on_path = std::find_if(path_.begin(), path_.end(), [&](const Visit& visit) { return visit.id == target; });
    for (; on_path != path_.end(); ++on_path) cycle.names.push_back(services_[index_of(on_path->id)].spec.name);
    cycle.names.push_back(cycle.names.front());
    return cycle;
  }

  const Planned& services_;
  std::vector<Mark> marks_;
  std::vector<Visit> path_;
};

}  // namespace

// ---- Links

void Linker::link_names() {
  std::map<std::string_view, ServiceId> ids;
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    ids.emplace(plan_.services[i].spec.name, static_cast<ServiceId>(i));
  }
  const auto for_each = [&](const std::vector<std::string>& names, const auto& link) {
    for (const std::string& name : names) {
      if (const auto found = ids.find(name); found != ids.end()) link(found->second);
    }
  };
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    const auto id = static_cast<ServiceId>(i);
    const config::Service& spec = at(id).spec;
    for_each(spec.after, [&](ServiceId earlier) { edge(id, earlier); });
    for_each(spec.before, [&](ServiceId later) { edge(later, id); });
    for_each(spec.required, [&](ServiceId required) {
      edge(id, required);
      add_once(at(id).required, required);
    });
    for_each({spec.pipes_into}, [&](ServiceId consumer) { pipe(id, consumer); });
  }
}

void Linker::spread_wanted() {
  std::vector<ServiceId> wanted;
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    PlannedService& service = plan_.services[i];
    service.wanted_at_boot = service.spec.autostart;
    if (service.wanted_at_boot) wanted.push_back(static_cast<ServiceId>(i));
  }
  while (!wanted.empty()) {
    const ServiceId id = wanted.back();
    wanted.pop_back();
    for (const ServiceId required : at(id).required) {
      if (!std::exchange(at(required).wanted_at_boot, true)) wanted.push_back(required);
    }
  }
}

std::optional<DependencyCycle> Linker::find_cycle() const { return CycleFinder(plan_.services).find(); }

void Linker::edge(ServiceId later, ServiceId earlier) { add_once(at(later).waits_for, earlier); }

void Linker::chain(const std::vector<ServiceId>& hooks) {
  for (std::size_t i = 1; i < hooks.size(); ++i) edge(hooks[i], hooks[i - 1]);
}

void Linker::wait_for_boot_hooks(ServiceId id) {
  if (!plan_.boot_hooks.empty()) edge(id, plan_.boot_hooks.back());
}

// The last boot hook stands for all of them when there is no service that waits for it.
void Linker::wait_for_services(ServiceId later) {
  plan_.after_services.push_back(later);
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    const PlannedService& service = plan_.services[i];
    if (service.role == Role::Service && service.wanted_at_boot) edge(later, static_cast<ServiceId>(i));
  }
  wait_for_boot_hooks(later);
}

void Linker::attach(ServiceId id, const std::function<bool(ServiceId)>& is_open) {
  wait_for_boot_hooks(id);
  for (const ServiceId later : plan_.after_services) {
    if (at(id).wanted_at_boot && is_open(later)) edge(later, id);
  }
}

void Linker::pipe(ServiceId producer, ServiceId consumer) {
  edge(producer, consumer);
  at(producer).consumer = consumer;
  add_once(at(consumer).producers, producer);
}

void Linker::unlink(ServiceId id, const std::function<bool(ServiceId)>& keeps) {
  std::erase_if(at(id).waits_for, [&](ServiceId earlier) { return !keeps(earlier); });
  for (const ServiceId later : at(id).dependents) {
    if (!keeps(later)) std::erase(at(later).waits_for, id);
  }
  if (at(id).consumer) std::erase(at(*at(id).consumer).producers, id);
  for (const ServiceId producer : at(id).producers) at(producer).consumer.reset();
}

void Linker::finish() {
  link_dependents();
  assign_tiers();
}

void Linker::link_dependents() {
  for (PlannedService& service : plan_.services) service.dependents.clear();
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    for (const ServiceId earlier : plan_.services[i].waits_for) {
      at(earlier).dependents.push_back(static_cast<ServiceId>(i));
    }
  }
}

// A service's stop tier is one more than the highest of its dependents: what needs it has stopped before.
void Linker::assign_tiers() {
  Planned& services = plan_.services;
  std::vector<std::size_t> dependents_left(services.size());
  std::vector<ServiceId> ready;
  for (std::size_t i = 0; i < services.size(); ++i) {
    services[i].stop_tier = 0;
    dependents_left[i] = services[i].dependents.size();
    if (dependents_left[i] == 0) ready.push_back(static_cast<ServiceId>(i));
  }
  plan_.tiers = 0;
  while (!ready.empty()) {
    const ServiceId id = ready.back();
    ready.pop_back();
    const std::uint32_t tier = at(id).stop_tier;
    plan_.tiers = std::max(plan_.tiers, tier + 1);
    for (const ServiceId earlier : at(id).waits_for) {
      at(earlier).stop_tier = std::max(at(earlier).stop_tier, tier + 1);
      if (--dependents_left[index_of(earlier)] == 0) ready.push_back(earlier);
    }
  }
}

std::optional<ServiceId> Linker::find(std::string_view name) const {
  for (std::size_t i = 0; i < plan_.services.size(); ++i) {
    if (plan_.services[i].spec.name == name) return static_cast<ServiceId>(i);
  }
  return std::nullopt;
}

bool has_producers_alive(const Services& services, const Service& service) {
  const auto& producers = service.plan->producers;
  return std::any_of(producers.begin(), producers.end(),
                     [&](ServiceId id) { return !is_final(at(services, id).state); });
}

// ---- Starting

void StartOrder::settle(ServiceId id) {
  if (!settled_.insert(id).second) return;
  for (const ServiceId later : plan_[id].dependents) {
    if (waits(later)) offer(later);
  }
}

std::optional<ServiceId> StartOrder::take_next() {
  while (!offered_.empty()) {
    const ServiceId id = offered_.front();
    offered_.pop_front();
    if (waits(id) && may_start(id)) return id;
  }
  return std::nullopt;
}

// Only what is to come up is waited for: an order is no request.
bool StartOrder::may_start(ServiceId id) const {
  if (requires_one_down_on_request(id)) return false;
  const auto& waits_for = plan_[id].waits_for;
  return released_ == id ||
         std::all_of(waits_for.begin(), waits_for.end(), [this](ServiceId earlier) { return is_settled(earlier); });
}

bool StartOrder::is_settled(ServiceId id) const { return settled_.contains(id) || is_final(at(services_, id).state); }

void StartOrder::release(ServiceId id) {
  released_ = id;
  if (waits(id)) offer(id);
}

const std::vector<ServiceId>& StartOrder::required_now(ServiceId id) const {
  static const std::vector<ServiceId> none;
  const bool has_started = at(services_, id).start_count > 0;
  return has_started && plan_[id].policy.requires_at_first ? none : plan_[id].required;
}

bool StartOrder::requires_one_down_on_request(ServiceId id) const {
  const auto& all = required_now(id);
  return std::any_of(all.begin(), all.end(),
                     [&](ServiceId required) { return at(services_, required).wanted == Wanted::DownOnRequest; });
}

std::vector<ServiceId> StartOrder::started_with(ServiceId id) const {
  std::vector<ServiceId> all;
  for (const ServiceId required : plan_[id].required) {
    const Service& service = at(services_, required);
    if (is_up(service.wanted) || is_done(service)) continue;
    const std::vector<ServiceId> before = started_with(required);
    all.insert(all.end(), before.begin(), before.end());
  }
  all.push_back(id);
  return all;
}

std::optional<ServiceId> StartOrder::failed_requirement(ServiceId id) const {
  const auto& all = required_now(id);
  const auto found =
      std::find_if(all.begin(), all.end(), [&](ServiceId required) { return has_failed(at(services_, required)); });
  return found == all.end() ? std::nullopt : std::optional(*found);
}

}  // namespace cinit::core

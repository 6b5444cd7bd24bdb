// Who waits for whom: the only place that links services, for a first plan and for a revision of it, and that says
// which of them can start.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "core/plan.hpp"
#include "core/service.hpp"

namespace cinit::core {

using Services = std::vector<Service>;

inline Service& at(Services& services, ServiceId id) { return services[index_of(id)]; }
inline const Service& at(const Services& services, ServiceId id) { return services[index_of(id)]; }

// A service whose output it reads has not ended.
bool has_producers_alive(const Services& services, const Service& service);

// Makes the links of a plan. Dependents and tiers are true again after finish().
class Linker {
 public:
  explicit Linker(Plan& plan) : plan_(plan) {}

  // What `after`, `before`, `requires` and `pipes_into` of the services say. Names that are not there are passed over.
  void link_names();
  // What a wanted service requires is wanted, too.
  void spread_wanted();
  // Services that wait for each other.
  std::optional<DependencyCycle> find_cycle() const;

  // Each of `hooks` waits for the one before.
  void chain(const std::vector<ServiceId>& hooks);
  void wait_for_boot_hooks(ServiceId id);
  // `later` waits for all services that are wanted at boot, and for those that come until `later` is started.
  void wait_for_services(ServiceId later);
  void edge(ServiceId later, ServiceId earlier);

  // A service has come. `is_open`: whether one of Plan::after_services can still wait for it.
  void attach(ServiceId id, const std::function<bool(ServiceId)>& is_open);
  // The standard output of `producer` is the standard input of `consumer`.
  void pipe(ServiceId producer, ServiceId consumer);
  // A service is gone, or described anew. Links that a service for which `keeps` holds has made stay.
  void unlink(ServiceId id, const std::function<bool(ServiceId)>& keeps);

  void finish();

  std::optional<ServiceId> find(std::string_view name) const;

 private:
  PlannedService& at(ServiceId id) { return plan_.services[index_of(id)]; }
  void link_dependents();
  void assign_tiers();

  Plan& plan_;
};

// Which services can start. A service that is to start waits until everything before it is settled: has been ready,
// done, failed or stopped since it was last asked for.
class StartOrder {
 public:
  // Both must outlive it.
  StartOrder(const Plan& plan, const Services& services) : plan_(plan), services_(services) {}

  void settle(ServiceId id);
  void unsettle(ServiceId id) { settled_.erase(id); }
  // No service has to wait for it.
  bool is_settled(ServiceId id) const;
  // It waits no longer for others.
  void release(ServiceId id);
  // It waits: it starts as soon as it can.
  void offer(ServiceId id) { offered_.push_back(id); }
  // One that waits and can start now; std::nullopt: none.
  std::optional<ServiceId> take_next();

  // It requires a service that is held down for a while. That is no failure: they are started together.
  bool requires_one_down_on_request(ServiceId id) const;
  // What is to be started when this one is asked for: before it what it requires and that is down.
  std::vector<ServiceId> started_with(ServiceId id) const;
  // A service that it requires and that has failed.
  std::optional<ServiceId> failed_requirement(ServiceId id) const;

 private:
  bool may_start(ServiceId id) const;
  const std::vector<ServiceId>& required_now(ServiceId id) const;
  bool waits(ServiceId id) const { return std::holds_alternative<state::Waiting>(services_[index_of(id)].state); }

  const Plan& plan_;
  const Services& services_;
  std::set<ServiceId> settled_;
  std::optional<ServiceId> released_;
  std::deque<ServiceId> offered_;
};

}  // namespace cinit::core

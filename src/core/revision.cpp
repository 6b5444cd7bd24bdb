#include "core/revision.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/order.hpp"

namespace cinit::core {
namespace {

using config::Identity;
using config::identity_of;

class Reviser {
 public:
  Reviser(Plan& plan, const Supervisor& supervisor, const config::Container& defaults,
          const std::vector<config::Service>& found)
      : plan_(plan), links_(plan), supervisor_(supervisor), defaults_(defaults), found_(found) {
    for (const config::Service& spec : found) {
      by_name_.emplace(spec.name, &spec);
      if (!spec.pipes_into.empty()) producers_.emplace(spec.pipes_into, spec.name);
    }
    for (const config::Service& spec : found) {
      if (const auto identity = identity_of(spec); identity && !is_logger(spec)) by_identity_.emplace(*identity, &spec);
    }
    for (const ServiceId id : services()) {
      if (const auto identity = identity_of(plan[id].spec); identity && !is_gone(id)) owners_.emplace(*identity, id);
    }
    rename();
    for (const ServiceId id : services()) {
      if (!is_gone(id)) taken_.emplace(plan[id].spec.name, id);
      if (is_free(id)) free_.emplace(plan[id].spec.name, id);
    }
  }

  PlanRevised run() {
    for (const ServiceId id : services_before_loggers()) {
      const config::Service* const spec = find(id);
      if (!spec && !is_kept_by_producer(id)) {
        at(id).retired = true;
        revised_.removed.push_back(id);
      }
      if (spec && spec->name == plan_[id].spec.name && is_pristine(id)) describe(id, *spec);
    }
    for (const config::Service& spec : found_) {
      if (!has_room(spec)) {
        note_taken_name(spec);
      } else if (!is_late_logger(spec.name)) {
        place(spec);
      }
    }
    for (const ServiceId id : revised_.described) link(id);
    links_.finish();
    return std::move(revised_);
  }

 private:
  // A service whose directory has another name.
  struct Move {
    ServiceId id;
    const config::Service* spec;
  };

  PlannedService& at(ServiceId id) { return plan_.services[index_of(id)]; }

  bool is_logger(const config::Service& spec) const { return producers_.contains(spec.name); }

  bool comes_and_goes(ServiceId id) const { return identity_of(plan_[id].spec).has_value(); }

  bool is_looked_at(ServiceId id) const { return !plan_[id].retired && comes_and_goes(id); }

  // The service that has its place; end: none.
  std::map<Identity, ServiceId>::const_iterator owner_of(const config::Service& spec) const {
    const auto identity = identity_of(spec);
    return identity ? owners_.find(*identity) : owners_.end();
  }

  // A main command and hooks are no services, and can have the name of one.
  std::vector<ServiceId> services() const {
    std::vector<ServiceId> ids;
    for (std::size_t i = 0; i < plan_.services.size(); ++i) {
      if (plan_.services[i].role == Role::Service) ids.push_back(static_cast<ServiceId>(i));
    }
    return ids;
  }

  std::vector<ServiceId> looked_at() const {
    std::vector<ServiceId> ids = services();
    std::erase_if(ids, [this](ServiceId id) { return !is_looked_at(id); });
    return ids;
  }

  // A logger stays or goes with its service.
  std::vector<ServiceId> services_before_loggers() const {
    std::vector<ServiceId> ids = looked_at();
    std::stable_partition(ids.begin(), ids.end(), [this](ServiceId id) { return plan_[id].producers.empty(); });
    return ids;
  }

  bool is_gone(ServiceId id) const { return plan_[id].retired && is_final(supervisor_.state(id)); }

  // Another can have its place: it has gone together with the services that share its pipe.
  bool is_free(ServiceId id) const {
    const PlannedService& service = plan_[id];
    return is_gone(id) && (!service.consumer || is_gone(*service.consumer)) &&
           std::all_of(service.producers.begin(), service.producers.end(),
                       [this](ServiceId it) { return is_gone(it); });
  }

  const config::Service* find(const std::string& name) const {
    const auto spec = by_name_.find(name);
    return spec == by_name_.end() ? nullptr : spec->second;
  }

  // What has become of its directory; nullptr: that is gone.
  const config::Service* find(ServiceId id) const {
    const config::Service* const named = find(plan_[id].spec.name);
    if (named && is_same(*named, id)) return named;
    if (const config::Service* const moved = find_moved(id)) return moved;
    // Nothing was done about it: it can as well be another directory, which no other service has.
    return named && is_pristine(id) && owner_of(*named) == owners_.end() ? named : nullptr;
  }

  // A logger is where its service is.
  const config::Service* find_moved(ServiceId id) const {
    const auto& producers = plan_[id].producers;
    if (producers.empty()) {
      const auto identity = identity_of(plan_[id].spec);
      const auto moved = identity ? by_identity_.find(*identity) : by_identity_.end();
      return moved == by_identity_.end() ? nullptr : moved->second;
    }
    const config::Service* const producer = find(producers.front());
    const config::Service* const logger = producer ? find(producer->pipes_into) : nullptr;
    return logger && is_same(*logger, id) ? logger : nullptr;
  }

  bool is_same(const config::Service& spec, ServiceId id) const {
    return identity_of(spec) == identity_of(plan_[id].spec);
  }

  // A directory under another name is the same service, as it is for runsvdir(8), which knows it by its inode. A
  // service that cannot have its new name goes on under the old one, which may be the new one of another.
  void rename() {
    std::vector<Move> moves = moved();
    std::set<std::string> kept = names_beside(moves);
    std::set<ServiceId> staying;
    for (auto move = moves.begin(); move != moves.end();) {
      config::follow(at(move->id).spec, *move->spec);
      if (!kept.contains(move->spec->name) && !is_tied_to_one_of(staying, move->id)) {
        ++move;
        continue;
      }
      kept.insert(plan_[move->id].spec.name);
      staying.insert(move->id);
      moves.erase(move);
      move = moves.begin();
    }
    for (const Move& move : moves) {
      config::Service& spec = at(move.id).spec;
      spec.name = move.spec->name;
      if (!spec.pipes_into.empty()) spec.pipes_into = move.spec->pipes_into;
      revised_.renamed.push_back(move.id);
    }
  }

  std::vector<Move> moved() const {
    std::vector<Move> moves;
    std::set<std::string> names;
    for (const ServiceId id : looked_at()) {
      const config::Service* const spec = find(id);
      if (!spec || spec->name == plan_[id].spec.name) continue;
      if (names.insert(spec->name).second) moves.push_back({id, spec});
    }
    return moves;
  }

  // The names of all services that are there, or have not ended yet, but for the ones that move.
  std::set<std::string> names_beside(const std::vector<Move>& moves) const {
    std::set<std::string> names;
    for (const ServiceId id : services()) {
      const bool moves_away = std::any_of(moves.begin(), moves.end(), [id](const Move& move) { return move.id == id; });
      if (!is_gone(id) && !moves_away) names.insert(plan_[id].spec.name);
    }
    return names;
  }

  // A service and its logger have their names together.
  bool is_tied_to_one_of(const std::set<ServiceId>& ids, ServiceId id) const {
    const auto& producers = plan_[id].producers;
    return (plan_[id].consumer && ids.contains(*plan_[id].consumer)) ||
           std::any_of(producers.begin(), producers.end(), [&](ServiceId producer) { return ids.contains(producer); });
  }

  // A service and its logger are begun together, as by one runsv(8).
  bool is_pristine(ServiceId id) const {
    const auto is_untouched = [this](ServiceId other) { return supervisor_.is_pristine(other); };
    const PlannedService& service = plan_[id];
    return is_untouched(id) && (!service.consumer || is_untouched(*service.consumer)) &&
           std::all_of(service.producers.begin(), service.producers.end(), is_untouched);
  }

  // For itself and its logger.
  bool has_room(const config::Service& spec) const {
    const config::Service* const logger = find(spec.pipes_into);
    return is_vacant(spec) && (!logger || is_vacant(*logger));
  }

  // Its predecessor has ended, and no service runs in the directory under another name. Services may share that of
  // their logger.
  bool is_vacant(const config::Service& spec) const {
    if (taken_.contains(spec.name)) return false;
    const auto owner = owner_of(spec);
    return owner == owners_.end() || (is_logger(spec) && !plan_[owner->second].retired);
  }

  // A service that does not come and go has its name: that is nothing to wait for.
  void note_taken_name(const config::Service& spec) {
    const auto holder = taken_.find(spec.name);
    if (holder == taken_.end() || comes_and_goes(holder->second)) return;
    const auto owner = owner_of(spec);
    const bool has_owner = owner != owners_.end() && is_looked_at(owner->second);
    const auto goes_on = has_owner ? std::optional(owner->second) : std::nullopt;
    revised_.unplaced.push_back({spec.where.file, holder->second, goes_on});
  }

  // runsv looks for a log directory when it starts, and never again.
  bool is_late_logger(const std::string& name) const {
    const auto producer = producers_.find(name);
    return producer != producers_.end() && !described_.contains(producer->second);
  }

  // One that is described anew has no logger until it is linked again.
  bool is_kept_by_producer(ServiceId id) const {
    const auto& producers = plan_[id].producers;
    return std::any_of(producers.begin(), producers.end(),
                       [this](ServiceId producer) { return !plan_[producer].retired; });
  }

  // A place of a service that is gone is used again, so that a plan does not grow for ever: by one of the same name, or
  // by one of any other name that is not about to come back.
  ServiceId find_place(const std::string& name) {
    auto old = free_.find(name);
    if (old == free_.end()) {
      old = std::find_if(free_.begin(), free_.end(), [this](const auto& each) { return !find(each.first); });
    }
    if (old == free_.end()) {
      plan_.services.emplace_back();
      return static_cast<ServiceId>(plan_.services.size() - 1);
    }
    const ServiceId id = old->second;
    free_.erase(old);
    return id;
  }

  // Until its predecessor has ended, that is in the way.
  void place(const config::Service& spec) {
    const ServiceId id = find_place(spec.name);
    describe(id, spec);
    plan_.has_services = true;
    plan_.is_kept_open = true;
  }

  void describe(ServiceId id, const config::Service& spec) {
    // A service that does not come and go has put itself in order with this one: that stays.
    links_.unlink(id, [this](ServiceId other) { return plan_[other].role == Role::Service && !comes_and_goes(other); });
    PlannedService described = plan_alone(spec, defaults_);
    described.waits_for = std::move(at(id).waits_for);
    described.dependents = std::move(at(id).dependents);
    at(id) = std::move(described);
    described_.emplace(spec.name, id);
    revised_.described.push_back(id);
  }

  // What waits for all services waits for this one, too, unless it was started already.
  void link(ServiceId id) {
    links_.attach(id, [this](ServiceId later) { return is_pristine(later); });
    const auto consumer = described_.find(at(id).spec.pipes_into);
    if (consumer != described_.end()) links_.pipe(id, consumer->second);
  }

  Plan& plan_;
  Linker links_;
  const Supervisor& supervisor_;
  const config::Container& defaults_;
  const std::vector<config::Service>& found_;
  std::map<std::string, const config::Service*> by_name_;
  std::map<Identity, const config::Service*> by_identity_;  // but for loggers
  std::map<Identity, ServiceId> owners_;          // of directories: services that are there, or have not ended yet
  std::map<std::string, std::string> producers_;  // by loggers
  std::map<std::string, ServiceId> taken_;        // by names of services that are there, or have not ended yet
  std::multimap<std::string, ServiceId> free_;    // by names of services that are gone
  std::map<std::string, ServiceId> described_;
  PlanRevised revised_;
};

}  // namespace

PlanRevised revise(Plan& plan, const Supervisor& supervisor, const config::Container& defaults,
                   const std::vector<config::Service>& found) {
  return Reviser(plan, supervisor, defaults, found).run();
}

}  // namespace cinit::core

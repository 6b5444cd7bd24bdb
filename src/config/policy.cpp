#include "config/policy.hpp"

namespace cinit::config {
namespace {

// runsv(8) and s6-supervise(8) start a service at most once in this time.
constexpr Duration kRestartInterval = std::chrono::seconds(1);

// s6-supervise(8): with this exit code ./finish reports a permanent failure.
constexpr int kPermanentFailure = 125;

}  // namespace

Policy policy_of(const Service& service) {
  Policy policy;
  if (!service.directory) return policy;
  policy.restart_interval = kRestartInterval;
  policy.post_stop_time = service.directory->finish_timeout.value_or(Duration::max());
  policy.asks_post_stop = !service.directory->finish_timeout;
  if (service.directory->suite == ServiceDirectory::Suite::S6) policy.give_up_code = kPermanentFailure;
  policy.ignores_exit_codes = true;
  policy.waits_for_its_end = true;
  policy.delivers_continue = true;
  policy.requires_at_first = true;
  policy.keeps_container = true;
  return policy;
}

std::optional<Identity> identity_of(const Service& service) {
  if (!service.directory || !service.directory->is_scanned) return std::nullopt;
  return Identity{service.directory->device, service.directory->inode};
}

void follow(Service& service, const Service& moved) {
  service.where = moved.where;
  service.working_dir = moved.working_dir;
  if (service.directory && moved.directory) service.directory->path = moved.directory->path;
}

}  // namespace cinit::config

// What os::PendingSpawn needs to start one service, put together in memory before there is a process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/event.hpp"
#include "init/environment.hpp"
#include "init/launcher.hpp"
#include "init/provision.hpp"
#include "os/accounts.hpp"
#include "os/spawn.hpp"

namespace cinit::init {

// Owns what its os::ChildSetup points to, because the child may use that after the plan has changed. Each step returns why
// the service cannot be started, or std::nullopt.
class LaunchSetup {
 public:
  using Failed = std::optional<core::StartFailure>;

  LaunchSetup(const core::PlannedService& service, const config::Config& config, const Surroundings& surroundings);
  LaunchSetup(const LaunchSetup&) = delete;
  LaunchSetup& operator=(const LaunchSetup&) = delete;

  // Looks up whom it will run as: uid() and gid().
  Failed identify();
  // Everything else. Both are to be called once, in this order.
  Failed prepare(const Provision& provision = {});

  // Those that the process will have; -1: cinit's own.
  uid_t uid() const { return child_.set_uid ? child_.uid : static_cast<uid_t>(-1); }
  gid_t gid() const { return child_.set_gid ? child_.gid : static_cast<gid_t>(-1); }

  // After prepare() has succeeded.
  const os::ChildSetup& child() const { return child_; }
  // The user that the service gets, if its configuration names one.
  const std::optional<os::Account>& account() const { return account_; }
  // What a failed os::PendingSpawn means, in words. The plan may have changed.
  core::StartFailure explain(const os::SpawnResult& result) const;

 private:
  Failed take_privileges();
  Failed find_identity();
  Failed find_groups();
  Failed compose_environment(const Provision& provision);
  Failed read_env_files(config::Variables& variables) const;
  Failed open_outputs(const Provision& provision);
  Failed open_output(StartStage stage, const config::Output& output, os::Fd& file, int& fd);
  void take_command(const config::Command& command);
  void take_limits();
  void take_priorities();
  void take_role(const Provision& provision);
  bool keeps_identity() const;

  // As the plan is now: not to be used after prepare().
  const core::PlannedService& service_;
  const config::Service& spec_;
  const config::Config& config_;
  const Surroundings& surroundings_;

  os::ChildSetup child_;
  std::vector<std::string> command_;
  std::vector<char*> argv_;
  std::optional<os::Account> account_;
  std::vector<gid_t> groups_;
  std::vector<os::ResourceLimit> limits_;
  std::vector<std::string> limit_names_;
  std::string search_path_;
  std::string working_dir_;
  std::string user_;
  std::optional<EnvironmentBlock> environment_;
  os::Fd stdout_file_;
  os::Fd stderr_file_;
};

}  // namespace cinit::init

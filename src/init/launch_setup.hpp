// What os::PendingSpawn needs to start one service, put together in memory before there is a process.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/event.hpp"
#include "init/environment.hpp"
#include "init/launcher.hpp"
#include "init/wiring.hpp"
#include "os/accounts.hpp"
#include "os/as_user.hpp"
#include "os/spawn.hpp"
#include "os/trusted_path.hpp"

namespace cinit::init {

// Owns what its os::ChildSetup points to, because the child may use that after the plan has changed. Each step returns
// why the service cannot be started, or std::nullopt.
class LaunchSetup {
 public:
  using Failed = std::optional<core::StartFailure>;

  LaunchSetup(const core::PlannedService& service, const config::Config& config, const Inherited& inherited);
  LaunchSetup(const LaunchSetup&) = delete;
  LaunchSetup& operator=(const LaunchSetup&) = delete;

  // Looks up whom it will run as: user().
  Failed identify();
  // The environment files of such a process, and what EnvFiles::take() has of them.
  std::vector<config::EnvFile> env_files() const;
  Failed take_env_files(Result<config::Variables> variables);
  // Everything else. All are to be called once, in this order.
  Failed prepare(const Wiring& wiring = {});

  // The limits by which it can be known later whose it is, after prepare(): see os/mark.hpp.
  void take_mark(const std::array<os::ResourceLimit, 2>& mark);

  // What the process will be.
  os::Identity user() const;

  // After prepare() has succeeded.
  const os::ChildSetup& child() const { return child_; }
  // The user that the service gets, if its configuration names one.
  const std::optional<os::Account>& account() const { return account_; }
  // What a failed os::PendingSpawn means, in words. The plan may have changed.
  core::StartFailure explain(const os::SpawnResult& result) const;

 private:
  Failed take_privileges();
  Failed find_groups();
  Failed compose_environment(const Wiring& wiring);
  // Where an output goes that is not cinit's to write.
  struct OutputFile {
    std::string path;
    os::Place place;
    os::Fd file;  // none: the process is to open it
  };
  Failed open_outputs(const Wiring& wiring);
  Failed open_output(StartStage stage, const config::Output& output, OutputFile& to, int& fd);
  std::string why_not_that_user(int error) const;
  core::StartFailure explain_output(StartStage stage, int error) const;
  void take_command(const config::Command& command);
  void take_limits();
  void take_priorities();
  void take_role(const Wiring& wiring);
  bool keeps_identity() const;

  // As the plan is now: not to be used after prepare().
  const core::PlannedService& service_;
  const config::Service& spec_;
  const config::Config& config_;
  const Inherited& inherited_;

  os::ChildSetup child_;
  std::vector<std::string> command_;
  std::vector<char*> argv_;
  std::optional<os::Account> account_;
  std::vector<gid_t> groups_;
  std::vector<os::ResourceLimit> limits_;
  std::vector<std::string> limit_names_;
  std::array<os::ResourceLimit, 2> mark_{};
  std::string search_path_;
  std::string working_dir_;
  std::string user_;
  config::Variables from_files_;
  std::optional<EnvironmentBlock> environment_;
  OutputFile stdout_file_;
  OutputFile stderr_file_;
};

}  // namespace cinit::init

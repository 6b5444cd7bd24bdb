// Images made for s6-overlay: their scripts, services and environment, run by cinit.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "core/plan.hpp"
#include "init/image.hpp"
#include "servicedir/fix_attrs.hpp"
#include "servicedir/service_trees.hpp"
#include "servicedir/tree.hpp"

namespace cinit::init {

// Scripts that are run before the services, and after them.
inline constexpr char kContInit[] = "/etc/cont-init.d";
inline constexpr char kContFinish[] = "/etc/cont-finish.d";
// An image that has one of these is made for s6-overlay.
inline constexpr const char* kS6Places[] = {servicedir::kS6Services, servicedir::kS6Sources, kContInit, kContFinish,
                                            servicedir::kFixAttrs};

// What the variables S6_* say, as far as it means something here.
struct S6Settings {
  bool keeps_environment = false;        // S6_KEEP_ENV: scripts and services have the container's environment
  bool ends_after_failure = false;       // S6_BEHAVIOUR_IF_STAGE2_FAILS, from 2 on: a start that fails ends the boot
  bool says_less = false;                // S6_VERBOSITY, below 2: warnings and errors only
  bool fixes_hidden_files = false;       // S6_FIX_ATTRS_HIDDEN
  std::string early_command;             // S6_STAGE2_HOOK: for a shell, before everything else; empty: none
  std::vector<std::string> first_words;  // S6_CMD_ARG0: in front of the main command
  std::optional<Duration> finish_time;  // S6_KILL_FINISH_MAXTIME: of each script of /etc/cont-finish.d; unset: no limit
  std::optional<Duration>
      boot_time;  // S6_CMD_WAIT_FOR_SERVICES_MAXTIME: the main command waits no longer; unset: no limit
  // What the whole stop may take, when S6_SERVICES_GRACETIME or S6_KILL_GRACETIME says something about it.
  std::optional<Duration> stop_timeout;
  // Variables that are set, and whose meaning is not supported.
  std::vector<std::string> without_effect;
};
S6Settings read_s6_settings(const config::Variables& environment);

class S6Overlay final : public Image {
 public:
  // std::nullopt: the image has none of it. `root` is put in front of every path. A problem is added when it could not
  // be looked for, for a reason that may pass.
  static std::optional<S6Overlay> find(const config::Variables& environment, servicedir::Problems& problems,
                                       const std::string& root = "");
  static std::optional<S6Overlay> find(const config::Variables& environment, const std::string& root = "");

  const S6Settings& settings() const { return settings_; }
  // To be done before anything is read: what is to be run becomes executable. Returns what could not be done, a line
  // each.
  std::vector<std::string> make_executable() const;
  // The places in /run that scripts know, as new: a container that was stopped may have left its own. The rest as
  // above.
  std::vector<std::string> make_places() const;
  // Makes /var/run a link to /run, as s6-overlay does, and moves what is in it there first. Returns why it cannot be
  // one.
  std::optional<std::string> link_var_run() const;

  // What the variables ask for in vain, a line each.
  std::vector<std::string> warn_of_settings() const;

  bool must_be_alone() const override { return true; }
  bool ends_boot_after_failure() const override { return settings_.ends_after_failure; }
  void change_environment(config::Variables& environment) const override;
  // s6-overlay's own variables say how long its parts may take and how much is logged.
  void apply_settings(config::Container& container) const override;
  void apply_settings(core::InitRules& rules) const override;
  servicedir::ServiceTrees find_trees(const config::Container& container) const override;
  // All that is above, and the environment directory.
  std::vector<std::string> prepare(const config::Variables& environment) override;
  // S6_STAGE2_HOOK.
  std::optional<core::Program> early_program() const override;
  std::optional<Error> add_to(core::Commands& commands) const override;
  // PATH for everything in the container, the main command and with-contenv included.
  const std::string& search_path() const { return search_path_; }
  // Where oneshots of s6-rc are run, whether the image has an execlineb for them, and what a failure of theirs means.
  servicedir::OneshotPlace oneshots() const;
  // The environment of scripts and services; nothing: the container's.
  const std::optional<config::Variables>& bare_environment() const { return bare_environment_; }

  // The environment directory that with-contenv reads. What scripts have changed in it, everything that starts later
  // gets. The first returns 0, or the errno of what could not be written; the second an error, which has changed
  // nothing, when the directory could not be read for a reason that may pass.
  int write_environment(const config::Variables& environment);
  std::optional<Error> reload_environment(config::Variables& environment) override;

  // The exit code that a script has left for the container, where s6-overlay's versions look for it.
  std::optional<int> exit_code() const override;

 private:
  S6Overlay(std::string root, const config::Variables& environment);
  std::string path(const char* name) const { return root_ + name; }
  core::HookFailure failure_of_script() const;
  core::Program script(const std::string& file) const;
  std::optional<Error> add_scripts(std::vector<core::Program>& programs, const char* directory) const;

  std::string root_;
  S6Settings settings_;
  std::string search_path_;
  std::optional<config::Variables> bare_environment_;
  std::vector<std::string> known_;  // the variables that the environment directory had last
};

// Where s6-svscan would be told what to do: s6-svscanctl(8) takes it for the directory that is scanned.
inline constexpr char kS6ScanDirectory[] = "/run/s6/services";

}  // namespace cinit::init

// What an image that is made for another init has brought along for it: scripts, services, environment, settings.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "core/plan.hpp"
#include "servicedir/service_trees.hpp"
#include "servicedir/tree.hpp"

namespace cinit::init {

// This one has brought nothing. What the boot asks of an image is a function here, so that the boot knows no other init
// by name.
class Image {
 public:
  Image() = default;
  Image(const Image&) = default;
  Image& operator=(const Image&) = default;
  virtual ~Image() = default;

  // Whether preparing it beside another cinit in the same container would do harm.
  virtual bool must_be_alone() const { return false; }
  // A start that fails ends the boot, also that of a script for which cinit would go on.
  virtual bool ends_boot_after_failure() const { return false; }

  // What the image's init changes about the environment that the container gave.
  virtual void change_environment(config::Variables&) const {}
  // Settings of the image's init, where cinit's configuration says nothing.
  virtual void apply_settings(config::Container&) const {}
  virtual void apply_settings(core::InitRules&) const {}
  // Where services are.
  virtual servicedir::ServiceTrees find_trees(const config::Container& container) const {
    return {.runit = container.service_directories};
  }

  // Makes what scripts of the image expect, before any of them runs. Returns what could not be done, a line each.
  virtual std::vector<std::string> prepare(const config::Variables&) { return {}; }
  // A program that may choose the services, and runs before these are read; std::nullopt if there is none.
  virtual std::optional<core::Program> early_program() const { return std::nullopt; }
  // Adds what is run before the services and after them. Fails when it could not be looked for, for a reason that may
  // pass.
  virtual std::optional<Error> add_to(core::Commands&) const { return std::nullopt; }
  // What scripts have changed about the environment, for all that starts from now on. An error has changed nothing.
  virtual std::optional<Error> reload_environment(config::Variables&) { return std::nullopt; }
  // The exit code that a script has left for the container; std::nullopt if none has.
  virtual std::optional<int> exit_code() const { return std::nullopt; }
};

// The image's own init, of those that cinit knows; null if it has none of them. A problem is added when it could not be
// looked for, for a reason that may pass.
using FindImage = std::unique_ptr<Image> (*)(const config::Variables& environment, servicedir::Problems& problems);
std::unique_ptr<Image> find_known_image(const config::Variables& environment, servicedir::Problems& problems);

}  // namespace cinit::init

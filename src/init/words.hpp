// What is said about what happens: cinit's own words, or those of an init in whose place it is.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <vector>

#include "core/notice.hpp"
#include "core/plan.hpp"
#include "init/narrator.hpp"

namespace cinit::init {

class Words {
 public:
  // The pid of a service's main process; 0: it has none.
  using PidOf = std::function<pid_t(core::ServiceId)>;

  virtual ~Words() = default;
  // The lines about what has happened, of which there may be none. `own` is what cinit itself would say.
  virtual std::vector<Narration> about(const core::Notice& notice, const Narration& own) = 0;
  // The boot hooks are done, and services are looked after from now on.
  virtual std::vector<Narration> about_begin_of_services() { return {}; }
};

using MakeWords = std::unique_ptr<Words> (*)(const core::Plan& plan, const Words::PidOf& pid_of);

// cinit's own.
std::unique_ptr<Words> make_own_words(const core::Plan& plan, const Words::PidOf& pid_of);

}  // namespace cinit::init

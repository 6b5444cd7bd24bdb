#include "sysctl/apply.hpp"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "os/syscall.hpp"
#include "sysctl/explain.hpp"
#include "sysctl/key_file.hpp"
#include "sysctl/namespaces.hpp"
#include "sysctl/resolve.hpp"
#include "sysctl/text.hpp"

namespace cinit::sysctl {
namespace {

class Applier {
 public:
  Applier(Policy policy, Circumstances circumstances) : policy_(policy), circumstances_(std::move(circumstances)) {}

  Outcome apply(const Setting& setting) const {
    const std::string path = circumstances_.root + '/' + setting.path;
    const KeyRead before = read_key(path);
    if (is_missing(before.error)) return unknown(setting, before.error);
    if (before.value && *before.value == fold(setting.value)) {
      return {OutcomeKind::AlreadyRight, setting, before.value, 0, explain_already_right(setting)};
    }
    if (policy_ == Policy::Namespaced && is_hosts(setting.path, circumstances_.host)) {
      return {OutcomeKind::Skipped, setting, before.value, 0, explain_skipped(setting, before.value)};
    }
    return write(setting, path, before.value);
  }

 private:
  static bool is_missing(int error) { return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG; }

  Outcome write(const Setting& setting, const std::string& path, const std::optional<std::string>& before) const {
    const KeyWrite written = write_key(path, setting.value);
    if (written.error != 0) return refused({setting, before, written.error, is_read_only(path)});
    if (!written.left_out.empty()) return refused({setting, before, EINVAL, false, written.left_out});
    const bool host_wide = is_hosts(setting.path, circumstances_.host);
    return {host_wide ? OutcomeKind::AppliedHostWide : OutcomeKind::Applied, setting, before, 0,
            explain_applied(setting, before, read_key(path).value, host_wide)};
  }

  Outcome unknown(const Setting& setting, int error) const {
    return failed(OutcomeKind::Unknown, {setting, std::nullopt, error}, explain_unknown(setting, circumstances_));
  }
  Outcome refused(const Failure& failure) const {
    return failed(OutcomeKind::Refused, failure, explain_refused(failure, circumstances_));
  }
  static Outcome failed(OutcomeKind kind, const Failure& failure, std::string text) {
    const bool ignored = failure.setting.ignore_failure;
    if (ignored) text += "; ignored, for the \"-\" in front of it";
    return {ignored ? OutcomeKind::Ignored : kind, failure.setting, failure.current, failure.error, std::move(text)};
  }

  Policy policy_;
  Circumstances circumstances_;
};

Circumstances find_circumstances(const Options& options) {
  Circumstances circumstances;
  circumstances.root = options.root;
  circumstances.root_exists = os::sys::faccess(options.root.c_str(), F_OK) == 0;
  circumstances.uid = geteuid();
  circumstances.host = options.host ? *options.host : find_host_namespaces();
  return circumstances;
}

Outcome malformed(const Problem& problem) {
  Outcome outcome;
  outcome.setting.where = problem.where;
  outcome.text = problem.where + ": " + problem.message;
  return outcome;
}

}  // namespace

std::vector<Outcome> apply(const Sources& sources, const Options& options) {
  std::vector<Outcome> outcomes;
  if (options.policy == Policy::Off) return outcomes;
  std::vector<Problem> problems = sources.problems;
  const std::vector<Setting> settings = resolve(sources.settings, options.root, problems);
  for (const Problem& problem : problems) outcomes.push_back(malformed(problem));
  if (settings.empty()) return outcomes;
  const Applier applier(options.policy, find_circumstances(options));
  for (const Setting& setting : settings) outcomes.push_back(applier.apply(setting));
  return outcomes;
}

bool ends_boot(Policy policy, std::span<const Outcome> outcomes) {
  const auto is_failure = [](const Outcome& outcome) {
    return outcome.kind == OutcomeKind::Unknown || outcome.kind == OutcomeKind::Refused ||
           outcome.kind == OutcomeKind::Malformed;
  };
  return policy == Policy::Strict && std::ranges::any_of(outcomes, is_failure);
}

}  // namespace cinit::sysctl

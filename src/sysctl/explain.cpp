#include "sysctl/explain.hpp"

#include <errno.h>
#include <string.h>

#include "os/glob.hpp"
#include "sysctl/parse.hpp"
#include "sysctl/text.hpp"

namespace cinit::sysctl {
namespace {

std::string subject(const Setting& setting) {
  return to_key(setting.path) + " = " + printable(setting.value) + " (" + setting.where + ")";
}

std::string stays(const std::optional<std::string>& current) {
  return current ? "it stays " + printable(*current) : "its value cannot be read";
}

// Others may be able to do what was not permitted to us; what is read-only for everybody or no value stays so.
bool has_way_out(const Failure& failure) {
  if (failure.read_only) return false;
  return failure.error == EROFS || failure.error == EACCES || failure.error == EPERM;
}

std::string not_permitted(const Failure& failure, const Circumstances& circumstances) {
  if (failure.read_only) return "the kernel lets nobody write it here";
  if (!circumstances.host.user && is_hosts(failure.setting.path, circumstances.host)) {
    return "permission denied, a user namespace has no power over the host";
  }
  if (circumstances.uid != 0) return "permission denied to uid " + std::to_string(circumstances.uid);
  return "permission denied, by a missing capability or a security profile";
}

std::string reason(const Failure& failure, const Circumstances& circumstances) {
  switch (failure.error) {
    case EROFS: return circumstances.root + " is read-only";
    case EACCES:
    case EPERM: return not_permitted(failure, circumstances);
    // From write(2): net.ipv4.tcp_congestion_control has ENOENT for an algorithm that is not there.
    case ENOENT:
    case ERANGE:
    case EINVAL: return "the kernel does not accept this value";
    case EISDIR: return "it is a directory, no key";
    case ELOOP:
    case ENXIO: return "it is no regular file, and so no key";
    default: return strerror(failure.error);
  }
}

std::string left_out(const Failure& failure) {
  const std::string_view rest = failure.left_out;
  const bool comment = rest.starts_with('#') || rest.starts_with(';');
  return subject(failure.setting) + " was taken without its end, " + printable(rest) +
         (comment ? ": a comment needs a line of its own" : ": the kernel does not expect it");
}

}  // namespace

std::string explain_applied(const Setting& setting, const std::optional<std::string>& before,
                            const std::optional<std::string>& after, bool host_wide) {
  std::string text = subject(setting) + " was set";
  if (before) text += ", it was " + printable(*before);
  if (after && *after != fold(setting.value)) text += ", it reads " + printable(*after) + " now";
  if (host_wide) text += "; it is not the container's own and has changed for everybody on the host";
  return text;
}

std::string explain_already_right(const Setting& setting) { return subject(setting) + " has this value already"; }

std::string explain_skipped(const Setting& setting, const std::optional<std::string>& current) {
  return subject(setting) + " was left alone, " + stays(current) +
         ": it belongs to the host, and the policy is \"namespaced\"";
}

std::string explain_unknown(const Setting& setting, const Circumstances& circumstances) {
  if (!circumstances.root_exists) return subject(setting) + " cannot be set: there is no " + circumstances.root;
  if (os::is_glob(setting.path)) return subject(setting) + " matches no key of this kernel";
  const bool may_be_hidden = scope_of(setting.path) == Scope::Network && !circumstances.host.network;
  return subject(setting) + " is an unknown key: " +
         (may_be_hidden ? "this kernel has none, or shows it in the host's network only" : "this kernel has none");
}

std::string explain_refused(const Failure& failure, const Circumstances& circumstances) {
  if (!failure.left_out.empty()) return left_out(failure);
  std::string text =
      subject(failure.setting) + " was refused, " + stays(failure.current) + ": " + reason(failure, circumstances);
  if (has_way_out(failure)) {
    text += "; use " + way_out(failure.setting.path, failure.setting.value, circumstances.host);
  }
  return text;
}

}  // namespace cinit::sysctl

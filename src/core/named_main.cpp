#include "core/named_main.hpp"

namespace cinit::core {

bool NamedMains::name(ServiceId service, int main, int pid, const std::optional<Process>& process) {
  named_.erase(service);
  if (pid == main) return true;
  if (!process || process->is_known || !process->is_its_own) return false;
  named_.emplace(service, Named{process->pid, process->start});
  return true;
}

std::optional<NamedMains::Named> NamedMains::take(ServiceId service) {
  const auto node = named_.extract(service);
  return node ? std::optional(node.mapped()) : std::nullopt;
}

}  // namespace cinit::core

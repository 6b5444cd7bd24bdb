#include "dropin/print.hpp"

#include "os/syscall.hpp"

namespace cinit::dropin {

void print(int fd, std::string_view text) {
  while (!text.empty()) {
    const long written = os::sys::write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace cinit::dropin

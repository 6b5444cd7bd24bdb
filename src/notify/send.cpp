#include "notify/send.hpp"

#include "os/fd.hpp"
#include "os/socket.hpp"

namespace cinit::notify {

bool send(std::string_view address, std::string_view state) {
  const auto to = os::UnixAddress::of(address);
  const os::Fd socket(os::sys::socket(AF_UNIX, SOCK_DGRAM));
  if (!to || !socket) return false;
  return os::sys::send_to(socket.get(), state, to->get(), to->size) == static_cast<long>(state.size());
}

}  // namespace cinit::notify

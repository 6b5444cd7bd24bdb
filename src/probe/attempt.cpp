#include "probe/attempt.hpp"

#include <errno.h>
#include <string.h>

#include <utility>

#include "os/file.hpp"
#include "os/socket.hpp"
#include "probe/http_request.hpp"

namespace cinit::probe {
namespace {

namespace sys = os::sys;
using Interest = os::Poller::Interest;

// What we lack, which the service is not to blame for.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EAGAIN;
}

// Nobody can be reached at an address because this machine has none of that family.
bool lacks_family(int error) { return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == ENETUNREACH; }

bool is_unreachable(int error) { return error == ECONNREFUSED || error == EHOSTUNREACH || lacks_family(error); }

std::string describe_failure(int error, const Address& address) {
  if (error == ECONNREFUSED) return "connection refused by " + address.text;
  if (error == ETIMEDOUT) return "no answer from " + address.text;
  return "cannot connect to " + address.text + ": " + strerror(error);
}

// Where nobody listens, a connection to a port from the range of those that are given out can get that very port for its
// own end, and so reach itself: TCP's simultaneous open.
bool connected_to_itself(int fd) {
  Address here;
  Address there;
  here.size = there.size = sizeof(sockaddr_storage);
  if (sys::getsockname(fd, reinterpret_cast<sockaddr*>(&here.storage), &here.size) != 0) return false;
  if (sys::getpeername(fd, reinterpret_cast<sockaddr*>(&there.storage), &there.size) != 0) return false;
  return here.size == there.size && memcmp(&here.storage, &there.storage, here.size) == 0;
}

}  // namespace

Attempt Attempt::start(const config::TcpProbe& probe) { return connect_to(probe.endpoint, {}); }

Attempt Attempt::start(const config::HttpProbe& probe) { return connect_to(probe.endpoint, http_request(probe)); }

Attempt Attempt::start(const config::FileProbe& probe) {
  Attempt attempt;
  const int error = persist([&] { return os::look_for(probe.path); });
  if (error == 0) {
    attempt.pass();
  } else if (error == ENOENT || error == ENOTDIR) {
    attempt.fail(probe.path + " does not exist");
  } else {
    attempt.fail(probe.path + ": " + strerror(error));
  }
  return attempt;
}

Attempt Attempt::connect_to(const config::Endpoint& endpoint, std::string request) {
  Attempt attempt;
  attempt.request_ = std::move(request);
  attempt.addresses_ = addresses_of(endpoint);
  if (attempt.addresses_.empty()) {
    attempt.fail("\"" + endpoint.host + "\" is neither an IP address nor \"localhost\"");
  } else {
    attempt.open();
  }
  return attempt;
}

Attempt::Outcome Attempt::step() {
  if (outcome_ != Outcome::Pending) return outcome_;
  switch (phase_) {
    case Phase::Connecting: return connect();
    case Phase::Sending: return send();
    case Phase::Receiving: return receive();
  }
  return outcome_;
}

Interest Attempt::interest() const {
  if (outcome_ != Outcome::Pending) return Interest::None;
  return phase_ == Phase::Receiving ? Interest::Read : Interest::Write;
}

std::string Attempt::progress() const {
  switch (phase_) {
    case Phase::Connecting: return "not connected to " + addresses_[at_].text + " yet";
    case Phase::Sending: return "connected, but the request is not taken yet";
    case Phase::Receiving: break;
  }
  return answer_.begun() ? "connected, but no whole answer yet" : "connected, but no answer yet";
}

Attempt::Outcome Attempt::pass() {
  socket_.reset();
  return outcome_ = Outcome::Passed;
}

Attempt::Outcome Attempt::fail() {
  socket_.reset();
  return outcome_ = Outcome::Failed;
}

Attempt::Outcome Attempt::fail(const std::string& reason) {
  add_reason(reason);
  return fail();
}

void Attempt::add_reason(const std::string& reason) {
  if (!detail_.empty()) detail_ += ", ";
  detail_ += reason;
}

Attempt::Outcome Attempt::open() {
  // The assignment closes the socket before it last, so that this one cannot get its number.
  socket_ = os::Fd(sys::socket(addresses_[at_].family(), SOCK_STREAM));
  return socket_ ? connect() : unreachable(socket_.error());
}

// Called again, connect(2) says what became of the first call.
Attempt::Outcome Attempt::connect() {
  const long result = sys::connect(socket_.get(), addresses_[at_].get(), addresses_[at_].size);
  if (result == -EINPROGRESS || result == -EALREADY || result == -EINTR) return outcome_;
  if (result != 0 && result != -EISCONN) return unreachable(static_cast<int>(-result));
  if (connected_to_itself(socket_.get())) return unreachable(ECONNREFUSED);
  detail_.clear();
  if (request_.empty()) return pass();
  phase_ = Phase::Sending;
  return send();
}

Attempt::Outcome Attempt::unreachable(int error) {
  if (is_shortage(error)) conclusive_ = false;
  // That there is no IPv6 here is not why nobody answers on localhost.
  if (detail_.empty() || !lacks_family(error)) add_reason(describe_failure(error, addresses_[at_]));
  if (!is_unreachable(error) || at_ + 1 == addresses_.size()) return fail();
  ++at_;
  return open();
}

Attempt::Outcome Attempt::send() {
  while (sent_ < request_.size()) {
    const long size = sys::send(socket_.get(), std::string_view(request_).substr(sent_));
    if (size == -EAGAIN) return outcome_;
    // It may have answered before it closed the connection.
    if (size < 0) break;
    sent_ += static_cast<std::size_t>(size);
  }
  phase_ = Phase::Receiving;
  return receive();
}

// What has come behind the status is taken as well, in bounds: to close a connection with unread bytes is to reset it.
Attempt::Outcome Attempt::receive() {
  char buffer[HttpAnswer::kMost];
  bool more = true;
  for (std::size_t room = sizeof(buffer); room > 0;) {
    const long size = sys::receive(socket_.get(), buffer, room);
    if (size == -EAGAIN) break;
    if (size <= 0) return ended(static_cast<int>(-size));
    more = answer_.take({buffer, static_cast<std::size_t>(size)});
    room -= static_cast<std::size_t>(size);
  }
  return more ? outcome_ : judge();
}

Attempt::Outcome Attempt::ended(int error) {
  if (!answer_.take({})) return judge();
  const std::string how = error == 0 ? "the connection was closed" : strerror(error);
  return fail("no HTTP answer: " + how + (answer_.begun() ? " in the middle of it" : ""));
}

Attempt::Outcome Attempt::judge() {
  if (answer_.status() == 0) return fail("no HTTP answer: " + answer_.problem());
  if (answer_.status() >= 200 && answer_.status() < 400) return pass();
  return fail("HTTP status " + std::to_string(answer_.status()));
}

}  // namespace cinit::probe

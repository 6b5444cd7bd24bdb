// One attempt of a probe that needs no process: TCP, HTTP or a file. It never waits: the loop does, on fd().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "os/fd.hpp"
#include "os/poller.hpp"
#include "probe/address.hpp"
#include "probe/http_answer.hpp"

namespace cinit::probe {

// It has no timeout: whoever has waited long enough destroys it, which closes its connection.
class Attempt {
 public:
  enum class Outcome { Pending, Passed, Failed };

  // What is returned may have its outcome already: look before you wait. A file always has.
  // "localhost" is 127.0.0.1, and ::1 when nobody can be reached there.
  static Attempt start(const config::TcpProbe& probe);
  // The answer counts, wherever it may point to: a redirection passes and is not followed.
  static Attempt start(const config::HttpProbe& probe);
  // Like any look-up of a path, this stands still while a network file system does.
  static Attempt start(const config::FileProbe& probe);

  Outcome outcome() const { return outcome_; }

  // Call it whenever fd() is ready, until it is no longer Pending; a call too many does no harm. What it takes from the
  // connection is bounded. Returns the outcome.
  Outcome step();

  // What to wait for while it is Pending; -1 afterwards. Ask again after each step: the interest may be another, and so may
  // the descriptor ("localhost"), which then has another number and must be added to the poller; the one before is closed.
  int fd() const { return socket_.get(); }
  os::Poller::Interest interest() const;

  // When it has failed, why, for a log line: "connection refused by 127.0.0.1:5432", "HTTP status 503",
  // "no HTTP answer: the connection was closed", "/run/x does not exist". Not before.
  const std::string& detail() const { return detail_; }
  // False: it has failed for want of something of our own, such as a descriptor, which says nothing about the service.
  bool conclusive() const { return conclusive_; }
  // While it is Pending, how far it got: "not connected to 127.0.0.1:80 yet", "connected, but no answer yet".
  std::string progress() const;

 private:
  enum class Phase { Connecting, Sending, Receiving };

  Attempt() = default;
  static Attempt connect_to(const config::Endpoint& endpoint, std::string request);

  Outcome pass();
  Outcome fail();
  Outcome fail(const std::string& reason);
  void add_reason(const std::string& reason);

  Outcome open();
  Outcome connect();
  Outcome unreachable(int error);
  Outcome send();
  Outcome receive();
  Outcome ended(int error);
  Outcome judge();

  Outcome outcome_ = Outcome::Pending;
  Phase phase_ = Phase::Connecting;
  bool conclusive_ = true;
  std::string detail_;
  std::vector<Address> addresses_;
  std::size_t at_ = 0;  // which of them
  os::Fd socket_;
  std::string request_;  // empty: to be connected is enough
  std::size_t sent_ = 0;
  HttpAnswer answer_;
};

}  // namespace cinit::probe

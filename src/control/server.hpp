// The control socket: unix(7), one request a connection. PID 1 does not care what its clients do: it never waits for one,
// and whatever they make it keep is bounded.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "control/commander.hpp"
#include "control/host.hpp"
#include "control/listener.hpp"
#include "control/protocol.hpp"
#include "control/replies.hpp"
#include "os/discarder.hpp"
#include "os/fd.hpp"
#include "os/poller.hpp"

namespace cinit::control {

// Only root and the user that cinit runs as are listened to. When all places are taken, one is closed for a new client: the one that
// has been silent for longest without having asked anything, or else the one that has not read its answer for longest. A client
// that does not read its answer is closed when too much of it waits; one that follows the logs loses lines instead. When too
// much waits for all of them together, the one that has not read for longest gets no more than the reason. Descriptors
// that come with a request are not taken: it is refused. A client that is refused, or closed before it has its answer, is
// told why as far as it reads, and so is the log.
class Server {
 public:
  static constexpr std::size_t kMostClients = 64;
  // How many tokens of the poller it needs, from the first one on.
  static constexpr std::uint64_t kTokens = 1 + kMostClients;

  // `host`, `poller` and `discarder` must outlive it. `discarder` is told of ended children, and called on, by the loop.
  Server(Host& host, os::Poller& poller, os::Discarder& discarder, std::uint64_t first_token);
  // Ends what is still being answered, as far as clients take it at once, and removes the socket.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Makes the socket, mode 0600, at the first of `places` that works, in place of one that no process answers on. Without a
  // place it makes none. The error is that of the first place; without a socket everything else here does nothing. Where the
  // reason may pass, progress() tries it again.
  std::optional<Error> listen(std::vector<SocketPlace> places);

  // Is called with a sentence for the log when a client is refused, closed or kept waiting, and with which of these it is: clients can
  // make that happen as often as they like. It must not call the server.
  using TroubleObserver = std::function<void(std::string_view kind, const std::string& message)>;
  void observe_trouble(TroubleObserver observer) { trouble_ = std::move(observer); }

  // To be told of every token that the poller reports and that is ours. It takes connections and requests in, and asks the
  // host for nothing.
  bool owns(std::uint64_t token) const { return token - first_token_ < kTokens; }
  void handle(std::uint64_t token);

  // To be called once in each turn of the loop, when everything that has happened is known: carries out requests, answers
  // those that have waited long enough, sends. This is where the host is asked.
  void progress();

  // When progress() is to be called though nothing happens; kNever: not at all.
  Time next_deadline() const { return std::min(listen_again_at_, commander_.next_deadline()); }

  // A service whose output is captured has written a line: for those who follow it. It is sent by progress().
  void line(core::ServiceId service, std::string_view text);
  // A service has gone, and its number is another's from now on.
  void service_gone(core::ServiceId service) { commander_.service_gone(service); }

 private:
  struct Client {
    os::Fd fd;
    std::string request;      // what has come so far; without its newline once it is complete
    std::string output;       // frames that are not sent yet
    std::size_t sent = 0;     // of `output`
    std::uint64_t heard = 0;  // when it last said or read something, on the clock `heard_`
    bool asked = false;       // the request is complete, or refused: nothing more is read
    bool taken = false;       // the commander has it, or need not have it
    bool ended = false;       // nothing more will be added to the output
    os::Poller::Interest interest = os::Poller::Interest::Read;
  };

  // The commander's way to the clients' output.
  class Outbox final : public Replies {
   public:
    explicit Outbox(std::array<Client, kMostClients>& clients) : clients_(clients) {}
    void out(ClientId client, std::string_view text) override { append_out(at(client).output, text); }
    void err(ClientId client, std::string_view text) override { append_err(at(client).output, text); }
    void end(ClientId client, int code) override {
      append_end(at(client).output, code);
      at(client).ended = true;
    }
    void wait(ClientId client) override { append_wait(at(client).output); }
    std::size_t pending(ClientId client) const override { return at(client).output.size() - at(client).sent; }

   private:
    Client& at(ClientId client) const { return clients_[static_cast<std::size_t>(client)]; }
    std::array<Client, kMostClients>& clients_;
  };

  std::optional<Error> try_to_listen();
  void accept();
  void take_in(os::Fd fd);
  bool will_have_place();
  Client* free_place();
  template <class Which>
  Client* quietest(Which which);
  void hear(Client& client);
  void refuse(Client& client, std::string_view why, int code = exit_code::kUsage);
  void flush(Client& client);
  std::size_t pending_of_all() const;
  void keep_to_bound();
  void cut_off(Client& client);
  void update_interest(Client& client);
  void drop(Client& client);
  void drop(Client& client, std::string_view why);
  void turn_away(os::Fd fd, std::string_view why, int code);
  void accept_later(const std::string& why);
  void complain(std::string_view kind, const std::string& text);

  std::size_t place_of(const Client& client) const { return static_cast<std::size_t>(&client - clients_.data()); }
  std::uint64_t token_of(const Client& client) const { return first_token_ + 1 + place_of(client); }
  ClientId id_of(const Client& client) const { return static_cast<ClientId>(place_of(client)); }

  Host& host_;
  os::Poller& poller_;
  os::Discarder& discarder_;
  std::uint64_t first_token_;
  std::array<Client, kMostClients> clients_;
  Outbox outbox_{clients_};
  Commander commander_;
  std::vector<SocketPlace> places_;
  std::optional<Listener> listener_;
  Time listen_again_at_ = kNever;
  std::uint64_t heard_ = 0;  // counts what clients say and read
  TroubleObserver trouble_;
  // There was no descriptor for a connection: the listener is not polled until the loop has turned for another reason.
  bool deaf_ = false;
  bool deaf_in_this_turn_ = false;
};

}  // namespace cinit::control

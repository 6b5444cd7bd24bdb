#include "control/server.hpp"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>

#include "os/file.hpp"
#include "os/unix_stream.hpp"

namespace cinit::control {
namespace {

using Interest = os::Poller::Interest;

constexpr Duration kListenAgain = std::chrono::seconds(1);

bool is_permitted(long uid) { return uid == 0 || uid == static_cast<long>(geteuid()); }

std::string last_words(std::string_view why, int code) {
  std::string frames;
  append_err(frames, "cinit: " + std::string(why));
  append_end(frames, code);
  return frames;
}

}  // namespace

Server::Server(Host& host, os::Poller& poller, os::Discarder& discarder, std::uint64_t first_token)
    : host_(host), poller_(poller), discarder_(discarder), first_token_(first_token), commander_(host, outbox_) {}

Server::~Server() {
  commander_.leave();
  for (Client& client : clients_) {
    if (client.fd) flush(client);
    if (client.fd) drop(client);
  }
  if (listener_) listener_->close(discarder_);
}

std::optional<Error> Server::listen(std::vector<SocketPlace> places) {
  if (places.empty()) return std::nullopt;
  places_ = std::move(places);
  std::optional<Error> error = try_to_listen();
  if (error && os::may_pass(error->code)) listen_again_at_ = later(host_.now(), kListenAgain);
  return error;
}

std::optional<Error> Server::try_to_listen() {
  std::optional<Error> first;
  for (const SocketPlace& place : places_) {
    Result<Listener> listener = Listener::make(place);
    if (!listener) {
      if (!first) first = listener.error();
      // It says nothing about the place, which may work when it has passed.
      if (os::may_pass(listener.error().code)) break;
      continue;
    }
    if (!poller_.add(listener->fd(), first_token_)) {
      return Error{place.address + ": " + poller_.error().message, poller_.error().code};
    }
    listener_.emplace(*std::move(listener));
    return std::nullopt;
  }
  return first;
}

void Server::handle(std::uint64_t token) {
  const std::uint64_t place = token - first_token_;
  if (place == 0) return accept();
  Client& client = clients_[place - 1];
  if (!client.fd) return;  // it was closed in this turn
  if (!client.asked) return hear(client);
  if (os::is_hung_up(client.fd.get())) return drop(client);
  flush(client);
}

// ---- Clients come and go

void Server::accept() {
  for (std::size_t i = 0; listener_ && i < kMostClients && !will_have_place(); ++i) {
    if (discarder_.closing() >= kMostClients) return accept_later("too many connections are not closed yet");
    os::Fd fd = listener_->accept();
    if (fd) {
      take_in(std::move(fd));
    } else if (fd.error() == EAGAIN) {
      return;
    } else if (fd.error() != EINTR && fd.error() != ECONNABORTED) {
      return accept_later(strerror(fd.error()));
    }
  }
}

// No descriptor or no memory for a client, which waits in the backlog. The poller would report it again and again.
void Server::accept_later(const std::string& why) {
  poller_.change(listener_->fd(), first_token_, Interest::None);
  deaf_ = deaf_in_this_turn_ = true;
  complain("waiting", "clients have to wait: " + why);
}

void Server::take_in(os::Fd fd) {
  const long uid = os::peer_uid(fd.get());
  if (!is_permitted(uid)) {
    complain("refused", uid < 0 ? std::string("a client is refused: SO_PEERCRED: ") + strerror(static_cast<int>(-uid))
                                : "a client of uid " + std::to_string(uid) + " is refused");
    return turn_away(std::move(fd), "only root and the user of cinit may ask it", exit_code::kNotPermitted);
  }
  Client* client = free_place();
  if (!client) {
    complain("refused", "a client is refused: too many ask at once");
    return turn_away(std::move(fd), "too many ask at once", exit_code::kTooMany);
  }
  if (!poller_.add(fd.get(), token_of(*client))) {
    const std::string why = "it cannot be waited for: " + poller_.error().message;
    complain("refused", "a client is refused: " + why);
    return turn_away(std::move(fd), "the request is not taken: " + why, exit_code::kTooMany);
  }
  client->fd = std::move(fd);
  client->heard = ++heard_;
}

void Server::turn_away(os::Fd fd, std::string_view why, int code) {
  os::sys::send(fd.get(), last_words(why, code));
  discarder_.close(std::move(fd), os::Traffic::Stream);
}

// All places are taken, by some who are answered in this turn: nobody has to go for whoever waits at the door.
bool Server::will_have_place() {
  for (Client& client : clients_) {
    if (!client.fd) return false;
    if (!client.asked) hear(client);  // it may have asked in this turn, too
  }
  return std::ranges::any_of(clients_, [](const Client& client) { return client.asked && !client.taken; });
}

// Of those for whom which(client) is true, the one that has neither said nor read anything for longest. nullptr: it is true of none.
template <class Which>
Server::Client* Server::quietest(Which which) {
  Client* quietest = nullptr;
  for (Client& client : clients_) {
    if (client.fd && which(client) && (!quietest || client.heard < quietest->heard)) quietest = &client;
  }
  return quietest;
}

// nullptr when every client has asked for something, and reads what there is for it.
Server::Client* Server::free_place() {
  const auto free = std::ranges::find_if(clients_, [](const Client& client) { return !client.fd; });
  if (free != clients_.end()) return &*free;
  if (Client* const silent = quietest([](const Client& client) { return !client.asked; })) {
    constexpr std::string_view kWhy = "too many connect at once, and this one asks nothing";
    os::sys::send(silent->fd.get(), last_words(kWhy, exit_code::kTooMany));
    drop(*silent, kWhy);
    return silent;
  }
  Client* const deaf = quietest([](const Client& client) { return !client.output.empty(); });
  if (deaf) drop(*deaf, "too many connect at once, and this one does not read");
  return deaf;
}

void Server::drop(Client& client) {
  if (client.taken && !client.ended) commander_.forget(id_of(client));
  poller_.remove(client.fd.get());
  discarder_.close(std::move(client.fd), os::Traffic::Stream);
  client = Client{};
}

void Server::drop(Client& client, std::string_view why) {
  complain("closed", "a client is closed before it has its answer: " + std::string(why));
  drop(client);
}

void Server::complain(std::string_view kind, const std::string& text) {
  if (trouble_) trouble_(kind, text);
}

// ---- What they say

void Server::hear(Client& client) {
  char buffer[kLongestRequest];
  const long size = os::receive_text(client.fd.get(), buffer, kLongestRequest - client.request.size());
  if (size == -EAGAIN || size == -EINTR) return;
  if (size == -EPERM) return refuse(client, "descriptors came with the request");
  if (size <= 0 && os::is_hung_up(client.fd.get())) return drop(client);
  if (size < 0) {
    return refuse(client, std::string("the request cannot be read: ") + strerror(static_cast<int>(-size)),
                  exit_code::kTooMany);
  }
  if (size == 0) return refuse(client, "the request has no end");
  client.heard = ++heard_;
  client.request.append(buffer, static_cast<std::size_t>(size));
  const std::size_t end = client.request.find('\n');
  if (end != std::string::npos) {
    client.request.resize(end);
    client.asked = true;
    return update_interest(client);
  }
  if (client.request.size() == kLongestRequest) refuse(client, "the request is too long");
}

void Server::refuse(Client& client, std::string_view why, int code) {
  complain("refused", "a client is refused: " + std::string(why));
  client.output += last_words(why, code);
  client.asked = client.taken = client.ended = true;
  flush(client);
}

void Server::progress() {
  if (host_.now() >= listen_again_at_) {
    listen_again_at_ = kNever;
    if (!listen(places_)) complain("listening", "commands can come in now");
  }
  for (Client& client : clients_) {
    if (!client.fd || !client.asked || client.taken) continue;
    client.taken = true;
    commander_.take(id_of(client), client.request);
    flush(client);
    keep_to_bound();
  }
  commander_.progress();
  for (Client& client : clients_) {
    if (client.fd && (client.ended || client.sent < client.output.size())) flush(client);
  }
  keep_to_bound();
  if (deaf_ && !deaf_in_this_turn_) {
    poller_.change(listener_->fd(), first_token_, Interest::Read);
    deaf_ = false;
  }
  deaf_in_this_turn_ = false;
}

void Server::line(core::ServiceId service, std::string_view text) { commander_.line(service, text); }

// ---- What they are told

void Server::flush(Client& client) {
  while (client.sent < client.output.size()) {
    const long size = os::sys::send(client.fd.get(), std::string_view(client.output).substr(client.sent));
    if (size == -EINTR) continue;
    if (size == -EAGAIN) break;
    if (size < 0) return drop(client);
    client.sent += static_cast<std::size_t>(size);
    client.heard = ++heard_;
  }
  client.output.erase(0, client.sent);
  client.sent = 0;
  if (client.ended && client.output.empty()) return drop(client);
  if (client.output.size() > Replies::kMostPending) return drop(client, "it does not read it");
  if (client.taken && !client.ended) commander_.has_room(id_of(client));
  update_interest(client);
}

std::size_t Server::pending_of_all() const {
  std::size_t size = 0;
  for (const Client& client : clients_) size += client.output.size();
  return size;
}

void Server::keep_to_bound() {
  const auto can_be_cut = [](const Client& client) { return client.output.size() > kLongestRequest; };
  while (pending_of_all() > Replies::kMostPendingOfAll) {
    Client* const deaf = quietest(can_be_cut);
    if (!deaf) return;
    cut_off(*deaf);
  }
}

// What it has got already may end in the middle of a frame, which is ended first.
void Server::cut_off(Client& client) {
  constexpr std::string_view kWhy = "too much is kept for clients that do not read";
  complain("closed", "a client is closed before it has its answer: " + std::string(kWhy));
  if (!client.ended) commander_.forget(id_of(client));
  const std::size_t end = client.output.find('\n');
  client.output.resize(std::min(end, kLongestRequest / 2));
  client.output += '\n';
  client.output += last_words(kWhy, exit_code::kTooMany);
  client.output.shrink_to_fit();
  client.ended = true;
}

void Server::update_interest(Client& client) {
  const Interest read = client.asked ? Interest::None : Interest::Read;
  const Interest wanted = client.output.empty() ? read : Interest::Write;
  if (std::exchange(client.interest, wanted) != wanted) poller_.change(client.fd.get(), token_of(client), wanted);
}

}  // namespace cinit::control

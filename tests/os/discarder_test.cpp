#include "os/discarder.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "files.hpp"
#include "forked.hpp"
#include "os/clock.hpp"
#include "os/socket.hpp"
#include "os/unix_stream.hpp"
#include "passenger.hpp"

using namespace cinit;
using namespace cinit::test;
using namespace std::chrono_literals;
using os::Discarder;
using os::Fd;
using os::Traffic;

namespace {

struct Pair {
  explicit Pair(int type = SOCK_DGRAM) {
    int ends[2];
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) throw std::runtime_error("socketpair");
    here = Fd(ends[0]);
    there = Fd(ends[1]);
  }
  Fd here;
  Fd there;
};

// A pipe whose end shows when its other end, which is sent away, is closed.
struct Witness {
  Witness() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read_end = Fd(ends[0]);
    passenger = Fd(ends[1]);
  }
  bool is_gone(int limit) const {
    pollfd wanted{read_end.get(), 0, 0};
    return poll(&wanted, 1, limit) == 1;
  }
  Fd read_end;
  Fd passenger;
};

std::vector<Fd> passengers(Witness& witness, int count = 1) {
  std::vector<Fd> all;
  for (int i = 1; i < count; ++i) all.emplace_back(fcntl(witness.passenger.get(), F_DUPFD_CLOEXEC, 0));
  all.push_back(std::move(witness.passenger));
  return all;
}

std::vector<Fd> lingering() {
  std::vector<Fd> passenger;
  passenger.push_back(lingering_passenger());
  return passenger;
}

std::string next_message(const Fd& socket) {
  char text[100];
  const long size = os::sys::receive(socket.get(), text, sizeof(text));
  return size < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(size));
}

// What PID 1's loop does, until `condition`.
bool turn_until(Discarder& discarder, const std::function<bool()>& condition) {
  return eventually([&] {
    for (pid_t pid = 0; (pid = waitpid(-1, nullptr, WNOHANG)) > 0;) {
      if (!discarder.ended(pid)) throw std::runtime_error("another child");
    }
    discarder.progress();
    return condition();
  });
}

double seconds_since(Time start) { return std::chrono::duration<double>(os::now() - start).count(); }

}  // namespace

TEST_CASE("a child takes one message, and what it holds is closed") {
  CHECK(in_child([] {
          Pair pair;
          Witness witness;
          Discarder discarder;
          if (send_with(pair.there.get(), "first", passengers(witness, 253)) != 0) return std::string("not sent");
          os::sys::send(pair.there.get(), "second");
          const std::size_t before = names_in("/proc/self/fd").size();
          if (!discarder.discard_next(pair.here.get()) || !discarder.is_busy(pair.here.get()))
            return std::string("none");
          const bool done = turn_until(discarder, [&] { return !discarder.is_busy(pair.here.get()); });
          return std::string(done ? "done " : "") + (witness.is_gone(0) ? "closed " : "") + next_message(pair.here) +
                 " " + next_message(pair.here) + (names_in("/proc/self/fd").size() == before ? "" : " leaked");
        }) == "done closed second nothing");
}

TEST_CASE("a connection that lingers makes nobody wait, not even in the queue of a socket that is sent") {
  CHECK(in_child([] {
          Pair pair;
          Discarder discarder;
          const Time start = os::now();
          send_with(pair.there.get(), "first", lingering());
          discarder.discard_next(pair.here.get());
          const bool done = turn_until(discarder, [&] { return !discarder.is_busy(pair.here.get()); });
          return std::string(done && seconds_since(start) < 1 ? "quick " : "slow ") + next_message(pair.here);
        }) == "quick nothing");
}

TEST_CASE("a socket whose queue holds descriptors is closed when a child has emptied it") {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    CAPTURE(type);
    CHECK(in_child([type] {
            Pair pair(type);
            Witness witness;
            Discarder discarder;
            const Time start = os::now();
            for (int i = 0; i < 3; ++i) {
              if (send_with(pair.there.get(), "x", lingering()) != 0) return std::string("not sent");
            }
            send_with(pair.there.get(), "x", passengers(witness));
            discarder.close(std::move(pair.here), type == SOCK_STREAM ? Traffic::Stream : Traffic::Datagrams);
            if (seconds_since(start) > 1) return std::string("close waits");
            if (discarder.closing() != 1) return std::string("closed at once");
            if (!turn_until(discarder, [&] { return discarder.closing() == 0; })) return std::string("not closed");
            const long sent = os::sys::send(pair.there.get(), "x");
            return std::string(witness.is_gone(0) ? "gone " : "") + (sent < 0 ? "ended" : "still there");
          }) == "gone ended");
  }
}

TEST_CASE("urgent bytes and empty datagrams are messages, too") {
  CHECK(in_child([] {
          Pair stream(SOCK_STREAM);
          Pair datagrams;
          Discarder discarder;
          Witness of_stream;
          Witness of_datagram;
          if (send_with(stream.there.get(), "x", passengers(of_stream), MSG_OOB) != 0)
            return std::string("no urgent bytes");
          if (send_with(datagrams.there.get(), "", passengers(of_datagram)) != 0) return std::string("not sent");
          os::sys::setsockopt(stream.here.get(), SO_OOBINLINE, 1);
          discarder.close(std::move(stream.here), Traffic::Stream);
          discarder.close(std::move(datagrams.here), Traffic::Datagrams);
          const std::size_t closing = discarder.closing();
          turn_until(discarder, [&] { return discarder.closing() == 0; });
          return std::to_string(closing) + (of_stream.is_gone(0) && of_datagram.is_gone(0) ? " closed" : " left");
        }) == "2 closed");
}

TEST_CASE("a socket with an empty queue, and one that refuses descriptors, are closed at once") {
  CHECK(in_child([] {
          Pair empty;
          Pair refusing;
          Discarder discarder;
          discarder.close(std::move(empty.here), Traffic::Datagrams);
          const bool refuses = os::refuse_descriptors(refusing.here.get());
          os::sys::send(refusing.there.get(), "x");
          discarder.close(std::move(refusing.here), Traffic::Datagrams);
          const bool closed = os::sys::send(empty.there.get(), "x") < 0;
          return (closed ? "closed " : "open ") + std::to_string(refuses ? discarder.closing() : 0);
        }) == "closed 0");
}

TEST_CASE("a socket that refuses descriptors gets none, nor do connections of a listener that does") {
  CHECK(in_child([] {
          const TemporaryDirectory directory;
          const auto address = os::UnixAddress::of(directory.path() + "/s");
          const Fd listener = os::listen_at(*address);
          const Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
          if (connect(client.get(), address->get(), address->size) != 0) return std::string("connect");
          if (!os::refuse_descriptors(listener.get())) return std::string("this kernel cannot do it");
          std::string text;
          for (const int flags : {0, static_cast<int>(MSG_OOB)}) {
            Witness early;
            text += std::string(strerror(send_with(client.get(), "x", passengers(early), flags))) + ", ";
          }
          const Fd connection = os::accept_connection(listener.get());
          Witness late;
          return text + strerror(send_with(client.get(), "x", passengers(late)));
        }) == "Operation not permitted, Operation not permitted, Operation not permitted");
}

TEST_CASE("a child that does not get on is killed, and the message stays for the next") {
  CHECK(in_child([] {
          Pair pair;
          Discarder discarder;
          Witness witness;
          send_with(pair.there.get(), "first", passengers(witness));
          filter_call({SYS_close_range}, SECCOMP_RET_USER_NOTIF);
          discarder.discard_next(pair.here.get());
          const Time start = os::now();
          const bool freed = turn_until(discarder, [&] { return !discarder.is_busy(pair.here.get()); });
          return std::string(freed && seconds_since(start) < 5 ? "freed " : "stuck ") +
                 (witness.is_gone(0) ? "taken" : "kept");
        }) == "freed kept");
}

TEST_CASE("without a process slot it says so, and when to try again") {
  CHECK(in_child([] {
          become_nobody();
          Pair pair;
          Discarder discarder;
          Witness witness;
          send_with(pair.there.get(), "first", passengers(witness));
          const rlimit none{0, 0};
          setrlimit(RLIMIT_NPROC, &none);
          if (discarder.next_try() != kNever) return std::string("busy before");
          if (discarder.discard_next(pair.here.get())) return std::string("made");
          const bool soon = discarder.next_try() > os::now() && discarder.next_try() < later(os::now(), 1s);
          char text[10];
          iovec part{text, sizeof(text)};
          msghdr message{};
          message.msg_iov = &part;
          message.msg_iovlen = 1;
          const bool there = os::sys::peek_message(pair.here.get(), &message) == 5;
          return std::string(soon ? "soon " : "") + (there && (message.msg_flags & MSG_CTRUNC) != 0 ? "kept" : "lost");
        }) == "soon kept");
}

TEST_CASE("there are not more children than allowed") {
  CHECK(in_child([] {
          std::vector<Pair> pairs(Discarder::kMostChildren + 1);
          Discarder discarder;
          std::size_t made = 0;
          for (const Pair& pair : pairs) made += discarder.discard_next(pair.here.get()) ? 1 : 0;
          for (const Pair& pair : pairs) turn_until(discarder, [&] { return !discarder.is_busy(pair.here.get()); });
          return std::to_string(made);
        }) == std::to_string(Discarder::kMostChildren));
}

TEST_CASE("a process whose sockets hold such connections ends at once") {
  const Time start = os::now();
  const pid_t pid = fork_process([] {
    static Pair pair;
    send_with(pair.there.get(), "first", lingering());
  });
  CHECK(end_of(pid) == "code 0");
  CHECK(seconds_since(start) < 5);
}

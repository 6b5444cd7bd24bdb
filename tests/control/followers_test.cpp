#include "control/followers.hpp"

#include <doctest/doctest.h>

#include "fake_host.hpp"

using namespace cinit;
using namespace cinit::control;

namespace {

constexpr core::ServiceId kDb{0};
constexpr core::ServiceId kWeb{1};
constexpr ClientId kOne{1};
constexpr ClientId kTwo{2};

}  // namespace

TEST_CASE("a follower gets the lines of its services, with what is to stand in front") {
  FakeReplies replies;
  Followers followers(replies);
  followers.add(kOne, {{kDb, "db | "}, {kWeb, "web | "}});
  followers.add(kTwo, {{kWeb, ""}});
  followers.line(kWeb, "x");
  followers.line(kDb, "y");
  CHECK(replies.said[kOne] == "out web | x|out db | y|");
  CHECK(replies.said[kTwo] == "out x|");
}

TEST_CASE("who has gone gets nothing more") {
  FakeReplies replies;
  Followers followers(replies);
  followers.add(kOne, {{kDb, ""}});
  followers.forget(kOne);
  followers.line(kDb, "x");
  followers.has_room(kOne);
  CHECK(replies.said.empty());
}

TEST_CASE("who does not read loses lines, and is told how many when half of the room is free again") {
  FakeReplies replies;
  Followers followers(replies);
  followers.add(kOne, {{kDb, ""}});
  replies.waiting = Replies::kMostPending - 100;
  for (int i = 0; i < 3; ++i) followers.line(kDb, "x");
  CHECK(replies.said.empty());
  replies.waiting = Replies::kMostPending / 2 + 1;
  followers.has_room(kOne);
  followers.line(kDb, "x");
  CHECK(replies.said.empty());
  replies.waiting = Replies::kMostPending / 2;
  followers.has_room(kOne);
  followers.line(kDb, "y");
  followers.has_room(kOne);
  CHECK(replies.said[kOne] == "err cinit: 4 lines were skipped: they came faster than they were read|out y|");
}

TEST_CASE("who follows a service that has gone gets no line of the next one of its number, and ends with the last") {
  FakeReplies replies;
  Followers followers(replies);
  followers.add(kOne, {{kDb, ""}});
  followers.add(kTwo, {{kDb, "db | "}, {kWeb, "web | "}});
  followers.service_gone(kDb);
  followers.line(kDb, "of the next");
  followers.line(kWeb, "x");
  CHECK(replies.said[kOne] == "err cinit: the service has gone|end 0|");
  CHECK(replies.said[kTwo] == "out web | x|");
  CHECK(followers.size() == 1);
}

TEST_CASE("when cinit ends followers end well, and know what they have missed") {
  FakeReplies replies;
  Followers followers(replies);
  followers.add(kOne, {{kDb, ""}});
  replies.waiting = Replies::kMostPending;
  followers.line(kDb, "x");
  followers.leave();
  CHECK(replies.said[kOne] == "err cinit: 1 line was skipped: they came faster than they were read|end 0|");
}

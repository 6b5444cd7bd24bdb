#include "servicedir/s6_status.hpp"

#include "servicedir/tai64n.hpp"

namespace cinit::servicedir {
namespace {

using State = S6Status::State;

constexpr unsigned char kPaused = 1;
constexpr unsigned char kFinishing = 2;
constexpr unsigned char kWanted = 4;
constexpr unsigned char kReady = 8;

// As wait(2) has it.
std::uint64_t raw_status(const std::optional<WaitStatus>& end) {
  constexpr unsigned kCoreDumped = 0x80;
  if (!end) return 0;
  if (!end->by_signal()) return static_cast<std::uint64_t>(end->code()) << 8;
  return static_cast<unsigned>(end->signal().number) | (end->dumped_core() ? kCoreDumped : 0);
}

unsigned char flags_of(const S6Status& status) {
  unsigned char flags = 0;
  if (status.paused) flags |= kPaused;
  if (status.state == State::Finishing && status.pid != 0) flags |= kFinishing;
  if (status.wanted) flags |= kWanted;
  if (status.ready) flags |= kReady;
  return flags;
}

}  // namespace

std::array<unsigned char, 43> encode(const S6Status& status) {
  std::array<unsigned char, 43> bytes{};
  put_label(bytes.data(), status.since, kTaiOfSkalibs);
  put_label(bytes.data() + kLabelSize, status.ready_since, kTaiOfSkalibs);
  put_big_endian(bytes.data() + 24, static_cast<std::uint64_t>(status.pid), 8);
  put_big_endian(bytes.data() + 32, raw_status(status.end), 2);
  bytes[34] = flags_of(status);
  put_big_endian(bytes.data() + 36, static_cast<std::uint64_t>(status.group), 4);
  put_big_endian(bytes.data() + 40, raw_status(status.end), 2);
  bytes[42] = flags_of(status);
  return bytes;
}

std::string events_between(const S6Status& before, const S6Status& after, bool gave_up) {
  const std::string over = gave_up ? "OD" : "D";
  const bool started = after.starts != before.starts;
  std::string letters;
  // What has been before a start is over, whatever was seen of it.
  if (before.state == State::Up && (started || after.state != State::Up)) letters += "d";
  if (before.state != State::Down && (started || after.state == State::Down)) letters += over;
  if (started) letters += "u";
  const bool is_up = after.state == State::Up;
  if (is_up && after.ready && (started || !before.ready)) letters += "U";
  if (started && !is_up) letters += "d";
  if (started && after.state == State::Down) letters += over;
  return letters;
}

}  // namespace cinit::servicedir

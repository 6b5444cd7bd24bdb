// How lines move: out of the pipes, and on, or not yet.
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include "os/clock.hpp"
#include "output/layout.hpp"
#include "output/relay.hpp"

namespace cinit::output {
namespace {

// What is read from one pipe before the others and the rest of the loop have their turn: as much as a pipe holds.
constexpr std::size_t kMostPerTurn = 64 << 10;

// Tokens of what may be written. A channel's token is its place, and a file's kFirstFileToken and its place.
constexpr std::uint64_t kOutToken = ~std::uint64_t{0};
constexpr std::uint64_t kErrToken = kOutToken - 1;

std::deque<Channel*>* waiting_for(const Sink& sink) {
  if (OwnOutput* const* const output = std::get_if<OwnOutput*>(&sink)) return &(*output)->waiting;
  if (FileOutput* const* const output = std::get_if<FileOutput*>(&sink)) return &(*output)->waiting;
  return nullptr;
}

// A file that could not be opened is tried again when there are lines for it.
Time deadline_of(const FileOutput& output) {
  return output.waiting.empty() && output.file.fd() < 0 ? kNever : output.file.deadline();
}

std::size_t bytes_in(const os::Fd& pipe) {
  int size = 0;
  return os::sys::ioctl(pipe.get(), FIONREAD, &size) < 0 || size < 0 ? 0 : static_cast<std::size_t>(size);
}

}  // namespace

// ---- From the pipes to where the lines go

void Relay::handle() {
  if (!poller_) return;
  for (const std::uint64_t token : poller_->wait(Time{})) {
    if (token == kOutToken) {
      resume(out_);
    } else if (token == kErrToken) {
      resume(err());
    } else if (token >= kFirstFileToken) {
      go_on(*files_[token - kFirstFileToken]);
    } else {
      serve(*channels_[token], kMostPerTurn);
    }
  }
  const Time now = os::now();
  for (const auto& output : files_) {
    if (deadline_of(*output) <= now) go_on(*output);
  }
}

Time Relay::next_deadline() const {
  Time next = kNever;
  for (const auto& output : files_) next = std::min(next, deadline_of(*output));
  return next;
}

// Those who wait already come first.
void Relay::serve(Channel& channel, std::size_t most) {
  if (channel.waiting) return;
  std::deque<Channel*>* const waiting = waiting_for(channel.sink);
  const bool is_in_turn = !waiting || waiting->empty();
  if (!is_in_turn || !pump(channel, most)) {
    channel.waiting = true;
    waiting->push_back(&channel);
    poller_->change(channel.read_end.get(), channel.token, os::Poller::Interest::None);
  }
  watch(channel.sink);
}

bool Relay::pump(Channel& channel, std::size_t most) {
  if (!pass_on_lines(channel)) return false;
  while (most > 0) {
    const long size = channel.cutter.fill(channel.read_end.get(), most);
    if (size <= 0) break;
    most -= static_cast<std::size_t>(size);
    if (!pass_on_lines(channel)) return false;
  }
  return true;
}

bool Relay::pass_on_lines(Channel& channel) {
  bool is_first = true;
  while (const std::optional<Piece> piece = channel.cutter.next()) {
    FileOutput* const* const output = std::get_if<FileOutput*>(&channel.sink);
    if (output && std::exchange(is_first, false)) (*output)->file.check();
    const Record record{last_number_ + 1, os::time_of_day(), channel.service,
                        channel.stream,   piece->continues,  piece->text};
    if (!pass_on(channel, record)) return false;
    last_number_ = record.number;
    keep(record);
    if (observer_) observer_(record);
    channel.cutter.consume(*piece);
  }
  return true;
}

bool Relay::pass_on(const Channel& channel, const Record& record) {
  if (OwnOutput* const* const output = std::get_if<OwnOutput*>(&channel.sink)) {
    lay_out(record, channel.name, settings_.layout, laid_out_);
    return (*output)->write_line(laid_out_);
  }
  if (FileOutput* const* const output = std::get_if<FileOutput*>(&channel.sink)) {
    lay_out(record, channel.name, {}, laid_out_);
    return (*output)->file.write_line(laid_out_);
  }
  return true;
}

// ---- Waiting for room

void Relay::resume(OwnOutput& output) {
  output.writer.expect_room();
  if (!output.writer.flush() && output.is_full()) return;
  resume(output.waiting);
  watch(output);
}

// The descriptor may be another one afterwards, with the same number.
void Relay::go_on(FileOutput& output) {
  if (output.watched >= 0) poller_->remove(std::exchange(output.watched, -1));
  output.file.go_on();
  resume(output.waiting);
  watch(output);
}

void Relay::resume(std::deque<Channel*>& waiting) {
  for (std::size_t left = waiting.size(); left > 0; --left) {
    Channel& channel = *waiting.front();
    waiting.pop_front();
    if (!pump(channel, kMostPerTurn)) {
      waiting.push_back(&channel);
      break;
    }
    channel.waiting = false;
    poller_->change(channel.read_end.get(), channel.token, os::Poller::Interest::Read);
  }
}

void Relay::watch_room() {
  watch(out_);
  if (err_) watch(*err_);
}

// A descriptor that epoll(7) refuses is one that never waits. What waits for a reader that has gone away for good is given up
// at the next attempt, or the poller would report it again and again.
void Relay::watch(OwnOutput& output) {
  const bool waits = output.writer.is_full() || !output.waiting.empty();
  if (waits == output.watched || (waits && make_poller() != 0)) return;
  const int fd = output.writer.poll_fd();
  if (waits) {
    output.watched = poller_->add(fd, &output == &out_ ? kOutToken : kErrToken, os::Poller::Interest::Write);
  } else {
    poller_->remove(fd);
    output.watched = false;
  }
}

void Relay::watch(FileOutput& output) {
  const int fd = output.file.fd();
  if (fd == output.watched || (fd >= 0 && make_poller() != 0)) return;
  if (output.watched >= 0) poller_->remove(output.watched);
  const bool is_watched = fd >= 0 && poller_->add(fd, output.token, output.file.interest());
  output.watched = is_watched ? fd : -1;
}

void Relay::watch(const Sink& sink) {
  if (OwnOutput* const* const output = std::get_if<OwnOutput*>(&sink)) watch(**output);
  if (FileOutput* const* const output = std::get_if<FileOutput*>(&sink)) watch(**output);
}

// ---- Ends

void Relay::drain(Service service) {
  for (const Stream stream : {Stream::Stdout, Stream::Stderr}) {
    if (Channel* const channel = find_channel(service, stream)) channel->cutter.end_behind(bytes_in(channel->read_end));
  }
  catch_up(service);
}

void Relay::catch_up(Service service) {
  for (const Stream stream : {Stream::Stdout, Stream::Stderr}) {
    if (Channel* const channel = find_channel(service, stream)) serve(*channel, bytes_in(channel->read_end));
  }
}

bool Relay::finish(Time deadline) {
  for (const auto& channel : channels_) {
    const std::size_t size = bytes_in(channel->read_end);
    channel->cutter.end_behind(size);
    channel->goal = channel->cutter.read() + size;
  }
  while (true) {
    bool is_done = true;
    for (const auto& output : files_) output->file.go_on();
    for (const auto& channel : channels_) is_done = pump_to_goal(*channel) && is_done;
    out_.writer.flush();
    err().writer.flush();
    if (is_done && !out_.writer.has_rest() && !err().writer.has_rest()) break;
    if (os::now() >= deadline || !wait_for_room(deadline)) return false;
  }
  for (OwnOutput* output : {&out_, &err()}) output->writer.expect_room();
  for (const auto& output : files_) output->file.report_losses();
  for (OwnOutput* output : {&out_, &err()}) output->report_losses();
  return true;
}

bool Relay::pump_to_goal(Channel& channel) {
  const std::uint64_t read = channel.cutter.read();
  return pump(channel, channel.goal > read ? static_cast<std::size_t>(channel.goal - read) : 0);
}

// False: there is nothing to wait for.
bool Relay::wait_for_room(Time deadline) {
  std::vector<pollfd> wanted;
  for (OwnOutput* output : {&out_, &err()}) {
    if (output->is_full() && output->writer.poll_fd() >= 0) wanted.push_back({output->writer.poll_fd(), POLLOUT, 0});
  }
  bool waits = !wanted.empty();
  for (const auto& output : files_) {
    const LogFile& file = output->file;
    if (file.fd() >= 0)
      wanted.push_back({file.fd(), file.interest() == os::Poller::Interest::Read ? short{POLLIN} : short{POLLOUT}, 0});
    waits = waits || file.fd() >= 0 || file.deadline() != kNever;
    deadline = std::min(deadline, file.deadline());
  }
  const timespec timeout = os::to_timespec(deadline - os::now());
  return waits && os::sys::ppoll(wanted.data(), wanted.size(), &timeout) >= 0;
}

}  // namespace cinit::output

#include "output/line_cutter.hpp"

#include <errno.h>

#include <algorithm>

#include "os/syscall.hpp"

namespace cinit::output {
namespace {

// Whether a character of UTF-8 goes on with this byte, instead of beginning with it.
bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80; }

// Where to cut a line that is too long: at most three bytes early, since a character has no more than four.
std::size_t cut_position(std::string_view text) {
  constexpr std::size_t kMostContinuations = 3;
  std::size_t cut = kMostLine;
  while (cut > kMostLine - kMostContinuations && is_continuation(text[cut])) --cut;
  return is_continuation(text[cut]) ? kMostLine : cut;
}

}  // namespace

long LineCutter::fill(int fd, std::size_t most) {
  if (!buffer_) buffer_.reset(new char[kCapacity]);
  if (begin_ > 0) {
    std::copy(buffer_.get() + begin_, buffer_.get() + end_, buffer_.get());
    end_ -= begin_;
    begin_ = 0;
  }
  const long size = os::sys::read(fd, buffer_.get() + end_, std::min(most, kCapacity - end_));
  if (size > 0) end_ += static_cast<std::size_t>(size);
  if (begin_ == end_) buffer_.reset();
  return size;
}

std::optional<Piece> LineCutter::next() {
  while (!ends_.empty() && ends_.front() <= consumed_) ends_.pop_front();
  const std::string_view held(buffer_.get() + begin_, end_ - begin_);
  const std::string_view line = held.substr(0, held.find('\n'));
  const bool is_complete = line.size() < held.size();
  const std::size_t end = ends_.empty() ? held.size() + 1 : static_cast<std::size_t>(ends_.front() - consumed_);
  const std::size_t size = std::min(line.size(), end);
  if (size > kMostLine) {
    const std::size_t cut = cut_position(held);
    return Piece{held.substr(0, cut), true, cut};
  }
  if (end <= line.size()) return Piece{held.substr(0, end), false, end};
  if (is_complete) return Piece{line, false, line.size() + 1};
  return std::nullopt;
}

void LineCutter::consume(const Piece& piece) {
  begin_ += piece.size;
  consumed_ += piece.size;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  buffer_.reset();
}

void LineCutter::end_behind(std::size_t more) {
  const std::uint64_t end = read() + more;
  if (end > consumed_ && (ends_.empty() || end > ends_.back())) ends_.push_back(end);
}

}  // namespace cinit::output

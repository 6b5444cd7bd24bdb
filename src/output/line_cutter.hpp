// Bytes as they come out of a pipe, cut into lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "output/record.hpp"

namespace cinit::output {

// A line without its newline, or a piece of a line that is too long.
struct Piece {
  std::string_view text;   // valid until the next call that is not const
  bool continues = false;  // more of the same line follows
  std::size_t size = 0;    // in the stream, with the newline if there is one
};

// Holds what has been read and not been consumed: less than a line, unless somebody downstream has no room. The memory is
// there only as long as there is something in it.
class LineCutter {
 public:
  // Reads once from `fd`, at most `most` bytes and what there is room for. Returns how many these were, or a negative errno
  // (-EAGAIN: nothing is there).
  long fill(int fd, std::size_t most);

  // The next line, if it is complete, or longer than kMostLine; then it is cut between two characters of UTF-8.
  std::optional<Piece> next();
  void consume(const Piece& piece);

  // Whoever wrote ends `more` bytes behind what has been read: a line that is unfinished there is one, all the same.
  void end_behind(std::size_t more);

  // How many bytes have been read so far, and how many of them consumed.
  std::uint64_t read() const { return consumed_ + (end_ - begin_); }
  std::uint64_t consumed() const { return consumed_; }

 private:
  // Room for a line of the greatest length with its newline, and for reading many short ones at once.
  static constexpr std::size_t kCapacity = 2 * kMostLine;

  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t consumed_ = 0;      // what stood before begin_
  std::deque<std::uint64_t> ends_;  // positions in the stream at which a process ended
};

}  // namespace cinit::output

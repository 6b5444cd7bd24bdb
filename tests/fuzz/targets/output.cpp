// What services write: cut into lines, and laid out. The first two bytes say how often the rest is repeated, for lines that
// are too long, and how much is read at once.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "json.hpp"
#include "output/layout.hpp"
#include "output/line_cutter.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

// A file that is read from the beginning.
class File {
 public:
  explicit File(std::string_view text) : fd_(memfd_create("input", MFD_CLOEXEC)) {
    require(fd_ >= 0 && write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "there is a file");
    lseek(fd_, 0, SEEK_SET);
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

void check_layout(const output::Piece& piece) {
  output::Record record;
  record.continues = piece.continues;
  record.text = piece.text;
  std::string line;
  output::lay_out(record, "web", {config::LogPrefix::Json}, line);
  require(line.ends_with('\n') && line.find('\n') == line.size() - 1, "a record is one line", line);
  require(is_json(line), "a record is JSON", line);
  output::lay_out(record, "web", {config::LogPrefix::None}, line);
  require(line.starts_with(piece.text) && line.find('\n') == line.size() - 1, "a record is one line", line);
}

// Everything that comes out, as it went in.
std::string cut(const File& file, std::size_t most) {
  output::LineCutter cutter;
  std::string all;
  bool at_end = false;
  while (true) {
    const auto piece = cutter.next();
    if (!piece && at_end) return all;
    if (!piece) {
      at_end = cutter.fill(file.fd(), most) <= 0;
      if (at_end) cutter.end_behind(0);
      continue;
    }
    require(piece->text.size() <= output::kMostLine, "a piece has its greatest length");
    require(piece->size > 0 && piece->size <= piece->text.size() + 1, "a piece gets on");
    check_layout(*piece);
    all += piece->text;
    if (piece->size > piece->text.size()) all += '\n';
    require(!piece->continues || piece->size == piece->text.size(), "a line that goes on has no end", all);
    cutter.consume(*piece);
  }
}

}  // namespace

void take_output(std::string_view input) {
  if (input.size() < 2) return;
  const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(input[i])}; };
  constexpr std::size_t kMostBytes = 100'000;
  std::string text(input.substr(2));
  for (std::size_t i = byte(0); i > 0 && text.size() < kMostBytes; --i) text += input.substr(2);
  const std::size_t most = byte(1) == 255 ? output::kMostLine * 2 : byte(1) * 64 + 1;
  require(cut(File(text), most) == text, "no byte is lost", text);
}

}  // namespace cinit::fuzz

#include "output/line_cutter.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <random>
#include <stdexcept>
#include <string>

#include "os/fd.hpp"

using namespace cinit::output;
namespace os = cinit::os;

namespace {

// A cutter behind a pipe.
class Cut {
 public:
  Cut() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("pipe2");
    read_end_ = os::Fd(ends[0]);
    write_end_ = os::Fd(ends[1]);
  }

  LineCutter cutter;

  void write(const std::string& bytes) const {
    if (::write(write_end_.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("write");
    }
  }
  // Reads all that is there. Returns the pieces: "<text>" or "<text+>" when the line goes on.
  std::string take() {
    std::string pieces = take_held();
    while (cutter.fill(read_end_.get(), 1 << 20) > 0) pieces += take_held();
    return pieces;
  }
  std::string take_held() {
    std::string pieces;
    while (const auto piece = cutter.next()) {
      pieces += "<" + std::string(piece->text) + (piece->continues ? "+>" : ">");
      cutter.consume(*piece);
    }
    return pieces;
  }
  std::string take(const std::string& bytes) {
    write(bytes);
    return take();
  }
  int read_end() const { return read_end_.get(); }

 private:
  os::Fd read_end_;
  os::Fd write_end_;
};

}  // namespace

TEST_CASE("bytes are cut behind each newline, and nothing is invented for a line that is not finished") {
  Cut cut;
  CHECK(cut.take("one\ntwo\n\nthr") == "<one><two><>");
  CHECK(cut.take("") == "");
  CHECK(cut.take("ee\nPrompt> ") == "<three>");
  CHECK(cut.take("y\n") == "<Prompt> y>");
}

TEST_CASE("all bytes but the newline belong to the line") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n') all += static_cast<char>(byte);
  }
  Cut cut;
  CHECK(cut.take(all + "\r\n") == "<" + all + "\r>");
}

TEST_CASE("a line of the greatest length is whole, and a longer one comes in pieces that go on") {
  const std::string most(kMostLine, 'x');
  Cut cut;
  CHECK(cut.take(most + "\n") == "<" + most + ">");
  CHECK(cut.take(most + "y\n") == "<" + most + "+><y>");
  CHECK(cut.take(most + most + "\nz\n") == "<" + most + "+><" + most + "><z>");
  CHECK(cut.take(most) == "");
  CHECK(cut.take("y") == "<" + most + "+>");
  CHECK(cut.take("\n") == "<y>");
}

TEST_CASE("a long line is cut between two characters") {
  const std::string before(kMostLine - 2, 'x');
  const std::string euro = "\xe2\x82\xac";
  Cut cut;
  CHECK(cut.take(before + euro + "\n") == "<" + before + "+><" + euro + ">");
  CHECK(cut.take(before + "aa" + euro + "\n") == "<" + before + "aa+><" + euro + ">");
  const std::string no_text(kMostLine + 1, '\x80');
  CHECK(cut.take(no_text + "\n") == "<" + no_text.substr(1) + "+><\x80>");
}

TEST_CASE("an unfinished line ends where its process ended, and not where the next one began to write") {
  Cut cut;
  cut.write("last words");
  cut.cutter.end_behind(10);
  cut.write("first\nsecond");
  cut.cutter.end_behind(16);  // it is still unread: 10 + 6 of 22 bytes, so "first\n" ended with its process
  CHECK(cut.take() == "<last words><first>");
  cut.cutter.end_behind(0);
  CHECK(cut.take_held() == "<second>");
  cut.cutter.end_behind(0);
  CHECK(cut.take("\nx\n") == "<><x>");
}

TEST_CASE("what has been consumed and read is counted in bytes of the stream") {
  Cut cut;
  CHECK(cut.cutter.fill(cut.read_end(), 10) == -EAGAIN);
  cut.take("one\ntw");
  CHECK(cut.cutter.read() == 6);
  CHECK(cut.cutter.consumed() == 4);
}

TEST_CASE("no byte gets lost or moved, whatever is written and read") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  Cut cut;
  std::string sent;
  std::string got;
  for (int i = 0; i < 300; ++i) {
    std::string bytes(random() % 30000, 'x');
    for (char& byte : bytes) {
      if (random() % 5000 == 0) byte = '\n';
      if (random() % 100 == 0) byte = static_cast<char>(random());
    }
    cut.write(bytes);
    sent += bytes;
    do {
      while (const auto piece = cut.cutter.next()) {
        REQUIRE(piece->text.size() <= kMostLine);
        got += std::string(piece->text) + (piece->continues ? "" : "\n");
        cut.cutter.consume(*piece);
      }
    } while (cut.cutter.fill(cut.read_end(), 1 + random() % 40000) > 0);
  }
  CHECK(got == sent.substr(0, got.size()));
  CHECK(sent.size() - got.size() <= kMostLine);
}

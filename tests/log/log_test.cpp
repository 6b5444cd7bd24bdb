#include "log/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "files.hpp"
#include "forked.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/signals.hpp"

using namespace cinit::test;
namespace os = cinit::os;
using cinit::config::LogFormat;
using cinit::config::LogLevel;
using cinit::log::Log;

namespace {

constexpr int kPipeSize = 4096;

// Descriptor 2 of this process, as the end of a small pipe.
class StandardError {
 public:
  StandardError() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, kPipeSize) != kPipeSize || dup2(ends[1], 2) != 2) {
      throw std::runtime_error("standard error");
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    out_ = os::Fd(ends[0]);
  }

  // Everything that is in the pipe.
  std::string take() const { return read_all(out_.get()); }
  // Leaves no room in the pipe, which is to be empty.
  static void fill() {
    const std::string filling(kPipeSize, 'x');
    if (write(2, filling.data(), filling.size()) != kPipeSize) throw std::runtime_error("fill");
  }
  void drain() const { take(); }

 private:
  os::Fd out_;
};

// More than is kept.
std::string lost() { return std::string(20'000, 'x'); }

}  // namespace

TEST_CASE("of what others can repeat a few lines are written, and then their number, for each kind and service") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Text, out);
    for (int i = 0; i < 100; ++i) {
      const std::string number = std::to_string(i);
      log.write_some("one", {LogLevel::Info, "web", "said", "one " + number});
    }
    for (int i = 0; i < 6; ++i) log.write_some("other", {LogLevel::Info, "", "said", "other"});
    log.write_some("one", {LogLevel::Info, "db", "said", "one"});
    const bool is_due = log.next_deadline() != cinit::kNever;
    log.flush();
    const std::string at_once = err.take();
    log.finish({});
    return at_once + (is_due ? "---\n" : "never\n") + err.take();
  };
  CHECK(in_child(body) ==
        "cinit: web: one 0\ncinit: web: one 1\ncinit: web: one 2\ncinit: web: one 3\ncinit: web: one 4\n"
        "cinit: other\ncinit: other\ncinit: other\ncinit: other\ncinit: other\ncinit: db: one\n---\n"
        "cinit: web: one 99 (and 94 more times in the last 10 s)\ncinit: other\n");
}

TEST_CASE("what is logged arrives as one line each, at once") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Text, out);
    log.write({LogLevel::Info, "web", "started", "started"});
    std::string text = err.take();
    log.write({LogLevel::Error, "", "failed", "all is lost"});
    return text + "-- " + err.take();
  };
  CHECK(in_child(body) == "cinit: web: started\n-- cinit: all is lost\n");
}

TEST_CASE("what is below the level is not logged, whatever the level") {
  const auto logged_at = [](LogLevel threshold) {
    return in_child([threshold] {
      const StandardError err;
      os::LineWriter out(2);
      Log log(threshold, LogFormat::Text, out);
      log.write({LogLevel::Debug, "", "", "d"});
      log.write({LogLevel::Info, "", "", "i"});
      log.write({LogLevel::Warning, "", "", "w"});
      log.write({LogLevel::Error, "", "", "e"});
      return err.take();
    });
  };
  CHECK(logged_at(LogLevel::Debug) == "cinit: d\ncinit: i\ncinit: w\ncinit: e\n");
  CHECK(logged_at(LogLevel::Info) == "cinit: i\ncinit: w\ncinit: e\n");
  CHECK(logged_at(LogLevel::Warning) == "cinit: w\ncinit: e\n");
  CHECK(logged_at(LogLevel::Error) == "cinit: e\n");
}

TEST_CASE("in the JSON format each line is an object") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Json, out);
    log.write({LogLevel::Warning, "web", "exited", "exited with code 3"});
    const std::string line = err.take();
    return line.substr(0, 9) + line.substr(line.find("\"level\""));
  };
  CHECK(in_child(body) ==
        "{\"time\":\"\"level\":\"warning\",\"service\":\"web\",\"event\":\"exited\",\"message\":\"exited with code "
        "3\"}\n");
}

TEST_CASE("lines for which there is no room are counted, and the count comes before the next line") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Text, out);
    StandardError::fill();
    for (int i = 0; i < 3; ++i) log.write({LogLevel::Info, "web", "", lost()});
    log.write({LogLevel::Debug, "web", "", "below the level, so not counted"});
    err.drain();
    log.write({LogLevel::Info, "web", "", "there again"});
    log.write({LogLevel::Info, "web", "", "and again"});
    return err.take();
  };
  CHECK(in_child(body) ==
        "cinit: 3 lines were not written: standard error was full\ncinit: web: there again\ncinit: web: and again\n");
}

TEST_CASE("the count goes out once there is said to be room, and nothing is tried before") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Text, out);
    std::string text = log.flush() ? "clean, " : "dropped, ";
    StandardError::fill();
    log.write({LogLevel::Info, "", "", lost()});
    text += log.flush() ? "clean, " : "dropped, ";
    text += log.flush() ? "clean, " : "dropped, ";
    out.expect_room();
    text += log.flush() ? "clean, " : "dropped, ";
    err.drain();
    text += log.flush() ? "clean: " : "dropped: ";
    text += err.take();
    out.expect_room();
    text += log.flush() ? "clean: " : "dropped: ";
    text += err.take();
    text += log.flush() ? "clean: " : "dropped: ";
    return text + err.take();
  };
  CHECK(in_child(body) ==
        "clean, dropped, dropped, dropped, dropped: clean: cinit: 1 line was not written: standard error was "
        "full\nclean: ");
}

TEST_CASE("the count is reported whatever the level, as a warning") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Error, LogFormat::Json, out);
    StandardError::fill();
    log.write({LogLevel::Error, "", "", lost()});
    err.drain();
    out.expect_room();
    log.flush();
    const std::string line = err.take();
    return line.substr(line.find("\"level\""));
  };
  CHECK(
      in_child(body) ==
      "\"level\":\"warning\",\"event\":\"dropped\",\"message\":\"1 line was not written: standard error was full\"}\n");
}

TEST_CASE("lines for which there is no room are kept, and go out first once there is room") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Text, out);
    StandardError::fill();
    for (const char* text : {"one", "two", "three"}) log.write({LogLevel::Info, "web", "", text});
    std::string told = log.flush() ? "clean, " : "waits, ";
    err.drain();
    out.expect_room();
    told += log.flush() ? "clean: " : "waits: ";
    log.write({LogLevel::Info, "web", "", "four"});
    return told + err.take();
  };
  CHECK(in_child(body) == "waits, clean: cinit: web: one\ncinit: web: two\ncinit: web: three\ncinit: web: four\n");
}

TEST_CASE("at the end what was kept waits for a reader that is slow, and for none that never comes") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Text, out);
    StandardError::fill();
    log.write({LogLevel::Info, "", "", "last words"});
    log.finish(os::now());
    const std::string before = err.take();
    std::string told = before.find("last words") == std::string::npos ? "not yet, " : "too early, ";
    StandardError::fill();
    log.write({LogLevel::Info, "", "", "very last words"});
    if (fork() == 0) {
      err.drain();
      _exit(0);
    }
    log.finish(cinit::later(os::now(), std::chrono::seconds(10)));
    wait(nullptr);
    return told + err.take();
  };
  CHECK(in_child(body) == "not yet, cinit: last words\ncinit: very last words\n");
}

TEST_CASE("who has gone away is not written to again before the next line, and then the count has the reason") {
  const auto body = [] {
    os::block_signals();
    std::string text;
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/fifo";
    mkfifo(path.c_str(), 0600);
    os::Fd reader(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    dup2(os::Fd(open(path.c_str(), O_WRONLY | O_CLOEXEC)).get(), 2);
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Text, out);
    reader.reset();
    log.write({LogLevel::Info, "", "", "lost"});
    reader = os::Fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    text += log.flush() ? "clean, " : "dropped, ";
    text += read_all(reader.get()) + "-- ";
    log.write({LogLevel::Info, "", "", "there"});
    return text + read_all(reader.get());
  };
  CHECK(in_child(body) == "dropped, -- cinit: 1 line was not written: Broken pipe\ncinit: there\n");
}

TEST_CASE("a log that was moved goes on where it was") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log first(LogLevel::Info, LogFormat::Text, out);
    StandardError::fill();
    first.write({LogLevel::Info, "", "", lost()});
    Log second(std::move(first));
    err.drain();
    second.write({LogLevel::Info, "", "", "there"});
    return err.take();
  };
  CHECK(in_child(body) == "cinit: 1 line was not written: standard error was full\ncinit: there\n");
}

TEST_CASE("braces in a message are text") {
  const auto body = [] {
    const StandardError err;
    os::LineWriter out(2);
    Log log(LogLevel::Info, LogFormat::Text, out);
    log.write({LogLevel::Info, "{}", "", "{0} {} %s"});
    return err.take();
  };
  CHECK(in_child(body) == "cinit: {}: {0} {} %s\n");
}

#include "output/relay.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "files.hpp"
#include "forked.hpp"
#include "os/clock.hpp"
#include "os/signals.hpp"
#include "user_tree.hpp"

using namespace cinit::output;
using namespace cinit::test;
using namespace std::chrono_literals;
using cinit::config::LogPrefix;
namespace os = cinit::os;

namespace {

constexpr int kPipeSize = 4096;

// Whether it is ready at once.
bool is_ready(int fd, short events) {
  pollfd wanted{fd, events, 0};
  return poll(&wanted, 1, 0) == 1 && (wanted.revents & events) != 0;
}

// What somebody who reads cinit's output, or does not, has in his hands.
class Consumer {
 public:
  explicit Consumer(int size = 1 << 20) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, size) < size) throw std::runtime_error("pipe2");
    read_end_ = os::Fd(ends[0]);
    write_end_ = os::Fd(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  // At most `most` bytes of what is there.
  std::string take(std::size_t most = 1 << 20) const {
    std::string text(most, '\0');
    const ssize_t size = read(read_end_.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }
  int write_end() const { return write_end_.get(); }
  int read_end() const { return read_end_.get(); }
  void leave() { read_end_.reset(); }

 private:
  os::Fd read_end_;
  os::Fd write_end_;
};

// A service's process: has a description of the pipe of its own, which does not wait.
class Writer {
 public:
  explicit Writer(int fd)
      : fd_(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (!fd_) throw std::runtime_error("open by name");
  }
  // Returns how many bytes of it found room.
  std::size_t put(std::string_view text) const {
    const ssize_t size = write(fd_.get(), text.data(), text.size());
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }

 private:
  os::Fd fd_;
};

// A relay with both of cinit's outputs.
class Scene {
 public:
  explicit Scene(LogPrefix prefix = LogPrefix::None, int pipe_size = 1 << 20)
      : out(pipe_size),
        err(pipe_size),
        out_writer(out.write_end()),
        err_writer(err.write_end()),
        relay({{prefix}, 64 << 10}, out_writer, err_writer) {
    relay.observe([this](const Record& record) { observed += std::string(record.text) + ";"; });
    relay.observe_trouble([this](const std::string&, const std::string& message) { troubles += message + ";"; });
  }

  Consumer out;
  Consumer err;
  os::LineWriter out_writer;
  os::LineWriter err_writer;
  Relay relay;
  std::string observed;
  std::string troubles;

  int open(Service service, const std::string& name, Stream stream = Stream::Stdout, Destination to = ToOwnOutput{}) {
    const auto opened = relay.open({service, stream, name, std::move(to)});
    const int* const fd = std::get_if<int>(&opened);
    if (!fd) throw std::runtime_error(std::get_if<CaptureFailure>(&opened)->message);
    return *fd;
  }
  bool has_work() const { return is_ready(relay.fd(), POLLIN); }
  // Turns of the loop, until the condition holds. False: it does not come to that.
  bool run_until(const std::function<bool()>& condition) {
    return eventually([&] {
      relay.handle();
      relay.watch_room();
      return condition();
    });
  }
  // Turns of the loop, until there is nothing to do.
  void run() {
    for (int turns = 0; has_work(); ++turns) {
      if (turns > 100000) throw std::runtime_error("a busy loop");
      relay.handle();
      relay.watch_room();
    }
  }
};

std::string numbered_lines(const std::string& name, int count, std::size_t size) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string number = name + std::to_string(i) + " ";
    text += number + std::string(size - number.size() - 1, name[0]) + "\n";
  }
  return text;
}

// Lines as whoever wrote them would have them, by the name in front.
std::map<std::string, std::string> by_name(const std::string& all) {
  std::map<std::string, std::string> texts;
  for (const std::string& line : lines_of(all)) {
    const std::size_t end = line.find(" | ");
    texts[end == std::string::npos ? "torn" : line.substr(0, end)] +=
        end == std::string::npos ? line : line.substr(end + 3) + "\n";
  }
  return texts;
}

}  // namespace

TEST_CASE("lines go to the stream that they were written to, behind the service's name") {
  Scene scene(LogPrefix::Name);
  const Writer web(scene.open(0, "web"));
  const Writer trouble(scene.open(0, "web", Stream::Stderr));
  const Writer db(scene.open(1, "db"));
  web.put("one\ntwo\nunfinished");
  scene.run();
  db.put("three\n");
  trouble.put("four\n");
  scene.run();
  CHECK(scene.out.take() == "web | one\nweb | two\ndb | three\n");
  CHECK(scene.err.take() == "web | four\n");
  CHECK(scene.observed.substr(0, 14) == "one;two;three;");
}

TEST_CASE("in the JSON format each line is an object") {
  Scene scene(LogPrefix::Json);
  Writer(scene.open(0, "web")).put("hi\n");
  scene.run();
  const std::string line = scene.out.take();
  CHECK(line.find("{\"time\":\"2") == 0);
  CHECK(line.find("Z\",\"service\":\"web\",\"stream\":\"stdout\",\"message\":\"hi\"}\n") != std::string::npos);
}

TEST_CASE("a consumer that stops reading keeps the writer waiting, and nothing is lost or torn when he goes on") {
  Scene scene(LogPrefix::None, kPipeSize);
  const Writer web(scene.open(0, "web"));
  const std::string all = numbered_lines("web", 20000, 61);
  std::string got;
  std::size_t sent = 0;
  int blocked = 0;
  while (got.size() < all.size()) {
    const std::size_t taken = web.put(std::string_view(all).substr(sent));
    sent += taken;
    scene.run();  // it ends although nobody reads: that is not waited for busily
    if (taken == 0) ++blocked;
    const std::string part = scene.out.take(kPipeSize);
    REQUIRE((!part.empty() || sent < all.size()));
    got += part;
  }
  CHECK(got == all);
  CHECK(blocked > 10);
  web.put("afterwards\n");
  scene.run();
  CHECK(scene.out.take() == "afterwards\n");
  CHECK(sent - got.size() <= (64 << 10) + 2 * kMostLine + kPipeSize);
}

TEST_CASE("lines that are longer than a pipe takes at once stay whole side by side") {
  Scene scene(LogPrefix::Name, kPipeSize);
  std::map<std::string, std::string> sent;
  std::vector<std::pair<std::string, Writer>> writers;
  for (const std::string name : {"a", "b", "c"}) {
    writers.emplace_back(name, Writer(scene.open(static_cast<Service>(name[0]), name)));
    sent[name] = numbered_lines(name, 60, 3 * PIPE_BUF + 1000);
  }
  std::map<std::string, std::size_t> position;
  std::string got;
  bool more = true;
  while (more) {
    more = false;
    for (const auto& [name, writer] : writers) {
      position[name] += writer.put(std::string_view(sent[name]).substr(position[name]));
      more = more || position[name] < sent[name].size();
    }
    scene.run();
    const std::string part = scene.out.take(1000);
    more = more || !part.empty();
    got += part;
  }
  CHECK(by_name(got) == sent);
}

TEST_CASE("a line longer than the greatest length comes in marked pieces") {
  Scene scene(LogPrefix::Name);
  const Writer web(scene.open(0, "web"));
  const std::string first(kMostLine, 'x');
  web.put(first + "rest\nnext\n");
  scene.run();
  CHECK(scene.out.take() == "web | " + first + " [line continues]\nweb | rest\nweb | next\n");
}

TEST_CASE("bytes survive") {
  std::string all;
  for (int byte = 255; byte >= 0; --byte) all += static_cast<char>(byte);
  all += "\r\n\xff\xfe\n";
  Scene scene;
  Writer(scene.open(0, "web")).put(all);
  scene.run();
  CHECK(scene.out.take() == all);
}

TEST_CASE("who floods gets a bounded share, and others have their turn") {
  Scene scene(LogPrefix::Name);
  const int flood_fd = scene.open(0, "flood");
  REQUIRE(fcntl(flood_fd, F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
  const Writer flood(flood_fd);
  const Writer calm(scene.open(1, "calm"));
  REQUIRE(flood.put(numbered_lines("f", 10000, 100)) == 1'000'000);
  calm.put("here\n");
  scene.relay.handle();
  auto texts = by_name(scene.out.take());
  CHECK(texts["calm"] == "here\n");
  CHECK(texts["flood"].size() <= 64 << 10);
  CHECK(texts["flood"].size() > 60 << 10);
}

TEST_CASE("those who wait for room take turns") {
  Scene scene(LogPrefix::Name, kPipeSize);
  const Writer first(scene.open(0, "first"));
  const Writer second(scene.open(1, "second"));
  const std::string some = numbered_lines("x", 1000, 60);
  first.put(some);
  second.put(some);
  std::string got;
  for (int i = 0; i < 6; ++i) {
    scene.run();
    first.put(some);
    second.put(some);
    got += scene.out.take();
  }
  auto texts = by_name(got.substr(0, got.rfind('\n') + 1));
  CHECK(texts["first"].size() > 3000);
  CHECK(texts["second"].size() > 3000);
}

TEST_CASE("who comes later does not go before those who wait for room") {
  Scene scene(LogPrefix::Name, kPipeSize);
  const Writer first(scene.open(0, "first"));
  const Writer second(scene.open(1, "second"));
  first.put(numbered_lines("x", 1000, 60));
  scene.run();
  CHECK(!scene.out.take().empty());
  second.put("late\n");
  scene.relay.drain(1);
  CHECK(scene.out.take().empty());
  scene.run();
  CHECK(scene.out.take().find("first | ") == 0);
  scene.run();
  CHECK(scene.out.take().find("second | late\n") == 0);
}

TEST_CASE("when nobody reads any more lines are lost and counted, and nobody waits") {
  const auto body = [] {
    os::block_signals();
    Scene scene;
    const Writer web(scene.open(0, "web"));
    scene.out.leave();
    for (int i = 0; i < 100; ++i) {
      if (web.put("a line\n") != 7) return std::string("blocked");
      scene.run();
    }
    scene.relay.finish(os::now());
    return scene.troubles + std::to_string(scene.relay.last_lines(0, 1000).size());
  };
  CHECK(in_child(body) ==
        "lines cannot be written to standard output: Broken pipe; they are lost until they can;"
        "100 lines could not be written to standard output: Broken pipe;100");
}

TEST_CASE("a reader that goes away in the middle of a line leaves nothing to wait for") {
  const auto body = [] {
    os::block_signals();
    Scene scene(LogPrefix::None, kPipeSize);
    const Writer web(scene.open(0, "web"));
    web.put(numbered_lines("x", 5, 3 * PIPE_BUF));
    scene.run();
    scene.out.leave();
    scene.run();
    return std::to_string(web.put(numbered_lines("x", 5, 3 * PIPE_BUF)) == 15 * PIPE_BUF) +
           std::to_string(scene.out_writer.has_rest());
  };
  CHECK(in_child(body) == "10");
}

TEST_CASE("what a full device does not take is lost, and said") {
  const TemporaryDirectory directory;
  const os::Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  const os::Fd file(open((directory.path() + "/err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  os::LineWriter out(full.get());
  os::LineWriter err(file.get());
  Relay relay({{LogPrefix::Name}, 1000}, out, err);
  std::string troubles;
  relay.observe_trouble([&](const std::string&, const std::string& message) { troubles += message; });
  const auto opened = relay.open({0, Stream::Stdout, "web", ToOwnOutput{}});
  const auto opened_err = relay.open({0, Stream::Stderr, "web", ToOwnOutput{}});
  Writer(*std::get_if<int>(&opened)).put("one\ntwo\n");
  Writer(*std::get_if<int>(&opened_err)).put("three\n");
  relay.handle();
  relay.watch_room();
  CHECK(troubles.find("standard output: No space left on device") != std::string::npos);
  CHECK(read_file(directory.path() + "/err") == "web | three\n");
  CHECK_FALSE(is_ready(relay.fd(), POLLIN));
}

TEST_CASE("the last words of a process are passed on at once, an unfinished line as a line") {
  Scene scene(LogPrefix::Name);
  const Writer web(scene.open(0, "web"));
  const Writer trouble(scene.open(0, "web", Stream::Stderr));
  const Writer other(scene.open(1, "other"));
  web.put("one\nlast words");
  trouble.put("fatal");
  other.put("prompt> ");
  scene.relay.drain(0);
  CHECK(scene.out.take() == "web | one\nweb | last words\n");
  CHECK(scene.err.take() == "web | fatal\n");
  web.put("again\n");
  scene.run();
  CHECK(scene.out.take() == "web | again\n");
  CHECK(scene.relay.last_lines(0, 3) == std::vector<std::string>{"last words", "fatal", "again"});
}

TEST_CASE("last words for which there is no room follow later, apart from those of the next process") {
  Scene scene(LogPrefix::None, kPipeSize);
  const Writer web(scene.open(0, "web"));
  const std::string some = numbered_lines("x", 200, 60);
  web.put(some + "last words");
  scene.relay.drain(0);
  web.put("first word\nsecond");
  scene.relay.drain(0);
  web.put("\nend\n");
  std::string got;
  for (int i = 0; i < 10; ++i) {
    got += scene.out.take();
    scene.run();
  }
  CHECK(got == some + "last words\nfirst word\nsecond\n\nend\n");
}

TEST_CASE("a background process that goes on writing does not keep the service's end from being reported") {
  const auto body = [] {
    Scene scene;
    const int fd = scene.open(0, "web");
    const pid_t child = fork_process([fd] {
      while (write(fd, "again and again\n", 16) > 0) {
      }
    });
    if (!eventually([&] { return scene.has_work(); })) return std::string("silent");
    for (int i = 0; i < 50; ++i) {
      scene.relay.drain(0);
      scene.out.take();
    }
    kill(child, SIGKILL);
    end_of(child);
    return std::string("back");
  };
  CHECK(in_child(body) == "back");
}

TEST_CASE(
    "the pipe of a stream is the same for each start, open to all users, closed in who inherits, and waits as usual") {
  Scene scene;
  const int fd = scene.open(3, "web");
  CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  struct stat status {};
  REQUIRE(fstat(fd, &status) == 0);
  CHECK((status.st_mode & 0222) == 0222);
  REQUIRE(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  CHECK(scene.open(3, "web") == fd);
  CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  CHECK(scene.open(3, "web", Stream::Stderr) != fd);
  CHECK(scene.open(4, "web") != fd);
}

TEST_CASE("as long as nothing is captured there is nothing") {
  const std::size_t before = names_in("/proc/self/fd").size();
  const Consumer out;
  os::LineWriter writer(out.write_end());
  const std::size_t with_writer = names_in("/proc/self/fd").size();
  Relay relay({{LogPrefix::Name}, 1000}, writer, writer);
  relay.handle();
  relay.watch_room();
  relay.drain(0);
  CHECK(relay.finish(os::now()));
  CHECK(relay.fd() == -1);
  CHECK(names_in("/proc/self/fd").size() == with_writer);
  CHECK(with_writer == before + 3);
}

TEST_CASE("both outputs may be the same file, with one writer") {
  const Consumer both;
  os::LineWriter writer(both.write_end());
  Relay relay({{LogPrefix::Name}, 1000}, writer, writer);
  const auto out = relay.open({0, Stream::Stdout, "web", ToOwnOutput{}});
  const auto err = relay.open({0, Stream::Stderr, "web", ToOwnOutput{}});
  Writer(*std::get_if<int>(&out)).put("one\n");
  relay.handle();
  Writer(*std::get_if<int>(&err)).put("two\n");
  relay.handle();
  CHECK(both.take() == "web | one\nweb | two\n");
}

TEST_CASE("a line of the log that was taken in part is finished when there is room, also when nothing is captured") {
  Scene scene(LogPrefix::None, kPipeSize);
  const std::string line = std::string(2 * PIPE_BUF, 'x') + "\n";
  CHECK(scene.err_writer.write_line(line.data(), line.size()));
  scene.relay.watch_room();
  REQUIRE(scene.relay.fd() >= 0);
  std::string got;
  while (got.size() < line.size()) {
    CHECK_FALSE(scene.has_work());
    const std::string part = scene.err.take();
    REQUIRE(!part.empty());
    got += part;
    if (got.size() < line.size()) CHECK(scene.has_work());
    scene.run();
  }
  CHECK(got == line);
}

TEST_CASE("services and streams with the same path share one file, each line whole") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  Scene scene(LogPrefix::Name);
  const LogFileSpec spec{path, 20, 2};
  const Writer out(scene.open(0, "a", Stream::Stdout, spec));
  const Writer err(scene.open(0, "a", Stream::Stderr, spec));
  const Writer other(scene.open(1, "b", Stream::Stdout, spec));
  out.put("half");
  scene.run();
  err.put("whole\n");
  scene.run();
  other.put("other\n");
  scene.run();
  out.put(" done\n");
  scene.run();
  CHECK(read_file(path + ".1") == "whole\nother\n");
  CHECK(read_file(path) == "half done\n");
  CHECK(names_in(directory.path()).size() == 2);
  CHECK(scene.out.take().empty());
}

TEST_CASE("lines wait until the user's file is there, other services' do not, and then there is nothing to wait for") {
  const UserTree tree;
  Scene scene(LogPrefix::Name);
  const LogFileSpec spec{tree / "home/log", 20, 2, {kUser, kUser, {kUser}}};
  const Writer web(scene.open(0, "web", Stream::Stdout, spec));
  const Writer other(scene.open(1, "other"));
  CHECK(scene.relay.next_deadline() < os::now() + 11s);
  web.put("one\ntwo\n");
  other.put("here\n");
  scene.relay.handle();
  CHECK(scene.out.take() == "other | here\n");
  REQUIRE(scene.run_until([&] { return tree.text("home/log") == "one\ntwo\n"; }));
  CHECK(scene.relay.next_deadline() == cinit::kNever);
  CHECK_FALSE(scene.has_work());
  web.put("a line of sixteen\nnext\n");
  REQUIRE(scene.run_until([&] { return tree.text("home/log") == "next\n"; }));
  CHECK(tree.text("home/log.1") == "a line of sixteen\n");
  CHECK(scene.observed.find("one;two;") != std::string::npos);
  CHECK(scene.observed.ends_with(";a line of sixteen;next;"));
  CHECK(scene.troubles.empty());
}

TEST_CASE("what a user's file cannot take yet stays with the service, and follows") {
  const UserTree tree;
  REQUIRE(mkfifo((tree / "home/log").c_str(), 0600) == 0);
  tree.give("home/log", kUser);
  Scene scene;
  const Writer web(
      scene.open(0, "web", Stream::Stdout, LogFileSpec{tree / "home/log", 20, 2, {kUser, kUser, {kUser}}}));
  const std::string all = numbered_lines("web", 10000, 61);
  std::size_t sent = 0;
  scene.run_until([&] {
    const std::size_t taken = web.put(std::string_view(all).substr(sent));
    sent += taken;
    return taken == 0 && !scene.has_work();
  });
  REQUIRE(sent < all.size());
  CHECK(scene.relay.next_deadline() == cinit::kNever);
  const os::Fd reader(::open((tree / "home/log").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string got;
  CHECK(scene.run_until([&] {
    char buffer[4096];
    const ssize_t size = read(reader.get(), buffer, sizeof(buffer));
    if (size > 0) got.append(buffer, static_cast<std::size_t>(size));
    sent += web.put(std::string_view(all).substr(sent));
    return got.size() == all.size();
  }));
  CHECK((got == all));
  CHECK(scene.troubles.empty());
}

TEST_CASE("the end waits for a user's file to be opened and put aside") {
  const UserTree tree;
  Scene scene;
  const Writer web(scene.open(0, "web", Stream::Stdout, LogFileSpec{tree / "home/log", 4, 9, {kUser, kUser, {kUser}}}));
  web.put("one\ntwo\nend");
  CHECK(scene.relay.finish(os::now() + 10s));
  CHECK(tree.text("home/log.2") + tree.text("home/log.1") + tree.text("home/log") == "one\ntwo\nend\n");
}

TEST_CASE("a file that cannot be opened is a failure with its reason, and so is a pipe that there cannot be") {
  Scene scene;
  const auto no_file = scene.relay.open({0, Stream::Stdout, "a", LogFileSpec{"/nowhere/log", 20, 2}});
  REQUIRE(std::holds_alternative<CaptureFailure>(no_file));
  CHECK(std::get_if<CaptureFailure>(&no_file)->error == ENOENT);
  CHECK(std::get_if<CaptureFailure>(&no_file)->message ==
        "cannot open /nowhere/log for its output: No such file or directory");
  const auto body = [] {
    Scene other;
    const rlimit limit{8, 8};
    setrlimit(RLIMIT_NOFILE, &limit);
    const auto failed = other.relay.open({0, Stream::Stdout, "a", ToOwnOutput{}});
    const auto* const failure = std::get_if<CaptureFailure>(&failed);
    return !failure ? "opened" : failure->message + (failure->error == EMFILE ? "" : " (of another kind)");
  };
  CHECK(in_child(body) == "cannot make a pipe for its output: Too many open files");
}

TEST_CASE("lines that go nowhere are seen all the same") {
  Scene scene;
  Writer(scene.open(0, "web", Stream::Stdout, ToNowhere{})).put("ready\n");
  scene.run();
  CHECK(scene.observed == "ready;");
  CHECK(scene.out.take().empty());
}

TEST_CASE("lines are numbered over all services, and kept by service with stream and time") {
  Scene scene;
  const Writer web(scene.open(0, "web"));
  const Writer db(scene.open(1, "db", Stream::Stderr));
  web.put("one\n");
  scene.run();
  db.put("two\n");
  scene.run();
  web.put("three\n");
  scene.run();
  std::string all;
  for (const Service service : {0U, 1U, 2U}) {
    scene.relay.for_each_record(service, [&](const Record& record) {
      all +=
          std::to_string(record.number) + (record.stream == Stream::Stderr ? "!" : "") + std::string(record.text) + ";";
      CHECK(record.service == service);
      CHECK(std::chrono::system_clock::now() - record.time < 1min);
    });
  }
  CHECK(all == "1one;3three;2!two;");
  CHECK(scene.relay.last_number() == 3);
  CHECK(scene.relay.last_lines(0, 1) == std::vector<std::string>{"three"});
  CHECK(scene.relay.last_lines(2, 1).empty());
}

TEST_CASE("at the end what is left waits for a slow consumer, but not for one who does not read") {
  Scene scene(LogPrefix::None, kPipeSize);
  const Writer web(scene.open(0, "web"));
  const std::string some = numbered_lines("x", 1000, 60);
  REQUIRE(web.put(some + "end") == some.size() + 3);
  const auto begin = os::now();
  CHECK_FALSE(scene.relay.finish(begin + 50ms));
  CHECK(os::now() >= begin + 50ms);
  std::string got;
  std::thread consumer([&] {
    while (got.size() < some.size() + 4 && is_ready(scene.out.read_end(), POLLIN)) got += scene.out.take(1000);
    pollfd wanted{scene.out.read_end(), POLLIN, 0};
    while (got.size() < some.size() + 4 && poll(&wanted, 1, 10000) == 1) got += scene.out.take(1000);
  });
  CHECK(scene.relay.finish(os::now() + 10s));
  consumer.join();
  CHECK(got == some + "end\n");
}

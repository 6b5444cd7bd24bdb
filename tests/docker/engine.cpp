#include "engine.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "spawn.hpp"

namespace cinit::docker {

namespace fs = std::filesystem;

namespace {

// Where the engine started by CTest has everything; tests/docker/engine says more.
std::string engine_directory() {
  std::error_code error;
  const fs::path directory = fs::read_symlink(CINIT_ENGINE, error);
  if (error) throw std::runtime_error("there is no Docker engine: run this test with ctest, which starts one");
  return directory;
}

Engine make_docker() { return {"docker", {"docker", "-H", "unix://" + engine_directory() + "/docker.sock"}, {}}; }

Engine make_podman() {
  const std::string directory = engine_directory();
  const std::string own = directory + "/podman";
  return {"podman",
          {"env", "CONTAINERS_CONF=" CINIT_SOURCE_DIR "/tests/docker/containers.conf", "podman", "--root",
           own + "/root", "--runroot", own + "/run", "--tmpdir", own + "/tmp"},
          {"--cgroup-parent", "/" + fs::path(directory).filename().string()}};
}

std::string line_of(const Arguments& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

// A running client, the output of which we read. The destructor ends it.
class Client {
 public:
  Client(const Arguments& arguments, bool with_errors) : line_(line_of(arguments)) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    output_ = ends[0];
    pid_ = e2e::spawn(arguments, {-1, ends[1], with_errors ? ends[1] : -1});
    close(ends[1]);
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  }
  ~Client() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(output_);
    close(pidfd_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Reads until the client has ended; what it left running may hold the pipe for longer.
  Result finish(Clock::duration limit) {
    const Clock::time_point start = Clock::now();
    for (bool ended = false; !ended;) {
      const Clock::duration left = limit - (Clock::now() - start);
      if (left <= Clock::duration::zero()) throw std::runtime_error("not in time: " + line_ + "\n" + text_);
      std::array<pollfd, 2> both{{{output_, POLLIN, 0}, {pidfd_, POLLIN, 0}}};
      poll(both.data(), both.size(), static_cast<int>(milliseconds(left)) + 1);
      ended = both[1].revents != 0;
      read_available();
    }
    const Clock::duration took = Clock::now() - start;
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text_, took};
  }

 private:
  void read_available() {
    fcntl(output_, F_SETFL, O_NONBLOCK);
    std::array<char, 65536> buffer{};
    ssize_t length = 0;
    while ((length = read(output_, buffer.data(), buffer.size())) > 0) {
      text_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    if (length == 0) {  // its end; nothing more to wait for than the process
      close(output_);
      output_ = -1;
    }
  }

  std::string line_;
  std::string text_;
  pid_t pid_ = -1;
  int output_ = -1;
  int pidfd_ = -1;
};

}  // namespace

const Engine& docker() {
  static const Engine engine = make_docker();
  return engine;
}

const Engine& podman() {
  static const Engine engine = make_podman();
  return engine;
}

Result call(const Engine& engine, const Arguments& arguments, Clock::duration limit) {
  return Client(join(engine.client, arguments), true).finish(limit);
}

std::string ask(const Engine& engine, const Arguments& arguments) {
  const Result result = Client(join(engine.client, arguments), false).finish(kLimit);
  if (result.code != 0) throw std::runtime_error(line_of(arguments) + ": " + call(engine, arguments).output);
  return result.output;
}

Arguments join(Arguments first, const Arguments& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

double milliseconds(Clock::duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

}  // namespace cinit::docker

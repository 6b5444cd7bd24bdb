#include "launch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "forked.hpp"

namespace cinit::test {

Launch::Launch(std::vector<std::string> arguments, std::vector<std::string> environment)
    : arguments_(std::move(arguments)), environment_(std::move(environment)) {
  argv_.push_back(nullptr);
  for (std::string& word : arguments_) argv_.push_back(word.data());
  argv_.push_back(nullptr);
  for (std::string& variable : environment_) envp_.push_back(variable.data());
  envp_.push_back(nullptr);

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  read_end_ = os::Fd(ends[0]);
  write_end_ = os::Fd(ends[1]);
  setup.argv = argv_.data() + 1;
  setup.envp = envp_.data();
  setup.stdout_fd = write_end_.get();
}

os::SpawnResult Launch::start() {
  os::PendingSpawn pending(setup);
  while (true) {
    if (const auto result = pending.result()) {
      if (result->pid == 0 && pending.pid() != 0) waitpid(pending.pid(), nullptr, 0);
      return *result;
    }
    pollfd wanted{pending.fd(), POLLIN, 0};
    poll(&wanted, 1, -1);
  }
}

std::string Launch::output() {
  write_end_.reset();
  return read_all(read_end_.get());
}

std::string Launch::run() {
  const os::SpawnResult result = start();
  if (result.pid == 0) return failed_at(result.stage, result.error);
  const std::string text = output();
  return text + "[" + end_of(result.pid) + "]";
}

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

std::string status_fields(const std::set<std::string>& keys, const std::function<void(os::ChildSetup&)>& change) {
  Launch launch({"/bin/cat", "/proc/self/status"});
  if (change) change(launch.setup);
  std::istringstream lines(launch.run());
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, value;
    words >> key;
    if (!keys.contains(key)) continue;
    found += key;
    while (words >> value) found += " " + value;
    found += "\n";
  }
  return found;
}

std::string failed_at(StartStage stage, int error) {
  return "stage " + std::to_string(static_cast<int>(stage)) + ", errno " + std::to_string(error);
}

void write_program(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream(path) << text;
  if (chmod(path.c_str(), mode) != 0) throw std::runtime_error("chmod " + path);
}

}  // namespace cinit::test

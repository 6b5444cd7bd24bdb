// A program for os::PendingSpawn and os::spawn(), with what it prints.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "os/spawn.hpp"

namespace cinit::test {

class Launch {
 public:
  // `setup` is that of a service, with its standard output in a pipe. Its argv and envp belong to this object.
  explicit Launch(std::vector<std::string> arguments, std::vector<std::string> environment = {});
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  os::ChildSetup setup;

  // By os::PendingSpawn, whose result it waits for; a child that failed is reaped.
  os::SpawnResult start();
  // By os::spawn().
  os::SpawnResult start_standing_still() { return os::spawn(setup); }
  // What it prints, until it and whoever inherited its output have closed that.
  std::string output();

  // All of it: the output and the end, as "TEXT[code 0]", or "stage N, errno N" of a failed start.
  std::string run();

  // The slot before argv[0], and argv[0].
  char* slot() const { return argv_[0]; }
  const char* program() const { return argv_[1]; }

 private:
  std::vector<std::string> arguments_;
  std::vector<std::string> environment_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
  os::Fd read_end_;
  os::Fd write_end_;
};

// A shell script as a program: /bin/sh -c SCRIPT.
std::vector<std::string> shell(const std::string& script);

// What a started program finds in the named fields of its /proc/self/status: "KEY: VALUE" lines, blanks squeezed. `change`
// may change the setup before.
std::string status_fields(const std::set<std::string>& keys, const std::function<void(os::ChildSetup&)>& change = {});

// How run() tells of a failure at `stage` with `error`.
std::string failed_at(StartStage stage, int error);

// Writes a file with this content and permission.
void write_program(const std::string& path, const std::string& text, mode_t mode = 0755);

}  // namespace cinit::test

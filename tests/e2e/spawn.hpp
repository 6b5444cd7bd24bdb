// Starting a program of this machine.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace cinit::e2e {

// The descriptors that the program gets as its first three, and nothing besides. -1: /dev/null.
struct Streams {
  int in = -1;
  int out = -1;
  int err = -1;
};

// Starts `arguments[0]`, looked up in PATH, in a session of its own. Throws when that fails.
pid_t spawn(const std::vector<std::string>& arguments, const Streams& streams);

// The whole of a file, empty when it cannot be read.
std::string read_file(const std::string& path);

}  // namespace cinit::e2e

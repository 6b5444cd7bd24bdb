// my_init, row by row, against what was measured of it.
//
// my_init is no package of Debian: it is part of the image baseimage-docker, and needs Python. So it is not run here beside
// cinit; the rows hold what that of baseimage-docker noble-1.0.2 was seen to do in such a container.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "comparison.hpp"

namespace cinit::dropin_test {

// A part of the image: files, links.
using Part = std::function<void(Container&)>;

// A script that is executable: any, one of /etc/my_init.d, and the run script of a service in /etc/service.
Part program(const std::string& path, const std::string& body);
Part hook(const std::string& name, const std::string& body);
Part service(const std::string& name, const std::string& body);
// A file as it is.
Part file(const std::string& path, const std::string& text, int mode = 0644);
// A file of /etc/container_environment, and that directory without any.
Part variable(const std::string& name, const std::string& value);
Part environment_directory();

// Of cinit in the place of my_init.
struct MyInitDifference {
  std::string reason;
  Outcome ours;
};

struct MyInitRow {
  std::string name;
  std::vector<Part> image;
  // The command line of PID 1; "@" stands for my_init.
  Arguments command;
  // The code and all that is printed; PIDs and milliseconds are N.
  Outcome measured;
  e2e::Options options{};
  // From the start until nothing is left but to wait for the end.
  std::function<void(Container&)> script{};
  // At most one. A failure when it is not as described.
  std::vector<MyInitDifference> difference{};
  // Two processes print at the same time: the lines of the log are sorted.
  bool in_any_order = false;
};

// Runs cinit as my_init for each row.
void compare(const std::vector<MyInitRow>& rows);

// A script: waits for the text, and sends the signal to PID 1.
std::function<void(Container&)> signal_after(const std::string& text, int signal = SIGTERM);
// SIGTERM after that.
inline std::function<void(Container&)> stop_after(const std::string& text) { return signal_after(text); }

// Waits for the text, and makes /tmp/go.
std::function<void(Container&)> go_after(const std::string& text);

// What my_init says of its services, and around a main command.
inline const std::string kServicesBegin = "*** Booting runit daemon...\n*** Runit started as PID N\n";
inline const std::string kServicesEnd = "*** Shutting down runit daemon (PID N)...\n";
inline const std::string kEnd = "*** Killing all processes...\n";
inline const std::string kStopped = "*** Init system aborted.\n" + kEnd;

}  // namespace cinit::dropin_test

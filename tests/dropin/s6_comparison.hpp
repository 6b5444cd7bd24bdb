// The same service directories twice: once with Debian's s6-svscan as PID 1, once with cinit. Debian's s6-svc and its like
// are there for both.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "transcript.hpp"

namespace cinit::s6_test {

using e2e::Container;
using transcript_test::Difference;
using transcript_test::File;
using transcript_test::link_to;
using transcript_test::script;
using transcript_test::Tree;

// A service that dies at once, again and again: see Session::outwait_restart().
extern const File kClock;

// One container of a row.
class Session : public transcript_test::Session {
 public:
  using transcript_test::Session::Session;

  // s6-svc with these letters, about a service or its logger: "-d", "web".
  void svc(const std::string& letters, const std::string& service = "web");
  // Of a file with a line of /proc/uptime for each start: how far they are apart on average.
  void show_pace(const std::string& path);
  // Writes down the container's exit code, when it has ended, and the text of a file in /shared.
  void show_end(const std::string& name);

  // Waits until one of them said so: s6 or cinit, on standard error.
  void await_log(const std::string& of_original, const std::string& ours);
  // Waits until whatever is to be started again has been: until kClock was, more than once.
  void outwait_restart();
};

struct Row {
  std::string name;
  Tree tree;
  std::function<void(Session&)> script;
  std::vector<Difference> differences{};
  std::map<std::string, std::string> env{};
};

// Debian's programs of s6 and execline, which run with the volumes /lib and /lib64.
void install_s6(Container& container);

// Runs both for each row, and compares their transcripts.
void compare(const std::vector<Row>& rows);

}  // namespace cinit::s6_test

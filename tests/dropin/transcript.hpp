// What a container did, written down, and the same of another one: with a program of Debian as PID 1, and with cinit.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "container.hpp"

namespace cinit::transcript_test {

using e2e::Container;

// A file of the container; a path that does not begin with a slash is one below the directory of services.
struct File {
  std::string path;
  std::string text;  // of a link: where it leads to
  int mode = 0644;
  bool is_link = false;
};
using Tree = std::vector<File>;

// A program in sh.
File script(const std::string& path, const std::string& body);
File empty(const std::string& path);
File link_to(const std::string& path, const std::string& target);

void install(Container& container, const Tree& tree, const std::string& services);
// Programs of this machine, which needs to have them.
void install_programs(Container& container, std::span<const char* const> names);

int count(const std::string& text, const std::string& part);

// One container, and what is written down about it. Whatever waits has a limit, and throws when it is over.
class Session {
 public:
  Session(Container& container, std::string& transcript) : container_(container), transcript_(transcript) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs a line of sh in the container. Writes down what it prints, normalized, and its exit code.
  void run(const std::string& line);
  // Writes down the text of a file; of those that more than one process writes, with its lines sorted.
  void show(const std::string& path);
  void show_sorted(const std::string& path);
  void say(const std::string& line) { transcript_ += line + "\n"; }

  // Waits until a file has this text, or has it that many times.
  void await_text(const std::string& path, const std::string& text, int times = 1);
  // Waits until a line of sh succeeds.
  void await_success(const std::string& line);

  Container& container() { return container_; }

 protected:
  // Without what differs from run to run.
  virtual std::string normalize(const std::string& text) const { return text; }
  void await(const std::function<bool()>& condition, const std::string& what);

 private:
  Container& container_;
  std::string& transcript_;
};

// How long anything may take: the original looks for services every five seconds.
inline constexpr e2e::Clock::duration kLimit = std::chrono::seconds(20);

// A part of the transcripts that is not the same, on purpose.
struct Difference {
  std::string reason;
  std::string original;
  std::string ours;
};

enum class Program { Original, Ours };

struct Trial {
  std::string name;
  // In the order of the transcript. A failure when one is not as described, or not there any more.
  std::vector<Difference> differences;
  // Adds to the transcript; throws when it cannot come to its end.
  std::function<void(Program, std::string& transcript)> run;
};

// Runs both programs for each trial, and compares their transcripts. Trials run beside each other.
void compare_transcripts(const std::string& original, const std::vector<Trial>& trials);

}  // namespace cinit::transcript_test

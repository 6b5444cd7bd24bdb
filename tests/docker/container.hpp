// A container of a real engine, for one test.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine.hpp"
#include "temporary_directory.hpp"

namespace cinit::docker {

// The images that CTest has made: nothing but cinit, the test programs and busybox.
inline constexpr const char* kImage = "cinit-test";                 // ENTRYPOINT ["/sbin/cinit"]
inline constexpr const char* kCommandImage = "cinit-test-command";  // ENTRYPOINT ["/sbin/cinit", "--"]

// How a container ended.
struct End {
  int code = 0;
  Clock::duration took{};  // from the call of `docker stop` (or kill) until it came back (or the container had ended)
};

// One container, with a name of its own, no network, and the directory /shared, which everybody may write to. Every wait
// has a limit, and throws when it is over. The destructor removes the container; when the test has failed, it prints the
// log and the state before.
class Container {
 public:
  explicit Container(const Engine& engine = docker());
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  // A file of the container that it cannot change. Only before it is started.
  Container& file(const std::string& path, const std::string& text, int mode = 0644);
  // The same for /etc/cinit.toml.
  Container& config(const std::string& toml) { return file("/etc/cinit.toml", toml); }
  // Further options of `docker run`.
  Container& options(const Arguments& options);
  Container& image(const std::string& name);

  // `docker run -d`, with these arguments for the image's ENTRYPOINT: as it is for the services, or with "--".
  Container& run(const Arguments& arguments = {});
  Container& run_command(const Arguments& command) { return image(kCommandImage).run(command); }
  // `docker run` as in a terminal's foreground, until the container has ended.
  Result run_to_end(const Arguments& arguments = {});
  // The words of that `docker run`, for somebody at a terminal.
  Arguments run_words(const Arguments& arguments);
  // `docker start` of a container that has ended.
  Container& start_again();

  // Waits until `docker logs` has `text` that many times.
  void wait_for(std::string_view text, int times = 1);
  // Waits for anything else, by asking again and again. `what` is for the failure's text.
  void wait_until(const std::function<bool()>& condition, std::string_view what) const;
  // Waits until the container has ended.
  End wait_exit();

  // `docker stop`, with such options.
  End stop(const Arguments& options = {});
  // `docker kill -s`.
  void kill(const std::string& signal);
  // `docker exec`, to the end of the command or (-d) not.
  Result exec(const Arguments& command) const;
  void exec_in_background(const Arguments& command) const;

  // What `docker inspect` says, with a template of Go; without the newline.
  std::string inspect(const std::string& format) const;
  bool running() const { return inspect("{{.State.Running}}") == "true"; }
  int exit_code() const { return std::stoi(inspect("{{.State.ExitCode}}")); }

  // `docker logs`: stdout and stderr of all starts. With -t there is a "\r" before each newline, as from any terminal.
  std::string log() const;
  int count(std::string_view text) const;
  bool logged(std::string_view text) const { return count(text) > 0; }
  // A file of /shared, empty when there is none.
  std::string read_shared(const std::string& name) const;
  void write_shared(const std::string& name, const std::string& text = "") const;

  const std::string& name() const { return name_; }

 private:
  Arguments all_options() const;
  void check(const Result& result, std::string_view what) const;
  void print_what_happened() const;

  const Engine& engine_;
  std::string name_;
  std::string image_ = kImage;
  e2e::TemporaryDirectory directory_;  // of the machine: shared/, and a file for each file()
  int files_ = 0;
  Arguments options_;
  bool created_ = false;
  Clock::time_point since_;
};

// How often `text` has `part`.
int count_in(std::string_view text, std::string_view part);

}  // namespace cinit::docker

#include "s6_comparison.hpp"

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "temporary_directory.hpp"

namespace cinit::s6_test {
namespace {

using transcript_test::count;
using transcript_test::Program;

constexpr char kServices[] = "/etc/services.d";
const char* const kPrograms[] = {"s6-svscan",  "s6-supervise", "s6-svc",           "s6-svok",       "s6-svstat",
                                 "s6-svwait",  "s6-svscanctl", "s6-permafailon",   "s6-svdt",       "s6-svlisten1",
                                 "s6-ftrigrd", "s6-log",       "s6-notifyoncheck", "s6-ftrig-wait", "execlineb"};

// cinit shows services where s6-overlay would have put them, s6-svscan where they are: a link makes both places one.
void start_original(Container& container, e2e::Options options, const e2e::TemporaryDirectory& place) {
  std::filesystem::create_symlink(kServices, place / "services");
  options.volumes.push_back(place.path() + ":/run/s6");
  container.start({"s6-svscan", kServices}, options);
}

void run(const Row& row, Program program, std::string& transcript) {
  const e2e::TemporaryDirectory place;
  Container container;
  install_s6(container);
  transcript_test::install(container, row.tree, kServices);
  const e2e::Options options{.env = row.env, .volumes = {"/lib:/lib", "/lib64:/lib64"}};
  program == Program::Original ? start_original(container, options, place) : void(container.cinit({}, options));
  Session session(container, transcript);
  row.script(session);
}

// Whole seconds, where a machine that has much to do makes it a bit longer, or, being late with the first start, shorter.
std::string describe_pace(double seconds) {
  constexpr double kEarly = 0.3;
  const int whole = static_cast<int>(seconds + kEarly);
  return whole > 3 ? "many seconds apart" : std::to_string(whole) + " s apart";
}

}  // namespace

const File kClock = script("clock/run", "echo tick >>/tmp/clock");

void install_s6(Container& container) {
  transcript_test::install_programs(container, kPrograms);
  container.link("/lib/execline", "/usr/lib/execline");  // where they look for execlineb
}

void Session::svc(const std::string& letters, const std::string& service) {
  run("s6-svc " + letters + " /run/s6/services/" + service);
}

void Session::show_pace(const std::string& path) {
  std::istringstream lines(container().read(path));
  std::vector<double> starts;
  for (double uptime = 0, idle = 0; lines >> uptime >> idle;) starts.push_back(uptime);
  if (starts.size() < 2) throw std::runtime_error("fewer than two starts in " + path);
  say(describe_pace((starts.back() - starts.front()) / static_cast<double>(starts.size() - 1)));
}

void Session::show_end(const std::string& name) {
  const int code = container().wait_exit(transcript_test::kLimit).code;
  say("exit code " + std::to_string(code) + "\n" + container().read_shared(name));
}

void Session::await_log(const std::string& of_original, const std::string& ours) {
  await([&] { return container().logged(of_original) || container().logged(ours); }, of_original + ", or " + ours);
}

void Session::outwait_restart() {
  constexpr int kRestarts = 2;
  await_text("/tmp/clock", "tick\n", count(container().read("/tmp/clock"), "tick\n") + kRestarts);
}

void compare(const std::vector<Row>& rows) {
  std::vector<transcript_test::Trial> trials;
  for (const Row& row : rows) {
    trials.push_back({row.name, row.differences,
                      [&row](Program program, std::string& transcript) { run(row, program, transcript); }});
  }
  transcript_test::compare_transcripts("s6", trials);
}

}  // namespace cinit::s6_test

#include "comparison.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <numeric>
#include <regex>
#include <set>
#include <sstream>

#include "spawn.hpp"

namespace cinit::dropin_test {

namespace {

constexpr int kMarker = 64;

// The names that processes have in a run, a terminal's line ends, and the words that a libc has for an error.
std::string normalize(std::string log) {
  log = std::regex_replace(log, std::regex("\r\n"), "\n");
  hide_libc_signals(log);
  log = std::regex_replace(log, std::regex("((tini|catatonit) ?[(:])[0-9]+"), "$1N");
  log = std::regex_replace(log, std::regex("(errno=[0-9]+) [^)]*"), "$1");
  return std::regex_replace(log, std::regex("((pid=|PID |pid |process )'?)[0-9]+"), "$1N");
}

Outcome run(const std::string& program, const std::string& path, const Row& row) {
  Container container;
  // As PID 1 sees it there is no difference but the program itself.
  container.file(path, e2e::read_file(program), 0755);
  Arguments command = row.command;
  std::replace(command.begin(), command.end(), std::string("@"), path);
  e2e::Options options = row.options;
  for (const char* directory : {"/lib:/lib", "/lib64:/lib64"}) options.volumes.emplace_back(directory);
  container.start(command, options);
  if (row.script) row.script(container);
  const e2e::End end = container.wait_exit();
  const std::string log = normalize(row.log_file.empty() ? container.log() : container.read_shared(row.log_file));
  return {end.code, row.in_any_order ? sort_lines(log) : log};
}

std::string path_of(const std::string& original) {
  return "/drop/" + std::filesystem::path(original).filename().string();
}

void check(const Row& row, const Outcome& original, const Outcome& ours) {
  INFO("row: ", row.name);
  if (row.difference.empty()) {
    CHECK(original.code == ours.code);
    CHECK(original.log == ours.log);
    return;
  }
  const Difference& difference = row.difference.front();
  INFO("on purpose: ", difference.reason);
  CHECK(original.code == difference.original.code);
  CHECK(original.log == difference.original.log);
  CHECK(ours.code == difference.ours.code);
  CHECK(ours.log == difference.ours.log);
  const bool same = original.code == ours.code && original.log == ours.log;
  CHECK_MESSAGE(!same, "there is no difference any more");
}

}  // namespace

std::string sort_lines(const std::string& text) {
  std::multiset<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.insert(line + "\n");
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

Outcome run_original(const std::string& original, const Row& row) { return run(original, path_of(original), row); }

Outcome run_ours(const std::string& original, const Row& row) {
  return run(std::getenv("CINIT_BINARY"), path_of(original), row);
}

void hide_libc_signals(std::string& log) {
  constexpr std::string_view kKey = "SigIgn:\t";
  constexpr unsigned long long kLibcSignals = 0x180000000;
  for (std::size_t at = log.find(kKey); at != std::string::npos; at = log.find(kKey, at + 1)) {
    std::ostringstream digits;
    digits << std::hex << std::setw(16) << std::setfill('0')
           << (std::stoull(log.substr(at + kKey.size(), 16), nullptr, 16) & ~kLibcSignals);
    log.replace(at + kKey.size(), 16, digits.str());
  }
}

void compare(const std::string& original, const std::vector<Row>& rows) {
  REQUIRE_MESSAGE(std::filesystem::exists(original), original, " is not installed");
  for (const Row& row : rows) {
    CAPTURE(row.name);
    check(row, run_original(original, row), run_ours(original, row));
  }
}

std::function<void(Container&)> send(const std::vector<int>& signals, int last) {
  return [=](Container& container) {
    container.wait_for("ready");
    int markers = 0;
    for (const int signal : signals) {
      container.signal(signal);
      container.signal(kMarker);
      container.wait_for("got 64 (" + std::to_string(++markers) + " times)");
    }
    container.signal(last);
  };
}

Arguments script(const std::string& text) { return {"sh", "-c", text, "@"}; }

e2e::Options env(const std::map<std::string, std::string>& variables) { return {.env = variables}; }

void interrupt(Container& container) {
  container.wait_for("ready");
  container.write("\x03");
  container.wait_for("got 2");
  container.signal(SIGUSR2);  // whatever else the terminal sent has been told of before
  container.wait_for("got 12");
  container.signal(SIGTERM);
}

std::function<void(Container&)> stop_pair(int reached) {
  return [=](Container& container) {
    container.wait_for("ready", 2);
    container.signal(SIGUSR1);
    container.wait_for("got 10", reached);
    container.signal(SIGTERM);
  };
}

void hang_up(Container& container) {
  container.wait_until([&] { return container.read_shared("log").find("ready") != std::string::npos; }, "ready");
  container.close_input();
}

std::function<void(Container&)> suspend_and_resume(int signal) {
  return [=](Container& container) {
    container.wait_for("ready");
    container.signal(signal);
    container.wait_until([&] { return container.processes().back().state == 'T'; }, "the program is suspended");
    container.signal(SIGCONT);
    container.wait_until([&] { return container.processes().back().state == 'S'; }, "the program goes on");
    container.signal(SIGTERM);
  };
}

std::vector<int> all_signals(const std::vector<int>& without) {
  std::vector<int> signals;
  for (int signal = 1; signal < kMarker; ++signal) {
    const bool special = signal == SIGKILL || signal == SIGSTOP;
    if (!special && std::find(without.begin(), without.end(), signal) == without.end()) signals.push_back(signal);
  }
  return signals;
}

}  // namespace cinit::dropin_test

#include "transcript.hpp"

#include <doctest/doctest.h>

#include <exception>
#include <filesystem>
#include <future>
#include <memory>
#include <numeric>
#include <semaphore>
#include <set>
#include <sstream>
#include <stdexcept>

#include "comparison.hpp"
#include "spawn.hpp"

namespace cinit::transcript_test {

using namespace std::chrono_literals;

namespace {

constexpr e2e::Clock::duration kShortly = 20ms;

// Most of the time both programs wait.
constexpr std::ptrdiff_t kMostContainers = 8;
std::counting_semaphore<kMostContainers> places(kMostContainers);

std::string sort_lines(const std::string& text) {
  std::multiset<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.insert(line + "\n");
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

// How it went; `failure`: why it did not come to its end.
struct Outcome {
  std::string transcript;
  std::string failure;
};

Outcome run_when_there_is_room(Program program, const Trial& trial) {
  places.acquire();
  const std::unique_ptr<void, void (*)(void*)> release(&places, [](void*) { places.release(); });
  Outcome outcome;
  try {
    trial.run(program, outcome.transcript);
  } catch (const std::exception& error) {
    outcome.failure = error.what();
  }
  return outcome;
}

bool replace(std::string& text, const std::string& part, const std::string& by) {
  const std::size_t at = text.find(part);
  if (at == std::string::npos) return false;
  text.replace(at, part.size(), by);
  return true;
}

void check(const std::string& name, const Trial& trial, Outcome original, Outcome ours) {
  INFO("row: ", trial.name);
  CHECK_MESSAGE(original.failure.empty(), name, ": ", original.failure, "\nafter\n", original.transcript);
  CHECK_MESSAGE(ours.failure.empty(), "cinit: ", ours.failure, "\nafter\n", ours.transcript);
  if (!original.failure.empty() || !ours.failure.empty()) return;
  for (const Difference& difference : trial.differences) {
    INFO("on purpose: ", difference.reason);
    CHECK_MESSAGE(difference.original != difference.ours, "this is no difference");
    const std::string mark = "[" + difference.reason + "]\n";
    CHECK_MESSAGE(replace(original.transcript, difference.original, mark), "not so: ", name, "\n", original.transcript);
    CHECK_MESSAGE(replace(ours.transcript, difference.ours, mark), "not so: cinit\n", ours.transcript);
  }
  const bool same = original.transcript == ours.transcript;
  CHECK_MESSAGE(same, name, ":\n", original.transcript, "cinit:\n", ours.transcript);
}

}  // namespace

File script(const std::string& path, const std::string& body) { return {path, "#!/bin/sh\n" + body + "\n", 0755}; }
File empty(const std::string& path) { return {path, ""}; }
File link_to(const std::string& path, const std::string& target) { return {path, target, 0, true}; }

void install(Container& container, const Tree& tree, const std::string& services) {
  for (const File& file : tree) {
    const std::string path = file.path.starts_with('/') ? file.path : services + "/" + file.path;
    file.is_link ? container.link(file.text, path) : container.file(path, file.text, file.mode);
  }
}

void install_programs(Container& container, std::span<const char* const> names) {
  for (const std::string name : names) {
    const std::string path = "/usr/bin/" + name;
    if (!std::filesystem::exists(path)) throw std::runtime_error(name + " is not installed");
    container.file(path, e2e::read_file(path), 0755);
  }
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

void Session::run(const std::string& line) {
  const e2e::Output output = container_.exec({"sh", "-c", line});
  say("$ " + line + "\n" + normalize(output.text) + "exit " + std::to_string(output.code));
}

void Session::show(const std::string& path) {
  std::string text = container_.read(path);
  dropin_test::hide_libc_signals(text);
  say(path + ":\n" + text);
}

void Session::show_sorted(const std::string& path) { say(path + ", sorted:\n" + sort_lines(container_.read(path))); }

void Session::await(const std::function<bool()>& condition, const std::string& what) {
  const e2e::Clock::time_point deadline = e2e::Clock::now() + kLimit;
  while (!condition()) {
    if (e2e::Clock::now() >= deadline) throw std::runtime_error("not in time: " + what + "\n" + container_.log());
    container_.watch_for(kShortly);
  }
}

void Session::await_text(const std::string& path, const std::string& text, int times) {
  await([&] { return count(container_.read(path), text) >= times; }, text + " in " + path);
}

void Session::await_success(const std::string& line) {
  await([&] { return container_.exec({"sh", "-c", line}).code == 0; }, line);
}

void compare_transcripts(const std::string& original, const std::vector<Trial>& trials) {
  struct Pending {
    std::future<Outcome> original;
    std::future<Outcome> ours;
  };
  const auto begin = [](Program program, const Trial& trial) {
    return std::async(std::launch::async, run_when_there_is_room, program, std::cref(trial));
  };
  std::vector<Pending> all;
  for (const Trial& trial : trials) all.push_back({begin(Program::Original, trial), begin(Program::Ours, trial)});
  for (std::size_t i = 0; i < trials.size(); ++i) {
    check(original, trials[i], all[i].original.get(), all[i].ours.get());
  }
}

}  // namespace cinit::transcript_test

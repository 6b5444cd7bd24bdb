#include "rows.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <list>

namespace cinit::reliability {

namespace {

struct Running {
  const Row* row;
  pid_t pid;
  int pipe;
  Clock::time_point since;
  std::string text;
  bool killed = false;
};

Outcome run_guarded(const Setting& setting, const Row& row) {
  try {
    Setting patient = setting;
    Outcome outcome;
    for (const double patience : {1.0, 3.0, 8.0}) {
      patient.slowness = setting.slowness * patience;
      outcome = row.run(patient);
      if (outcome.late == 0 || outcome.late < outcome.failures.size()) break;
    }
    return outcome;
  } catch (const std::exception& error) {
    Outcome outcome;
    outcome.fail(std::string("the row itself could not be run: ") + error.what());
    return outcome;
  }
}

Running begin(const Setting& setting, const Row& row) {
  std::array<int, 2> ends{};
  checked(pipe2(ends.data(), O_CLOEXEC), "pipe2");
  const pid_t parent = getpid();
  const pid_t pid = static_cast<pid_t>(checked(fork(), "fork"));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    signal(SIGPIPE, SIG_IGN);
    const std::string text = to_text(run_guarded(setting, row));
    std::size_t written = 0;
    while (written < text.size()) {
      const ssize_t length = write(ends[1], text.data() + written, text.size() - written);
      if (length <= 0) _exit(1);
      written += static_cast<std::size_t>(length);
    }
    _exit(0);
  }
  close(ends[1]);
  return {&row, pid, ends[0], Clock::now(), {}, false};
}

// True when the row has said everything.
bool read_some(Running& running) {
  std::array<char, 65536> buffer{};
  const ssize_t length = read(running.pipe, buffer.data(), buffer.size());
  if (length > 0) running.text.append(buffer.data(), static_cast<std::size_t>(length));
  return length == 0;
}

Result finish(Running& running) {
  close(running.pipe);
  waitpid(running.pid, nullptr, 0);
  Result result{running.row, outcome_from(running.text), Clock::now() - running.since};
  if (running.killed) result.outcome.fail("the row did not come to its end in time");
  return result;
}

void kill_late(std::vector<Running>& all) {
  for (Running& running : all) {
    if (running.killed || Clock::now() - running.since < running.row->limit) continue;
    kill(running.pid, SIGKILL);  // its container ends with it
    running.killed = true;
  }
}

}  // namespace

std::vector<Result> run_rows(const Setting& setting, const std::vector<Row>& rows, int capacity,
                             Clock::time_point deadline, const std::function<void(const Result&)>& tell) {
  std::vector<Result> results;
  std::vector<Running> running;
  std::list<const Row*> waiting;
  for (const Row& row : rows) waiting.push_back(&row);
  int used = 0;
  while (!waiting.empty() || !running.empty()) {
    if (Clock::now() >= deadline) waiting.remove_if([](const Row* row) { return row->may_be_left_out; });
    // The first that fits: light rows go beside heavy ones.
    for (auto row = waiting.begin(); row != waiting.end() && used < capacity;) {
      if (used > 0 && used + (*row)->weight > capacity) {
        ++row;
        continue;
      }
      running.push_back(begin(setting, **row));
      used += (*row)->weight;
      row = waiting.erase(row);
    }
    std::vector<pollfd> polled;
    for (const Running& one : running) polled.push_back({one.pipe, POLLIN, 0});
    poll(polled.data(), polled.size(), 100);
    for (std::size_t i = running.size(); i-- > 0;) {
      if (polled[i].revents == 0 || !read_some(running[i])) continue;
      results.push_back(finish(running[i]));
      used -= running[i].row->weight;
      tell(results.back());
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    }
    kill_late(running);
  }
  return results;
}

}  // namespace cinit::reliability

// The net for the next faults of PID 1: see README.md.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <random>

#include "rows.hpp"
#include "story.hpp"

namespace cinit::reliability {

namespace {

constexpr const char* kUsage =
    "usage: cinit_reliability --cinit FILE --app FILE [--soak] [--only PART] [--row TEXT] [--seed N] [--seconds N]\n"
    "                         [--failed-once FILE] [--known FILE] [--evidence DIRECTORY] [--list]\n"
    "\n"
    "Parts: faults, command, outputs, floods, adversary, traps, kernels. --row selects the rows whose name holds "
    "TEXT.\n";

struct Options {
  std::string cinit, app, only, row, failed_once, known, evidence;
  std::optional<std::uint64_t> seed;  // by default 1; with --soak another one each time
  int seconds = 0;
  bool soak = false;
  bool list = false;
};

std::optional<Options> parse(char** arguments) {
  Options options;
  for (char** at = arguments; *at != nullptr; ++at) {
    const std::string word = *at;
    if (word == "--soak") {
      options.soak = true;
      continue;
    }
    if (word == "--list") {
      options.list = true;
      continue;
    }
    const char* const value = *++at;
    if (value == nullptr) return std::nullopt;
    if (word == "--cinit")
      options.cinit = value;
    else if (word == "--app")
      options.app = value;
    else if (word == "--only")
      options.only = value;
    else if (word == "--row")
      options.row = value;
    else if (word == "--failed-once")
      options.failed_once = value;
    else if (word == "--known")
      options.known = value;
    else if (word == "--evidence")
      options.evidence = value;
    else if (word == "--seed")
      options.seed = std::strtoull(value, nullptr, 10);
    else if (word == "--seconds")
      options.seconds = std::atoi(value);
    else
      return std::nullopt;
  }
  if (options.cinit.empty() || options.app.empty()) return std::nullopt;
  return options;
}

// How much slower than an idle machine this one is: an ordinary story takes about 1.2 s to its end, most of which it waits.
double measure_slowness(const Setting& setting) {
  Setting patient{setting.workshop};
  patient.slowness = 20;
  const Clock::time_point begin = Clock::now();
  live(patient, {});
  return std::clamp(milliseconds(Clock::now() - begin) / 1300, 1.0, 10.0);
}

std::vector<Row> all_rows(const Setting& setting, const Options& options, const Strings& failed_once) {
  std::vector<Row> rows;
  const auto add = [&](const char* part, const std::function<std::vector<Row>()>& make) {
    if (!options.only.empty() && options.only != part) return;
    for (Row& row : make()) {
      if (row.name.find(options.row) != std::string::npos) rows.push_back(std::move(row));
    }
  };
  add("adversary", [&] { return adversary_rows(setting); });
  add("floods", flood_rows);
  add("traps", trap_rows);
  add("outputs", output_rows);
  add("kernels", kernel_rows);
  add("command", [&] { return command_rows(setting); });
  add("faults", [&] { return fault_rows(setting, failed_once); });
  return rows;
}

// A fault that is known and not mended yet: a line "PART | TEXT OF THE ROW | TEXT OF THE FAILURE" of the file for --known.
struct KnownFault {
  std::string part, row, failure;
};

std::vector<KnownFault> read_known(const std::string& file) {
  std::vector<KnownFault> known;
  for (const std::string& line : split_lines(read_file(file))) {
    const std::size_t first = line.find(" | ");
    const std::size_t second = first == std::string::npos ? first : line.find(" | ", first + 3);
    if (second == std::string::npos || line.front() == '#') continue;
    known.push_back({line.substr(0, first), line.substr(first + 3, second - first - 3), line.substr(second + 3)});
  }
  return known;
}

// Whether each failure of the row is one of these.
bool is_known(const Result& result, const std::vector<KnownFault>& known) {
  return std::ranges::all_of(result.outcome.failures, [&](const std::string& failure) {
    return std::ranges::any_of(known, [&](const KnownFault& fault) {
      return fault.part == result.row->part && result.row->name.find(fault.row) != std::string::npos &&
             failure.find(fault.failure) != std::string::npos;
    });
  });
}

struct Line {
  int thrown = 0;
  int failed = 0;
  Strings notes;
};

void print_table(const std::vector<Row>& rows, const std::vector<Result>& results) {
  std::map<std::pair<std::string, std::string>, Line> lines;
  std::map<std::string, Line> parts;
  std::map<std::string, std::size_t> planned;
  for (const Row& row : rows) ++planned[row.part];
  for (const Result& result : results) {
    for (Line* line : {&lines[{result.row->part, result.row->group}], &parts[result.row->part]}) {
      ++line->thrown;
      line->failed += result.outcome.failures.empty() ? 0 : 1;
      line->notes = line->thrown == 1 ? result.outcome.notes : Strings{};  // figures of one row only
    }
  }
  std::printf("\n%-10s %-44s %7s %7s  %s\n", "part", "what was thrown", "times", "failed", "");
  for (const auto& [key, line] : lines) {
    std::string notes;
    if (key.first != "faults") {
      for (const std::string& note : line.notes) notes += (notes.empty() ? "" : ", ") + note;
    }
    std::printf("%-10s %-44s %7d %7d  %s\n", key.first.c_str(), key.second.c_str(), line.thrown, line.failed,
                notes.c_str());
  }
  std::printf("\n");
  for (const auto& [part, line] : parts) {
    std::printf("%-10s %d of %zu rows, %d failed\n", part.c_str(), line.thrown, planned[part], line.failed);
  }
}

void keep_evidence(const std::string& directory, const Result& result, int number) {
  if (directory.empty()) return;
  std::string text = result.row->part + ": " + result.row->name + "\n";
  for (const std::string& failure : result.outcome.failures) text += "FAILED: " + failure + "\n";
  write_file(directory + "/" + std::to_string(number) + ".txt", text + "\n" + result.outcome.evidence);
}

int run(const Options& options) {
  const Clock::time_point begin = Clock::now();
  Workshop workshop(options.cinit, options.app);
  Setting setting{workshop, options.seed.value_or(options.soak ? std::random_device{}() : 1), options.soak};
  setting.slowness = measure_slowness(setting);
  std::printf("seed %llu, slowness %.1f\n", static_cast<unsigned long long>(setting.seed), setting.slowness);
  const std::vector<Row> rows = all_rows(setting, options, split_lines(read_file(options.failed_once)));
  if (options.list) {
    for (const Row& row : rows) std::printf("%s: %s\n", row.part.c_str(), row.name.c_str());
    return 0;
  }
  const int seconds = options.seconds != 0 ? options.seconds : options.soak ? 3300 : 270;
  const int capacity = 4 * static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  const std::vector<KnownFault> known = options.known.empty() ? std::vector<KnownFault>{} : read_known(options.known);
  int failed = 0;
  int known_failed = 0;
  int kept = 0;
  const auto tell = [&](const Result& result) {
    // Of rows that somebody has chosen everything is of interest.
    if (!result.outcome.failures.empty() || !options.row.empty()) keep_evidence(options.evidence, result, ++kept);
    if (result.outcome.failures.empty()) return;
    const bool expected = is_known(result, known);
    ++(expected ? known_failed : failed);
    std::printf("%s %s: %s\n", expected ? "KNOWN " : "FAILED", result.row->part.c_str(), result.row->name.c_str());
    for (const std::string& failure : result.outcome.failures) std::printf("       %s\n", failure.c_str());
    std::fflush(stdout);
  };
  const auto results = run_rows(setting, rows, capacity, begin + std::chrono::seconds(seconds), tell);
  print_table(rows, results);
  std::printf("%.0f s, seed %llu\n", milliseconds(Clock::now() - begin) / 1000,
              static_cast<unsigned long long>(setting.seed));
  if (known_failed > 0)
    std::printf("%d rows failed by faults that are known: %s\n", known_failed, options.known.c_str());
  if (failed > 0) {
    std::printf("\n%d rows failed. One of them again: tests/reliability/run --seed %llu --only PART --row NAME\n",
                failed, static_cast<unsigned long long>(setting.seed));
  }
  return failed > 0 ? 1 : 0;
}

}  // namespace

}  // namespace cinit::reliability

int main(int, char** arguments) {
  using namespace cinit::reliability;
  const auto options = parse(arguments + 1);
  if (!options) {
    std::fputs(kUsage, stderr);
    return 64;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    return run(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cinit_reliability: %s\n", error.what());
    return 2;
  }
}

// Two programs in one. "count" has the counted figures of cinit, beside those of tini, held against the budgets of a file: see
// tests/bench/check. "times" measures what takes time, beside other programs: see tests/bench/run.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

#include "box.hpp"
#include "counter.hpp"
#include "libraries.hpp"
#include "report.hpp"
#include "text.hpp"
#include "times.hpp"

using namespace cinit::bench;
using namespace cinit::reliability;
using namespace std::chrono_literals;

namespace {

constexpr auto kLimit = 60s;
constexpr const char* kEveryServiceIsReady = "every service is ready";

// By their names in the file of budgets.
using Figures = std::map<std::string, double>;

struct Memory {
  double resident = 0;  // KB
  double own = 0;       // KB: no page of a file
};

Memory memory_of(pid_t pid) {
  Memory memory;
  for (const std::string& line : split_lines(read_file("/proc/" + std::to_string(pid) + "/smaps_rollup"))) {
    if (line.starts_with("Rss:")) memory.resident = std::atof(line.c_str() + 4);
    if (line.starts_with("Anonymous:")) memory.own = std::atof(line.c_str() + 10);
  }
  return memory;
}

void await(Box& box, const std::string& what, const std::function<bool()>& condition) {
  if (!wait_until(condition, kLimit)) throw std::runtime_error("not in time: " + what + "\n" + box.log());
}

// ---- One command

// How a program is called as PID 1, and what else the image holds.
struct Case {
  std::string name;
  std::string program;  // on this machine
  std::string path;     // in the container
  Strings arguments;
  std::function<void(Box&)> fill;
};

std::vector<Case> cases(const std::string& cinit, const std::string& tini) {
  const auto packaged = [](Box& box) {
    box.file("/etc/sysctl.conf", "# Kernel parameters\n#\n\n#net.ipv4.ip_forward=1\n   ; nothing\n");
    for (const char* directory : {"/etc/service", "/etc/my_init.d", "/etc/cinit.d"}) box.directory(directory, 0);
  };
  return {{"tini", cinit, "/bin/tini", {"--"}, nullptr},
          {"command", cinit, "/sbin/cinit", {"--"}, nullptr},
          {"command in a packaged image", cinit, "/sbin/cinit", {"--"}, packaged},
          {"Debian's tini-static", tini, "/bin/tini", {"--"}, nullptr}};
}

BoxOptions prepare(Box& box, const Case& one) {
  box.file(one.path, read_file(one.program), 0755);
  if (one.fill) one.fill(box);
  BoxOptions options;
  options.command = {one.path};
  options.command.insert(options.command.end(), one.arguments.begin(), one.arguments.end());
  options.command.push_back("/bin/app");
  return options;
}

Count count_start(Workshop& workshop, const Case& one) {
  Box box(workshop);
  BoxOptions options = prepare(box, one);
  options.traced = true;
  box.start(options);
  Counter counter(box.pid());
  return counter.count_instructions_until_exec([&] { box.release(); });
}

// The program is at rest when its command is.
Memory memory_at_rest(Workshop& workshop, const Case& one) {
  Box box(workshop);
  box.start(prepare(box, one));
  await(box, "the command runs", [&] {
    const std::string children =
        read_file("/proc/" + std::to_string(box.pid()) + "/task/" + std::to_string(box.pid()) + "/children");
    return !children.empty() && read_file("/proc/" + std::to_string(std::atoi(children.c_str())) + "/comm") == "app\n";
  });
  return memory_of(box.pid());
}

void measure_one_command(Workshop& workshop, const Case& one, Figures& figures) {
  const Count count = count_start(workshop, one);
  const Memory memory = memory_at_rest(workshop, one);
  figures[one.name + ": instructions before the command"] = static_cast<double>(count.instructions);
  figures[one.name + ": system calls before the command"] = static_cast<double>(count.calls);
  figures[one.name + ": resident memory, KB"] = memory.resident;
  figures[one.name + ": memory of its own, KB"] = memory.own;
}

// ---- Services

void fill(Box& box, int services) {
  std::ostringstream text;
  for (int i = 0; i < services; ++i) text << "[service.s" << i << "]\ncommand = [\"/bin/app\"]\n";
  box.file("/etc/cinit.toml", text.str());
}

struct ServiceCalls {
  double start = 0;
  double stop = 0;
};

ServiceCalls count_services(Workshop& workshop, int services) {
  Box box(workshop);
  fill(box, services);
  BoxOptions options;
  options.traced = true;
  box.start(options);
  Counter counter(box.pid());
  const Count start = counter.count_calls([&] { box.release(); },
                                          [&] { return box.log().find(kEveryServiceIsReady) != std::string::npos; });
  const Count stop = counter.count_calls([&] { box.signal(SIGTERM); }, [&] { return box.log(), counter.has_ended(); });
  if (start.calls == 0 || !counter.has_ended()) throw std::runtime_error("it ended in its own way\n" + box.log());
  return {static_cast<double>(start.calls), static_cast<double>(stop.calls)};
}

Memory memory_of_services(Workshop& workshop, int services) {
  Box box(workshop);
  fill(box, services);
  box.start({});
  await(box, "every service is ready", [&] { return box.log().find(kEveryServiceIsReady) != std::string::npos; });
  return memory_of(box.pid());
}

void measure_services(Workshop& workshop, Figures& figures) {
  constexpr int kFew = 10;
  constexpr int kMany = 110;
  const ServiceCalls few = count_services(workshop, kFew);
  const ServiceCalls many = count_services(workshop, kMany);
  figures["services: system calls to start one more"] = (many.start - few.start) / (kMany - kFew);
  figures["services: system calls to stop one more"] = (many.stop - few.stop) / (kMany - kFew);
  const Memory at_100 = memory_of_services(workshop, 100);
  const Memory at_600 = memory_of_services(workshop, 600);
  figures["services: memory of its own at 100, KB"] = at_100.own;
  figures["services: memory of its own for one more, KB"] = (at_600.own - at_100.own) / 500;
}

// ---- Budgets

// Lines of "LIMIT NAME"; "#" begins a comment.
std::map<std::string, double> read_budgets(const std::string& path) {
  std::map<std::string, double> budgets;
  for (const std::string& line : split_lines(read_file(path))) {
    std::istringstream words(line);
    double limit = 0;
    std::string name;
    if (line.empty() || line.front() == '#') continue;
    if (!(words >> limit) || !std::getline(words >> std::ws, name)) throw std::runtime_error(path + ": " + line);
    budgets[name] = limit;
  }
  if (budgets.empty()) throw std::runtime_error(path + " has no budgets");
  return budgets;
}

// Prints all figures. Returns false when one is above its budget, or a budget is for nothing.
bool report(const Figures& figures, std::map<std::string, double> budgets) {
  bool good = true;
  std::printf("%12s %10s\n", "figure", "budget");
  for (const auto& [name, value] : figures) {
    const auto budget = budgets.find(name);
    if (budget == budgets.end()) {
      std::printf("%12.1f %10s  %s\n", value, "-", name.c_str());
      continue;
    }
    const bool is_over = value > budget->second;
    std::printf("%12.1f %10g  %s%s\n", value, budget->second, name.c_str(), is_over ? "   <- above its budget" : "");
    good = good && !is_over;
    budgets.erase(budget);
  }
  for (const auto& [name, limit] : budgets) std::printf("no such figure: %s\n", name.c_str());
  return good && budgets.empty();
}

int count(const std::string& cinit, const std::string& app, const std::string& tini, const std::string& budgets) {
  Workshop workshop(cinit, app);
  Figures figures;
  figures["size of the binary, KB"] = static_cast<double>(std::filesystem::file_size(cinit)) / 1024;
  for (const Case& one : cases(cinit, tini)) measure_one_command(workshop, one, figures);
  measure_services(workshop, figures);
  return report(figures, read_budgets(budgets)) ? 0 : 1;
}

// ---- Times

// What a dynamic program is linked with, into the root of all containers.
void copy_libraries(const Workshop& workshop, const std::string& program) {
  for (const std::string& library : cinit::e2e::libraries_of(program)) {
    write_file(workshop.base() + library, read_file(library), 0755);
  }
}

std::vector<Program> programs(const std::string& cinit, const std::string& floors) {
  return {{"cinit, as tini", cinit, "/bin/tini", {"--"}},
          {"cinit -- COMMAND", cinit, "/sbin/cinit", {"--"}},
          {"tini-static", "/usr/bin/tini-static", "/bin/tini-static", {"--"}},
          {"tini", "/usr/bin/tini", "/bin/tini", {"--"}},
          {"dumb-init", "/usr/bin/dumb-init", "/bin/dumb-init", {"--"}},
          {"catatonit", "/usr/bin/catatonit", "/bin/catatonit", {"--"}},
          {"floor, glibc", floors + "/cinit_floor_glibc", "/bin/floor", {}},
          {"floor, musl", floors + "/cinit_floor_musl", "/bin/floor", {}},
          {"floor, no libc", floors + "/cinit_floor", "/bin/floor", {}}};
}

int times(const std::string& cinit, const std::string& app, const std::string& floors, const std::string& results,
          int runs) {
  Workshop workshop(cinit, app);
  TimesRequest request{programs(cinit, floors), cinit, floors + "/cinit_floor", runs};
  for (const Program& program : request.programs) copy_libraries(workshop, program.file);
  const std::vector<Sample> samples = measure_times(workshop, request);
  write_file(results + "/times.json", json(samples));
  write_file(results + "/start.svg", picture(samples, "1 start of one command, us"));
  write_file(results + "/services.svg", picture(samples, "5 start of 1000 services, ms"));
  std::fputs(table(samples, "tini-static").c_str(), stdout);
  return 0;
}

}  // namespace

int main(int count_of_words, char** words) {
  const std::vector<std::string> arguments(words + 1, words + count_of_words);
  try {
    if (arguments.size() == 5 && arguments[0] == "count")
      return count(arguments[1], arguments[2], arguments[3], arguments[4]);
    if (arguments.size() == 6 && arguments[0] == "times") {
      return times(arguments[1], arguments[2], arguments[3], arguments[4], std::atoi(arguments[5].c_str()));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tests/bench: %s\n", error.what());
    return 1;
  }
  std::fputs(
      "usage: cinit_bench count CINIT APP TINI BUDGETS\n"
      "       cinit_bench times CINIT APP FLOORS RESULTS RUNS\n",
      stderr);
  return 64;
}

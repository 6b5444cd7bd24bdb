#include "runit_comparison.hpp"

#include <exception>
#include <regex>
#include <stdexcept>

namespace cinit::runit_test {
namespace {

using transcript_test::Program;

constexpr char kServices[] = "/etc/service";
const char* const kPrograms[] = {"runsvdir", "runsv", "sv", "svlogd", "chpst"};

void run(const Row& row, Program program, std::string& transcript) {
  Container container;
  transcript_test::install_programs(container, kPrograms);
  transcript_test::install(container, row.tree, kServices);
  e2e::Options options = row.options;
  for (const char* directory : {"/lib:/lib", "/lib64:/lib64"}) options.volumes.emplace_back(directory);
  const e2e::Arguments original{"runsvdir", "-P", kServices};
  container.start(program == Program::Original ? original : e2e::Arguments{"/sbin/cinit"}, options);
  Session session(container, transcript);
  row.script(session);
}

}  // namespace

// "run: web: (pid 12) 3s"
std::string Session::normalize(const std::string& text) const {
  const std::string without_pids = std::regex_replace(text, std::regex("\\(pid [0-9]+\\)"), "(pid N)");
  return std::regex_replace(without_pids, std::regex("([:)]) [0-9]+s"), "$1 Ns");
}

void Session::await(const std::string& service, const std::string& status) {
  std::string last;
  const auto is_said = [&] {
    return (last = normalize(container().exec({"sv", "status", service}).text)) == status + "\n";
  };
  try {
    transcript_test::Session::await(is_said, status);
  } catch (const std::exception& error) {
    throw std::runtime_error(error.what() + std::string("\nthe last one is ") + last);
  }
}

void compare(const std::vector<Row>& rows) {
  std::vector<transcript_test::Trial> trials;
  for (const Row& row : rows) {
    trials.push_back({row.name, row.differences,
                      [&row](Program program, std::string& transcript) { run(row, program, transcript); }});
  }
  transcript_test::compare_transcripts("runit", trials);
}

}  // namespace cinit::runit_test

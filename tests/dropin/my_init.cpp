#include "my_init.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <regex>

namespace cinit::dropin_test {

namespace {

constexpr char kPath[] = "/sbin/my_init";

std::string shell_script(const std::string& body) { return "#!/bin/sh\n" + body + "\n"; }

// Numbers that differ from run to run.
std::string normalize(const std::string& log) {
  const std::string without_pids = std::regex_replace(log, std::regex("(PID|process) [0-9]+"), "$1 N");
  return std::regex_replace(without_pids, std::regex("[0-9.]+ ms"), "N ms");
}

Outcome run(const MyInitRow& row) {
  Container container;
  container.link("cinit", kPath);
  for (const Part& part : row.image) part(container);
  Arguments command = row.command;
  std::replace(command.begin(), command.end(), std::string("@"), std::string(kPath));
  container.start(command, row.options);
  if (row.script) row.script(container);
  const e2e::End end = container.wait_exit();
  const std::string log = normalize(container.log());
  return {end.code, row.in_any_order ? sort_lines(log) : log};
}

void check(const MyInitRow& row) {
  const auto in_order = [&](const std::string& log) { return row.in_any_order ? sort_lines(log) : log; };
  const Outcome ours = run(row);
  const Outcome& wanted = row.difference.empty() ? row.measured : row.difference.front().ours;
  INFO("on purpose: ", row.difference.empty() ? "nothing differs" : row.difference.front().reason);
  CHECK(ours.code == wanted.code);
  CHECK(ours.log == in_order(wanted.log));
  const bool same = wanted.code == row.measured.code && in_order(wanted.log) == in_order(row.measured.log);
  CHECK_MESSAGE(same == row.difference.empty(), "there is no difference");
}

}  // namespace

Part file(const std::string& path, const std::string& text, int mode) {
  return [=](Container& container) { container.file(path, text, mode); };
}

Part program(const std::string& path, const std::string& body) { return file(path, shell_script(body), 0755); }

Part hook(const std::string& name, const std::string& body) { return program("/etc/my_init.d/" + name, body); }

Part service(const std::string& name, const std::string& body) {
  return program("/etc/service/" + name + "/run", body);
}

Part variable(const std::string& name, const std::string& value) {
  return file("/etc/container_environment/" + name, value);
}

Part environment_directory() {
  return [](Container& container) {
    container.file("/etc/container_environment/x", "").remove("/etc/container_environment/x");
  };
}

void compare(const std::vector<MyInitRow>& rows) {
  for (const MyInitRow& row : rows) {
    INFO("row: ", row.name);
    check(row);
  }
}

std::function<void(Container&)> signal_after(const std::string& text, int signal) {
  return [=](Container& container) {
    container.wait_for(text);
    container.signal(signal);
  };
}

std::function<void(Container&)> go_after(const std::string& text) {
  return [=](Container& container) {
    container.wait_for(text);
    container.exec({"touch", "/tmp/go"});
  };
}

}  // namespace cinit::dropin_test

// What clients ask on the control socket: one line.
#include <array>

#include "control/arguments.hpp"
#include "control/protocol.hpp"
#include "control/select.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

const core::Plan& plan() {
  static const core::Plan the_plan = [] {
    config::Config config;
    for (const char* name : {"db", "web", "web-1", "web/log"}) {
      config::Service& service = config.services.emplace_back();
      service.name = name;
      service.command = {"run"};
    }
    return std::get<core::Plan>(core::make_plan(config, {{"main"}, {}}));
  }();
  return the_plan;
}

void check_select(const std::vector<std::string>& patterns) {
  for (const control::Among among : {control::Among::All, control::Among::Controllable}) {
    const auto chosen = control::select(plan(), patterns, among);
    if (!chosen) {
      require(is_one_line(chosen.error().message), "an error is one line", chosen.error().message);
      continue;
    }
    require(!chosen->empty(), "every pattern stands for something");
    for (const core::ServiceId id : *chosen) require(index_of(id) < plan().services.size(), "a service is in the plan");
  }
}

}  // namespace

void take_control_request(std::string_view input) {
  const std::string_view line = input.substr(0, input.find('\n'));
  const Result<control::Request> request = control::parse_request(line);
  if (!request) {
    require(is_one_line(request.error().message), "an error is one line", request.error().message);
    return;
  }
  const Result<std::string> again = control::format_request(*request);
  if (line.size() < control::kLongestRequest) {
    require(again && *again == std::string(line) + "\n", "a request can be said again", line);
  }
  namespace table = control::table;
  constexpr std::array kAll{table::kStatus[0], table::kAsk[0], table::kSignal[0], table::kLogs[0], table::kLogs[1]};
  const auto arguments = control::parse_arguments(request->words, kAll);
  if (arguments) {
    check_select(arguments->words);
  } else {
    require(is_one_line(arguments.error().message), "an error is one line", arguments.error().message);
  }
}

}  // namespace cinit::fuzz

#include "control/commander.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "base/nearest.hpp"
#include "base/utf8.hpp"
#include "control/render.hpp"
#include "control/select.hpp"

namespace cinit::control {

namespace {

constexpr std::string_view kNoName =
    "the name of a service is missing; '*' stands for all of them. `cinit shutdown` ends the container, as docker stop "
    "does";
constexpr std::string_view kTooManyWait = "too many wait for an answer at once";

}  // namespace

struct Commander::CommandEntry {
  std::string_view name;
  Code (Commander::*run)(ClientId, const Arguments&);
};

constexpr Commander::CommandEntry Commander::kEntries[] = {
    {"status", &Commander::status},   {"start", &Commander::start},       {"stop", &Commander::stop},
    {"restart", &Commander::restart}, {"signal", &Commander::signal},     {"logs", &Commander::logs},
    {"health", &Commander::health},   {"shutdown", &Commander::shutdown},
};

void Commander::take(ClientId client, std::string_view line) {
  if (const Code code = run(client, line)) replies_.end(client, *code);
}

void Commander::forget(ClientId client) {
  pending_.erase(client);
  followers_.forget(client);
}

Commander::Code Commander::run(ClientId client, std::string_view line) {
  const Result<Request> request = parse_request(line);
  if (!request) return fail(client, request.error().message, exit_code::kUsage);
  const CommandRow* const row = find_command(request->command);
  const auto* const found = std::ranges::find(kEntries, request->command, &CommandEntry::name);
  if (row == nullptr || found == std::end(kEntries)) {
    return fail(client, "the cinit that runs here knows no command \"" + request->command + "\"", exit_code::kUsage);
  }
  const Result<Arguments> arguments = parse_arguments(request->words, row->options);
  if (!arguments) return fail(client, request->command + ": " + arguments.error().message, exit_code::kUsage);
  return (this->*found->run)(client, *arguments);
}

int Commander::fail(ClientId client, std::string_view message, int code) {
  replies_.err(client, "cinit: " + printable(message));
  return code;
}

// ---- Looking

ServiceView Commander::view_of(core::ServiceId service) const {
  const core::PlannedService& planned = host_.plan()[service];
  ServiceView view{planned.spec.name,
                   host_.plan().is_main(service),
                   host_.status(service),
                   host_.main_pid(service),
                   host_.trouble(service),
                   {},
                   {}};
  if (!std::holds_alternative<core::state::Waiting>(view.status.state)) return view;
  for (const core::ServiceId other : planned.waits_for) {
    if (holds_up(other)) view.waits_for.push_back(host_.plan()[other].spec.name);
  }
  return view;
}

// Only where it is shown: it is looked for.
ServiceView Commander::full_view_of(core::ServiceId service) const {
  ServiceView view = view_of(service);
  view.background = host_.background(service);
  return view;
}

// Who is started after it waits, as far as can be told: once it has been ready, nobody waits for it any more.
bool Commander::holds_up(core::ServiceId service) const {
  const core::ServiceStatus status = host_.status(service);
  return status.wanted && !status.is_ready() && !core::is_final(status.state);
}

Commander::Code Commander::status(ClientId client, const Arguments& arguments) {
  const auto services = select(host_.plan(), arguments.words, Among::All);
  if (!services) return fail(client, services.error().message, exit_code::kUsage);
  std::vector<ServiceView> views;
  for (const core::ServiceId service : *services) views.push_back(full_view_of(service));
  replies_.out(client,
               arguments.has(Option::Json) ? status_json(views, host_.now()) : status_table(views, host_.now()));
  const bool all_up = std::ranges::all_of(views, [](const ServiceView& view) { return view.status.is_ready(); });
  return arguments.words.empty() || all_up ? 0 : exit_code::kNotUp;
}

// One that is not wanted need not be up, unless it is asked for by name or has failed.
Commander::Code Commander::health(ClientId client, const Arguments& arguments) {
  const auto services = select(host_.plan(), arguments.words, Among::All);
  if (!services) return fail(client, services.error().message, exit_code::kUsage);
  if (host_.is_stopping()) return fail(client, "cinit is stopping", exit_code::kFailed);
  int code = 0;
  for (const core::ServiceId service : *services) {
    const ServiceView view = view_of(service);
    const bool has_failed = std::holds_alternative<core::state::Failed>(view.status.state);
    if (arguments.words.empty() && !view.status.wanted && !has_failed) continue;
    const std::string wrong = complaint(view, host_.now());
    if (wrong.empty()) continue;
    replies_.out(client, printable(view.name + ": " + wrong));
    code = exit_code::kFailed;
  }
  return code;
}

// ---- Asking

Commander::Code Commander::start(ClientId client, const Arguments& arguments) {
  return ask(client, arguments, core::Requested::What::Start);
}

Commander::Code Commander::stop(ClientId client, const Arguments& arguments) {
  return ask(client, arguments, core::Requested::What::Stop);
}

Commander::Code Commander::restart(ClientId client, const Arguments& arguments) {
  return ask(client, arguments, core::Requested::What::Restart);
}

Commander::Code Commander::ask(ClientId client, const Arguments& arguments, core::Requested::What what) {
  if (arguments.words.empty()) return fail(client, kNoName, exit_code::kUsage);
  const auto services = select(host_.plan(), arguments.words, Among::Controllable);
  if (!services) return fail(client, services.error().message, exit_code::kUsage);
  if (!arguments.has(Option::NoWait) && !has_place_for_lasting())
    return fail(client, kTooManyWait, exit_code::kTooMany);
  Pending pending;
  pending.what = what;
  // Before the first is asked for: others may come with it.
  for (const core::ServiceId service : *services) {
    const core::ServiceStatus status = host_.status(service);
    const config::Service& spec = host_.plan()[service].spec;
    const bool settles = !spec.ready && spec.type == config::ServiceType::Simple;
    pending.awaited.push_back({service, what, status.starts, is_reached(what, status), settles});
  }
  for (const core::ServiceId service : *services) {
    if (!host_.takes(what)) return fail(client, "cinit is stopping", exit_code::kFailed);
    host_.ask({service, what});
  }
  if (arguments.has(Option::NoWait)) return 0;
  if (arguments.expect_wait) replies_.wait(client);
  if (answer(client, pending)) return pending.code;
  pending_.insert_or_assign(client, std::move(pending));
  return std::nullopt;
}

// Tells what has come of it so far. True: that is all.
bool Commander::answer(ClientId client, Pending& pending) {
  const Time now = host_.now();
  std::erase_if(pending.awaited, [&](Awaited& awaited) {
    const ServiceView view = view_of(awaited.service);
    const std::optional<Outcome> outcome = outcome_of(awaited, view, now);
    if (!outcome) return false;
    if (outcome->reached) {
      replies_.out(client, printable(view.name + ": " + outcome->words));
    } else {
      pending.code = fail(client, view.name + ": " + outcome->words, exit_code::kFailed);
    }
    return true;
  });
  return pending.awaited.empty();
}

void Commander::progress() {
  for (auto entry = pending_.begin(); entry != pending_.end();) {
    auto& [client, pending] = *entry;
    const bool is_over = answer(client, pending);
    if (!is_over && host_.takes(pending.what)) {
      ++entry;
      continue;
    }
    replies_.end(client, is_over ? pending.code : fail(client, "cinit is stopping", exit_code::kFailed));
    entry = pending_.erase(entry);
  }
}

Time Commander::next_deadline() const {
  Time next = kNever;
  for (const auto& [client, pending] : pending_) {
    for (const Awaited& awaited : pending.awaited) {
      next = std::min(next, settled_at(awaited, host_.status(awaited.service)));
    }
  }
  return next;
}

void Commander::leave() {
  for (const auto& [client, pending] : std::exchange(pending_, {})) {
    replies_.end(client, fail(client, "cinit has ended", exit_code::kFailed));
  }
  followers_.leave();
}

// Only root and cinit's own user get this far.
Commander::Code Commander::shutdown(ClientId client, const Arguments& arguments) {
  constexpr unsigned kHighest = 255;
  std::optional<int> code;
  if (arguments.words.size() > 1) {
    return fail(client, "unexpected argument \"" + arguments.words[1] + "\"", exit_code::kUsage);
  }
  if (!arguments.words.empty()) {
    const std::string& word = arguments.words[0];
    unsigned number = 0;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || *rest != 0 || number > kHighest) {
      return fail(client, "\"" + word + "\" is not an exit code: 0 to 255", exit_code::kUsage);
    }
    code = static_cast<int>(number);
  }
  if (host_.is_stopping()) return fail(client, "cinit is stopping", exit_code::kFailed);
  host_.shut_down(code);
  replies_.out(client, "the container is stopping");
  return 0;
}

Commander::Code Commander::signal(ClientId client, const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.words;
  if (words.size() < 2) return fail(client, "a signal and the name of a service are needed", exit_code::kUsage);
  const std::optional<Signal> signal = parse_signal(words[0]);
  if (!signal) return fail(client, "unknown signal \"" + words[0] + "\"", exit_code::kUsage);
  const auto services = select(host_.plan(), std::span(words).subspan(1), Among::All);
  if (!services) return fail(client, services.error().message, exit_code::kUsage);
  int code = 0;
  for (const core::ServiceId service : *services) {
    if (host_.send_signal(service, *signal, arguments.has(Option::Group))) continue;
    code = fail(client, host_.plan()[service].spec.name + ": it has no process", exit_code::kFailed);
  }
  return code;
}

// ---- Reading along

namespace {

// How many lines at the beginning must be left out, so that the rest leaves room for what follows it.
std::size_t count_skipped(const std::vector<LogLine>& lines) {
  constexpr std::size_t kRoom = Replies::kMostPending / 2;
  constexpr std::size_t kFrame = 5;  // what a frame adds
  std::size_t size = 0;
  std::size_t first = lines.size();
  while (first > 0 && (size += lines[first - 1].text.size() + kFrame) <= kRoom) --first;
  return first;
}

}  // namespace

Commander::Code Commander::logs(ClientId client, const Arguments& arguments) {
  const auto services = select(host_.plan(), arguments.words, Among::All);
  if (!services) return fail(client, services.error().message, exit_code::kUsage);
  constexpr std::string_view kWayOut = "does not go through cinit: set log-prefix to \"name\" or \"json\" in [cinit]";
  std::map<core::ServiceId, std::string> captured;  // with what stands in front of its lines
  int code = 0;
  for (const core::ServiceId service : *services) {
    const std::string& name = host_.plan()[service].spec.name;
    if (host_.is_captured(service)) {
      captured.emplace(service, services->size() > 1 ? printable(name) + " | " : "");
    } else if (!arguments.words.empty()) {
      const bool is_main = host_.plan().is_main(service);
      constexpr std::string_view kOfMain = "is that of the main command, which writes to the container's log by itself";
      code = fail(client, name + ": its output " + std::string(is_main ? kOfMain : kWayOut), exit_code::kFailed);
    }
  }
  if (captured.empty()) {
    const std::string message = "the output of services " + std::string(kWayOut);
    return arguments.words.empty() ? fail(client, message, exit_code::kFailed) : code;
  }
  if (arguments.has(Option::Follow) && !has_place_for_lasting()) return fail(client, kTooManyWait, exit_code::kTooMany);
  if (arguments.expect_wait) replies_.wait(client);
  print_recent(client, captured, arguments.lines.value_or(SIZE_MAX));
  if (!arguments.has(Option::Follow)) return code;
  followers_.add(client, std::move(captured));
  return std::nullopt;
}

void Commander::print_recent(ClientId client, const std::map<core::ServiceId, std::string>& services,
                             std::size_t most) {
  std::vector<LogLine> lines;
  for (const auto& [service, prefix] : services) {
    for (LogLine& line : host_.recent_lines(service, most)) {
      line.text.insert(0, prefix);
      lines.push_back(std::move(line));
    }
  }
  std::ranges::sort(lines, {}, &LogLine::number);
  const std::size_t surplus = lines.size() - std::min(lines.size(), most);
  lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(surplus));
  const std::size_t skipped = count_skipped(lines);
  if (skipped > 0) {
    replies_.err(client, "cinit: " + std::to_string(skipped) + " older lines were skipped: too many for one answer");
  }
  for (const LogLine& line : std::span(lines).subspan(skipped)) replies_.out(client, line.text);
}

}  // namespace cinit::control

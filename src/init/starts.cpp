#include "init/starts.hpp"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "os/clock.hpp"

namespace cinit::init {
namespace {

// A start that takes longer than this waits for something else than a processor: it takes no room from the others.
constexpr Duration kSlow = std::chrono::milliseconds(100);

// How often to look at a start that the poller does not report.
constexpr Duration kLookAtStartAgain = std::chrono::milliseconds(50);

// More than a few at once for each processor make none of them faster: sched_getaffinity(2).
std::size_t most_at_once() {
  constexpr int kForEachProcessor = 4;
  cpu_set_t processors;
  const int count = sched_getaffinity(0, sizeof(processors), &processors) == 0 ? CPU_COUNT(&processors) : 1;
  return static_cast<std::size_t>(kForEachProcessor * std::max(count, 1));
}

bool is_for(const StartPurpose& purpose, core::ServiceId service, ChildKind kind) {
  return purpose.service == service && purpose.kind == kind;
}

}  // namespace

Starts::Starts(os::Poller& poller, std::uint64_t token_base, Children& children)
    : poller_(poller), token_base_(token_base), children_(children), most_at_once_(most_at_once()) {}

Starts::~Starts() {
  for (auto& [number, start] : under_way_) {
    static_cast<void>(start.setup.release());
    static_cast<void>(start.spawn.release());
  }
}

void Starts::begin(const StartPurpose& purpose, Prepare prepare) {
  waiting_.push_back({purpose, std::move(prepare), {}, nullptr, false});
  start_waiting();
}

bool Starts::has_room(Time now) const {
  const auto is_quick = [now](const auto& entry) { return now - entry.second.since < kSlow; };
  const auto count = std::count_if(under_way_.begin(), under_way_.end(), is_quick) +
                     std::count_if(reading_.begin(), reading_.end(), is_quick);
  return static_cast<std::size_t>(count) < most_at_once_;
}

void Starts::start_waiting() {
  while (!waiting_.empty() && has_room(os::now())) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    next.since = os::now();
    start(std::move(next));
  }
}

void Starts::start(Waiting waiting) {
  Launcher::Prepared prepared = waiting.prepare(std::move(waiting.files));
  if (auto* files = std::get_if<Launcher::Files>(&prepared)) {
    waiting.files = std::move(*files);
    return watch_files(reading_.emplace(++last_number_, std::move(waiting)).first);
  }
  if (auto* failure = std::get_if<core::StartFailure>(&prepared)) {
    results_.push_back({waiting.purpose, 0, std::move(*failure)});
    return;
  }
  auto& setup = *std::get_if<std::unique_ptr<LaunchSetup>>(&prepared);
  auto spawn = std::make_unique<os::PendingSpawn>(setup->child());
  const pid_t pid = spawn->pid();
  const auto place =
      under_way_.emplace(++last_number_, UnderWay{waiting.purpose, os::now(), std::move(setup), std::move(spawn)})
          .first;
  if (pid == 0) return finish(place, *place->second.spawn->result());
  enter_child(waiting.purpose, pid);
  watch(place);
}

void Starts::watch_files(Reading place) {
  place->second.is_watched = poller_.add(place->second.files->fd(), token_base_ + place->first);
}

// The next of its files has another descriptor.
void Starts::read_on(Reading place) {
  Waiting& waiting = place->second;
  if (std::exchange(waiting.is_watched, false)) poller_.remove(waiting.files->fd());
  waiting.files->go_on();
  if (waiting.files->is_waiting()) return watch_files(place);
  Waiting ready = std::move(waiting);
  reading_.erase(place);
  start(std::move(ready));
}

void Starts::watch(Place place) {
  place->second.is_watched = poller_.add(place->second.spawn->fd(), token_base_ + place->first);
}

void Starts::enter_child(const StartPurpose& purpose, pid_t pid) {
  switch (purpose.kind) {
    case ChildKind::Main: return children_.add_starting(purpose.service, pid);
    case ChildKind::Task: return children_.add_task(purpose.service, pid, purpose.number);
    case ChildKind::Probe: return children_.add_probe(purpose.service, pid, purpose.number);
    case ChildKind::Script: return children_.add_script(purpose.service, pid);
  }
}

// A report that cannot be read now is looked at again later, and not at once for ever.
void Starts::look(std::uint32_t number) {
  if (const auto reading = reading_.find(number); reading != reading_.end()) return read_on(reading);
  const auto place = under_way_.find(number);
  if (place == under_way_.end()) return;
  UnderWay& start = place->second;
  if (const auto result = start.spawn->result()) return finish(place, *result);
  if (start.spawn->error() != 0 && std::exchange(start.is_watched, false)) poller_.remove(start.spawn->fd());
}

void Starts::child_ended(pid_t pid) {
  const auto place = std::find_if(under_way_.begin(), under_way_.end(),
                                  [pid](const auto& entry) { return entry.second.spawn->pid() == pid; });
  if (place == under_way_.end()) return;
  // Without a report it counts as started: its wait status says how it has ended.
  os::SpawnResult started;
  started.pid = pid;
  finish(place, place->second.spawn->result().value_or(started));
}

Time Starts::next_deadline() const {
  Time next = kNever;
  for (const auto& [number, start] : reading_) {
    next = std::min(next, start.is_watched ? start.files->deadline() : later(os::now(), kLookAgain));
    if (!waiting_.empty()) next = std::min(next, later(start.since, kSlow));
  }
  for (const auto& [number, start] : under_way_) {
    if (!start.is_watched) return later(os::now(), kLookAtStartAgain);
    if (!waiting_.empty()) next = std::min(next, later(start.since, kSlow));
  }
  return next;
}

void Starts::look_at_all() {
  for (auto place = reading_.begin(); place != reading_.end();) read_on(place++);
  for (auto place = under_way_.begin(); place != under_way_.end();) {
    const auto current = place++;
    if (const auto result = current->second.spawn->result()) finish(current, *result);
  }
  start_waiting();
}

// Another child that has not come to its exec yet has a copy of this descriptor, so closing it is not enough to make
// the poller forget it.
void Starts::finish(Place place, const os::SpawnResult& result) {
  UnderWay& start = place->second;
  if (start.is_watched) poller_.remove(start.spawn->fd());
  if (!start.is_given_up) {
    Result over{start.purpose, start.spawn->pid(), std::nullopt};
    if (result.pid == 0) over.failure = start.setup->explain(result);
    results_.push_back(std::move(over));
  }
  under_way_.erase(place);
  start_waiting();
}

std::optional<Starts::Result> Starts::take_result() {
  if (results_.empty()) return std::nullopt;
  Result first = std::move(results_.front());
  results_.pop_front();
  return first;
}

std::optional<StartPurpose> Starts::withdraw(core::ServiceId service, ChildKind kind) {
  std::optional<StartPurpose> withdrawn;
  const auto take = [&](const auto& each) {
    if (!is_for(each.purpose, service, kind)) return false;
    withdrawn = each.purpose;
    return true;
  };
  std::erase_if(waiting_, take);
  for (auto place = reading_.begin(); place != reading_.end();) {
    const auto current = place++;
    if (!take(current->second)) continue;
    if (current->second.is_watched) poller_.remove(current->second.files->fd());
    reading_.erase(current);
  }
  std::erase_if(results_, [&](const Result& each) { return each.pid == 0 && take(each); });
  return withdrawn;
}

void Starts::give_up_main(core::ServiceId service) {
  const auto is_its = [&](const auto& each) { return is_for(each.purpose, service, ChildKind::Main); };
  withdraw(service, ChildKind::Main);
  std::erase_if(results_, is_its);
  for (auto& [number, start] : under_way_) start.is_given_up = start.is_given_up || is_its(start);
}

}  // namespace cinit::init

#include <algorithm>

#include "simulation/rules.hpp"

namespace cinit::core::simulation {
namespace {

constexpr Signal kKill{9};
constexpr Signal kTerminate{15};
constexpr Signal kContinue{18};

class StopRules {
 public:
  explicit StopRules(const History& history)
      : history_(history), plan_(history.plan()), end_of_patience_(history.end_of_patience()), asks_(history.asks()) {}

  Violations check() {
    for (const auto& [pid, process] : history_.processes()) {
      if (process.kind == Kind::Leader) {
        stop_signal_comes_when_due(process);
        rest_of_group_is_asked(process);
      }
      kill_is_due(process);
      kill_comes(process);
      nobody_is_killed_unasked(process);
      urged(process);
      swept(process);
    }
    sweep_begins();
    if (plan_.main_command) {
      signals_for_main();
      suspended_main();
    }
    return std::move(violations_);
  }

 private:
  // ---- The stop signal

  void stop_signal_comes_when_due(const ProcessHistory& leader) {
    const Index asked = history_.asked(leader);
    const auto due = asks_.find(leader.begun);
    if (history_.is_post_stop(leader) && asked_by_the_way(leader, asked)) return;
    if (leader.cancelled != kNowhere) {
      if (asked != kNowhere) wrong(leader, "is asked to stop and is not known to run");
      return;
    }
    if (due == asks_.end()) {
      if (asked != kNowhere && asked == history_.timed_out(leader)) return;
      if (asked != kNowhere) wrong(leader, "is asked to stop, which is not its turn");
      return;
    }
    // One whose start is not answered yet is asked when it is.
    const Index event = std::max(due->second.index, std::min(leader.runs, leader.told));
    if (leader.told <= event) {
      const bool too_early = asked < due->second.index && asked != history_.timed_out(leader);
      if (too_early) wrong(leader, "is asked to stop before its turn");
      return;
    }
    if (history_.timed_out(leader) < event) return;  // it has been asked before
    if (!history_.answers(asked, event)) return wrong(leader, "is not asked to stop exactly when it is its turn");
    asked_as_its_kill_mode_says(leader, asked);
    const bool is_main = plan_.is_main(leader.service);
    if (!is_main && !gets(leader, kContinue, asked, history_.answer_end(event))) wrong(leader, "gets no SIGCONT");
  }

  // A hook after the stop has no turn: it is asked when somebody urges, or when it was born under the last SIGKILL.
  bool asked_by_the_way(const ProcessHistory& hook, Index asked) const {
    return history_.answers(asked, history_.stop_signal(2)) || gets(hook, kKill, 0, asked);
  }

  // Its group is asked with it, or not.
  void asked_as_its_kill_mode_says(const ProcessHistory& leader, Index asked) {
    const Index second = history_.stop_signal(2);
    if (second < asked && asked < history_.answer_end(second)) return;  // which is for everybody
    const bool with_group = plan_[leader.service].spec.kill_mode == config::KillMode::Group;
    const Signal signal = plan_[leader.service].spec.stop_signal;
    const Index event = history_.event_of(asked);
    for (const auto& [pid, process] : history_.processes()) {
      if (process.leader != leader.pid || process.kind != Kind::Background || !process.alive_at(event)) continue;
      const bool is_asked = gets(process, signal, event, history_.answer_end(event));
      if (is_asked != with_group) wrong(process, with_group ? "is not asked with its group" : "is asked too early");
    }
  }

  // What is left of a group gets SIGTERM when its main process has ended.
  void rest_of_group_is_asked(const ProcessHistory& leader) {
    if (leader.told == kNowhere || history_.leaves_group_alone(leader)) return;
    for (const auto& [pid, process] : history_.processes()) {
      if (process.leader != leader.pid || process.kind != Kind::Background || !process.alive_at(leader.told)) continue;
      const Index end = history_.answer_end(leader.told);
      if (!gets(process, kTerminate, leader.told, end) || !gets(process, kContinue, leader.told, end)) {
        wrong(process, "is not asked to end although its main process has ended");
      }
    }
  }

  // The second stop signal reaches everything that is alive.
  void urged(const ProcessHistory& process) {
    const Index second = history_.stop_signal(2);
    if (second == kNowhere || second > last_chance(process) || !process.alive_at(second)) return;
    const auto count = std::count_if(process.signals.begin(), process.signals.end(), [&](const SentSignal& sent) {
      return sent.signal == kTerminate && history_.answers(sent.index, second);
    });
    if (got_kill_before(process, second)) return;
    if (count != 1) wrong(process, "gets SIGTERM " + std::to_string(count) + " times at the second stop signal");
  }

  bool got_kill_before(const ProcessHistory& process, Index index) const { return gets(process, kKill, 0, index); }

  // ---- SIGKILL

  // SIGKILL of its own service: when that service's time is over.
  Time kill_time(const ProcessHistory& process) const {
    if (process.kind == Kind::Daemon) return kNever;
    const ProcessHistory& leader = history_.process(process.leader);
    const config::Service& spec = plan_[leader.service].spec;
    const Index timed_out = history_.timed_out(leader);
    if (timed_out < history_.stop_index()) return history_.at(timed_out) + plan_.stop.total;
    const Index asked = history_.asked(leader);
    if (asked != kNowhere) return spec.stop_timeout ? history_.at(asked) + *spec.stop_timeout : kNever;
    if (leader.told == kNowhere || history_.leaves_group_alone(leader)) return kNever;
    if (spec.stop_timeout) return history_.at(leader.told) + *spec.stop_timeout;
    const bool only_budget = leader.told > history_.stop_index() || plan_.is_main(leader.service);
    return only_budget ? kNever : history_.at(leader.told) + plan_.stop.total;
  }

  void kill_is_due(const ProcessHistory& process) {
    for (const SentSignal& sent : process.signals) {
      if (sent.signal != kKill) continue;
      const Time at = history_.at(sent.index);
      if (is_of_cancelled_start(process, sent)) continue;
      const bool by_service = sent.means != Means::KillEverything && at == kill_time(process);
      if (!by_service && !patience_is_over(process, sent.index)) wrong(process, "gets SIGKILL which is not due");
      if (plan_.is_main(process.service) && process.kind == Kind::Leader && history_.spares_main_at(sent.index)) {
        wrong(process, "gets SIGKILL and is never to get one");
      }
    }
  }

  // The kernel has begun its program, and cinit did not know it yet.
  bool is_of_cancelled_start(const ProcessHistory& process, const SentSignal& sent) const {
    if (process.kind == Kind::Daemon || sent.means != Means::ToGroup) return false;
    const Index cancelled = history_.process(process.leader).cancelled;
    return cancelled < sent.index && history_.answers(sent.index, history_.event_of(cancelled));
  }

  // A main command that outlasts the budget is followed by the SIGKILL of what is left.
  bool patience_is_over(const ProcessHistory& process, Index index) const {
    const Time at = history_.at(index);
    const Time end = end_of_patience(process);
    return at == end || (at > end && at == history_.at(history_.main_gone()));
  }

  void kill_comes(const ProcessHistory& process) {
    const Time own = kill_time(process);
    const Time end = end_of_patience(process);
    const bool alone =
        plan_[process.service].spec.kill_mode == config::KillMode::Process || is_left_by_hook(process, own);
    const bool concerns = process.kind == Kind::Leader || (process.kind == Kind::Background && !alone);
    if (concerns && own < end && is_alive_through(process, own) && !got_kill_at(process, own)) {
      wrong(process, "does not get SIGKILL when its service's time is over");
    }
    const bool spared = process.kind != Kind::Daemon && plan_.is_main(process.service) &&
                        history_.spares_main_at(first_index_after(end));
    if (!spared && is_alive_through(process, end) && !got_kill_at(process, end)) {
      wrong(process, "survives the end of the budget");
    }
  }

  // What a hook has left by then has nothing to do with the hook any more.
  bool is_left_by_hook(const ProcessHistory& process, Time at) const {
    return is_hook(plan_[process.service].role) && history_.at(history_.process(process.leader).told) <= at;
  }

  // Whether it lived before that instant and after it.
  bool is_alive_through(const ProcessHistory& process, Time at) const {
    return at != kNever && history_.at(process.born) < at && history_.at(process.ended) > at &&
           history_.at(history_.left()) > at;
  }

  bool got_kill_at(const ProcessHistory& process, Time at) const {
    return std::any_of(process.signals.begin(), process.signals.end(),
                       [&](const SentSignal& sent) { return sent.signal == kKill && history_.at(sent.index) <= at; });
  }

  Index first_index_after(Time at) const {
    const Record& record = history_.record();
    const auto found = std::find_if(record.begin(), record.end(), [&](const Entry& entry) { return entry.at > at; });
    return static_cast<Index>(found - record.begin());
  }

  // Only the end of the budget, a third stop signal and the end of one's own service spare the question.
  void nobody_is_killed_unasked(const ProcessHistory& process) {
    const auto kill = std::find_if(process.signals.begin(), process.signals.end(),
                                   [](const SentSignal& sent) { return sent.signal == kKill; });
    if (kill == process.signals.end()) return;
    const Signal own = plan_[process.service].spec.stop_signal;
    const bool asked = gets(process, kTerminate, 0, kill->index) || gets(process, own, 0, kill->index);
    const bool by_budget = history_.stop() && history_.at(kill->index) >= history_.stop()->deadline;
    const bool by_third = history_.stop_signal(3) < kill->index;
    const bool with_its_main_process =
        process.kind == Kind::Background && history_.process(process.leader).told > kill->index;
    const bool with_its_start = is_of_cancelled_start(process, *kill);
    const bool came_after_the_sweep = process.born > first_sweep();
    const bool came_after_its_main =
        process.kind == Kind::Background && process.born > history_.process(process.leader).told;
    if (!asked && !by_budget && !by_third && !with_its_main_process && !with_its_start && !came_after_the_sweep &&
        !came_after_its_main) {
      wrong(process, "gets SIGKILL and was never asked");
    }
  }

  // ---- The sweep

  // When it belongs to no running service any more.
  Index stray_since(const ProcessHistory& process) const {
    if (process.kind == Kind::Daemon) return process.born;
    if (process.kind == Kind::Leader) return kNowhere;
    const ProcessHistory& leader = history_.process(process.leader);
    return history_.leaves_group_alone(leader) ? std::max(leader.told, process.born) : kNowhere;
  }

  // Each process of no service is asked once: by D - R at the latest, or when it is left behind after that.
  void swept(const ProcessHistory& process) {
    const auto times = std::count_if(process.signals.begin(), process.signals.end(), [](const SentSignal& sent) {
      return sent.signal == kTerminate && sent.means == Means::Sweep;
    });
    const auto most = history_.stop_signal(2) == kNowhere ? 1 : 2;
    if (times > most) wrong(process, "is swept " + std::to_string(times) + " times");
    const Index stray = stray_since(process);
    if (stray == kNowhere || !history_.stop()) return;
    const bool after_all = history_.is_post_stop(process);
    const bool born_too_late = process.born > first_sweep(after_all ? history_.post_stop() : 0);
    const Time due = std::max(after_all ? second_sweep_time() : sweep_time(), history_.at(stray));
    if (!born_too_late && due < end_of_patience(process) && is_alive_through(process, due) && !swept_by(process, due)) {
      wrong(process, "is not swept in time");
    }
  }

  bool swept_by(const ProcessHistory& process, Time at) const {
    return std::any_of(process.signals.begin(), process.signals.end(), [&](const SentSignal& sent) {
      return sent.signal == kTerminate && sent.means == Means::Sweep && history_.at(sent.index) <= at;
    });
  }

  Time sweep_time() const { return std::min(history_.at(history_.all_over()), history_.stop()->sweep_at); }

  // Of what the hooks after the stop have left.
  Time second_sweep_time() const {
    const Index over = history_.hook_over(plan_.post_stop_hooks.back());
    return history_.at(std::min(over, history_.stop_signal(2)));
  }

  Index first_sweep(Index after = 0) const {
    const Record& record = history_.record();
    for (Index i = after; i < record.size(); ++i) {
      if (std::holds_alternative<entry::Swept>(record[i].what)) return i;
    }
    return kNowhere;
  }

  // Not before its time, unless a second stop signal asked for it.
  void sweep_begins() {
    const Index first = first_sweep();
    if (!history_.stop()) {
      if (first != kNowhere) violations_.push_back("a sweep without a stop");
      return;
    }
    const Time due = std::min(sweep_time(), history_.at(history_.stop_signal(2)));
    if (due < end_of_patience_ && due < history_.at(history_.left()) && history_.at(first) != due) {
      violations_.push_back("the sweep does not begin when it should");
    }
  }

  // ---- The main command's signals

  // Every one that cinit got for it reaches it once and in order, at once or when it runs.
  void signals_for_main() {
    const auto& runs = history_.service(*plan_.main_command).runs;
    if (runs.empty()) return;
    const ProcessHistory& main = history_.process(runs.front());
    const std::vector<Forwarded> expected = expected_for(main);
    const std::vector<SentSignal> actual = directly_sent(main);
    if (actual.size() != expected.size()) {
      return wrong(main,
                   "gets " + std::to_string(actual.size()) + " signals instead of " + std::to_string(expected.size()));
    }
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const Index event = std::max(expected[i].event, main.runs);
      if (actual[i].signal != expected[i].signal) wrong(main, "gets a signal that was not its turn");
      if (!history_.answers(actual[i].index, event)) wrong(main, "does not get a signal at once");
    }
  }

  // One that is suspended when it is to stop, or while it stops, cannot take its signal before it is woken.
  void suspended_main() {
    const auto& runs = history_.service(*plan_.main_command).runs;
    if (runs.empty()) return;
    const ProcessHistory& main = history_.process(runs.front());
    const Index asked = history_.asked(main);
    const Index end = std::min(main.told, first_kill(main));
    for (Index i = main.born; asked != kNowhere && i < history_.record().size() && i < end; ++i) {
      const auto* told = std::get_if<entry::Told>(&history_.record()[i].what);
      if (!told || !std::holds_alternative<MainSuspended>(told->event)) continue;
      if (!gets(main, kContinue, i, history_.answer_end(std::max(i, asked))))
        wrong(main, "is suspended and not woken for its stop");
    }
  }

  struct Forwarded {
    Index event;
    Signal signal;
    bool is_turn = false;
  };

  std::vector<Forwarded> expected_for(const ProcessHistory& main) const {
    std::vector<Forwarded> expected;
    const Index end = std::min(history_.main_gone(), first_kill(main));
    for (Index i = 0; i < history_.record().size() && i < end; ++i) {
      const auto* told = std::get_if<entry::Told>(&history_.record()[i].what);
      const auto* got = told ? std::get_if<SignalReceived>(&told->event) : nullptr;
      const bool kills = i == history_.stop_signal(3) && !history_.spares_main_at(i);
      if (got && got->signal != kContinue && !kills && !waits_for_turn(i)) expected.push_back({i, got->signal});
      if (is_turn_of_main(i)) expected.push_back({i, kTerminate, true});
    }
    // When it runs at last, its stop signal comes after those that have waited for that.
    std::stable_partition(expected.begin(), expected.end(),
                          [&](const Forwarded& signal) { return signal.event < main.runs && !signal.is_turn; });
    return expected;
  }

  // It is in the first tier. A second stop signal that cuts the hooks before that short is its stop signal.
  bool is_turn_of_main(Index event) const {
    const Index drain = history_.drain();
    return drain != kNowhere && drain != history_.stop_signal(2) && event == history_.event_of(drain);
  }

  // A stop signal that comes until then is not sent on by itself.
  bool waits_for_turn(Index event) const {
    if (event != history_.stop_signal(1) || history_.drain() == kNowhere) return false;
    return event <= history_.event_of(history_.drain());
  }

  std::vector<SentSignal> directly_sent(const ProcessHistory& main) const {
    std::vector<SentSignal> sent;
    const Index end = std::min(main.told, first_kill(main));
    for (const SentSignal& signal : main.signals) {
      if (signal.index < end && signal.signal != kContinue) sent.push_back(signal);
    }
    return sent;
  }

  Index first_kill(const ProcessHistory& process) const {
    const auto kill = std::find_if(process.signals.begin(), process.signals.end(),
                                   [](const SentSignal& sent) { return sent.signal == kKill; });
    return kill == process.signals.end() ? kNowhere : kill->index;
  }

  // ---- Words

  // The last index at which a stop signal can still mean something to it.
  Index last_chance(const ProcessHistory& process) const {
    const Record& record = history_.record();
    for (Index i = history_.is_post_stop(process) ? history_.post_stop() : 0; i < record.size(); ++i) {
      if (std::holds_alternative<entry::KilledEverything>(record[i].what)) return i;
    }
    return kNowhere;
  }

  Time end_of_patience(const ProcessHistory& process) const {
    return history_.is_post_stop(process) ? history_.end_of_patience_with_hooks() : end_of_patience_;
  }

  static bool gets(const ProcessHistory& process, Signal signal, Index after, Index before) {
    return std::any_of(process.signals.begin(), process.signals.end(), [&](const SentSignal& sent) {
      return sent.signal == signal && sent.index > after && sent.index < before;
    });
  }

  void wrong(const ProcessHistory& process, const std::string& what) {
    const auto number = std::to_string(static_cast<std::uint32_t>(process.pid));
    violations_.push_back("#" + number + " of " + history_.name(process.service) + " " + what);
  }

  const History& history_;
  const Plan& plan_;
  Time end_of_patience_;
  std::map<Index, Ask> asks_;
  Violations violations_;
};

}  // namespace

Violations stop_rules(const History& history) { return StopRules(history).check(); }

}  // namespace cinit::core::simulation

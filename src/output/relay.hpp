// Services' output on its way through cinit: out of a pipe of theirs, line by line, to where it is to go.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "os/line_writer.hpp"
#include "os/poller.hpp"
#include "output/channel.hpp"
#include "output/layout.hpp"
#include "output/log_file.hpp"
#include "output/own_output.hpp"
#include "output/record.hpp"
#include "output/ring.hpp"

namespace cinit::output {

// cinit's own standard output or standard error, whichever the stream is, in the layout of log-prefix.
struct ToOwnOutput {};
// Nowhere, which is what stdout = "null" asks for; the lines can be looked at all the same.
struct ToNowhere {};
// The variant's third is LogFileSpec (log_file.hpp): a file with rotation.
using Destination = std::variant<ToOwnOutput, ToNowhere, LogFileSpec>;

// What is to be captured.
struct Capture {
  Service service = 0;
  Stream stream = Stream::Stdout;
  std::string name;  // the service's, for log-prefix
  Destination destination;
};

// Why something cannot be captured.
struct CaptureFailure {
  int error = 0;        // errno
  std::string message;  // with the reason in it
};

// Lines are never torn or mixed, and never lost, unless a file or whoever should read them takes none. Whoever does not read
// what cinit writes keeps those waiting who write it, as without cinit, and never cinit.
//
// Nothing is allocated before something is captured.
class Relay {
 public:
  struct Settings {
    Layout layout = {};
    std::size_t buffer_size = 0;  // of each service, in bytes: log-buffer
  };
  using Observer = std::function<void(const Record&)>;
  using TroubleObserver = Report;

  // `out` and `err` may be the same object, and must outlive this one.
  Relay(const Settings& settings, os::LineWriter& out, os::LineWriter& err);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Called for each line when it has been passed on, and when lines get lost or files cannot be put aside (and when that is
  // over). Of the relay they may call open(), and nothing else.
  void observe(Observer observer) { observer_ = std::move(observer); }
  void observe_trouble(TroubleObserver observer) { trouble_ = std::move(observer); }

  // The end to write to, for the service's process: owned by the relay, and the same for each start of the service. The
  // destination is that of the last call. Every user may open it by name (/dev/stdout).
  std::variant<int, CaptureFailure> open(const Capture& capture);

  // What the loop waits for: it can be read when handle() has something to do. -1 as long as there has been nothing to
  // wait for; it does not change any more after that.
  int fd() const { return poller_ ? poller_->fd() : -1; }
  // When handle() is to be called at the latest; kNever, unless a log file lets lines wait.
  Time next_deadline() const;
  // Passes on what is there: a bounded part of it, so that nobody's flood keeps the loop.
  void handle();
  // Lets handle() look for room when a line found none, also when it was somebody else's (the log's). Once a turn.
  void watch_room();

  // The service's main process has ended: passes on what it left in its pipes, an unfinished line at the end included, as
  // far as there is room; what remains follows when there is. What a process in the background writes from now on is not
  // waited for.
  void drain(Service service);
  // One of several processes that write has ended: the same, but an unfinished line stays one, since it may be another's.
  void catch_up(Service service);
  // The end of cinit: passes on what is in all pipes, and waits for room until `deadline`. False: it was not enough.
  bool finish(Time deadline);

  // Drops the last lines of a service, whose place another one has now; or those of all, for want of memory.
  void forget(Service service) { rings_.erase(service); }
  void forget_all() { rings_.clear(); }
  // The service's last lines that fit into its buffer, the oldest first.
  void for_each_record(Service service, const Observer& visit) const;
  // The last `most` of them as text, the oldest first.
  std::vector<std::string> last_lines(Service service, std::size_t most) const;
  // The number of the newest record of all services; 0: there has been none.
  std::uint64_t last_number() const { return last_number_; }

 private:
  Channel* find_channel(Service service, Stream stream) const;
  // These return 0 or an errno.
  int make_poller();
  int make_channel(const Capture& capture, Channel*& made);
  // Why there is none, if so.
  std::optional<Error> find_sink(const Capture& capture, Sink& sink);
  OwnOutput& own_output(Stream stream) { return stream == Stream::Stdout ? out_ : err(); }
  OwnOutput& err() { return err_ ? *err_ : out_; }

  // Moves up to `most` bytes out of the pipe; when the sink takes no more, the channel begins to wait. A channel that waits is not
  // read, and so keeps those waiting who write into it.
  void serve(Channel& channel, std::size_t most);
  // Moves, too. False: what comes next has to wait.
  bool pump(Channel& channel, std::size_t most);
  bool pass_on_lines(Channel& channel);
  bool pass_on(const Channel& channel, const Record& record);
  void keep(const Record& record);

  // There is room again: those who wait go on, who waits longest first.
  void resume(OwnOutput& output);
  void resume(FileOutput& output);
  void resume(std::deque<Channel*>& waiting);
  // Sees to it that handle() is told when there is room, if that is needed.
  void watch(OwnOutput& output);
  void watch(FileOutput& output);
  void watch(const Sink& sink);
  // What the file waits for may have come.
  void go_on(FileOutput& output);
  bool pump_to_goal(Channel& channel);
  bool wait_for_room(Time deadline);
  Report reporter();

  static constexpr std::uint64_t kFirstFileToken = std::uint64_t{1} << 32;

  Settings settings_;
  Observer observer_;
  TroubleObserver trouble_;
  std::optional<os::Poller> poller_;
  OwnOutput out_;
  std::optional<OwnOutput> err_;                    // nothing: both are the same
  std::vector<std::unique_ptr<Channel>> channels_;  // a channel's token for the poller is its place here
  std::string laid_out_;
  std::vector<std::unique_ptr<FileOutput>> files_;  // no two with the same path
  std::map<Service, Ring> rings_;
  std::uint64_t last_number_ = 0;
};

}  // namespace cinit::output

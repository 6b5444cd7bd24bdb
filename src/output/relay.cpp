#include "output/relay.hpp"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "os/file.hpp"

namespace cinit::output {
namespace {

// A process may have set it for itself, and with that for those that come after it.
void clear_non_blocking(const os::Fd& pipe) {
  const long flags = os::sys::fcntl(pipe.get(), F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) != 0) os::sys::fcntl(pipe.get(), F_SETFL, flags & ~O_NONBLOCK);
}

CaptureFailure no_pipe(int error) {
  return {error, std::string("cannot make a pipe for its output: ") + strerror(error)};
}

CaptureFailure no_file(const std::string& path, const Error& error) {
  return {error.code, "cannot open " + path + " for its output: " + error.message};
}

}  // namespace

Relay::Relay(const Settings& settings, os::LineWriter& out, os::LineWriter& err)
    : settings_(settings), out_(out, "standard output", reporter()) {
  if (&out != &err) err_.emplace(err, "standard error", reporter());
}

Report Relay::reporter() {
  return [this](const std::string& place, const std::string& message) {
    if (trouble_) trouble_(place, message);
  };
}

// ---- What is captured

std::variant<int, CaptureFailure> Relay::open(const Capture& capture) {
  Sink sink;
  if (const std::optional<Error> error = find_sink(capture, sink)) {
    return no_file(std::get_if<LogFileSpec>(&capture.destination)->path, *error);
  }
  Channel* channel = find_channel(capture.service, capture.stream);
  if (!channel) {
    if (const int error = make_channel(capture, channel); error != 0) return no_pipe(error);
  }
  // In JSON the name is escaped; elsewhere it stands in the line as it is.
  channel->name = settings_.layout.prefix == config::LogPrefix::Name ? printable(capture.name) : capture.name;
  channel->sink = sink;
  clear_non_blocking(channel->write_end);
  if (FileOutput* const* const file = std::get_if<FileOutput*>(&sink)) watch(**file);
  return channel->write_end.get();
}

// A file is shared by all that go to its path.
std::optional<Error> Relay::find_sink(const Capture& capture, Sink& sink) {
  if (std::holds_alternative<ToOwnOutput>(capture.destination)) sink = &own_output(capture.stream);
  const auto* const spec = std::get_if<LogFileSpec>(&capture.destination);
  if (!spec) return std::nullopt;
  const auto found =
      std::find_if(files_.begin(), files_.end(), [&](const auto& output) { return output->file.path() == spec->path; });
  const bool is_new = found == files_.end();
  if (is_new) files_.push_back(std::make_unique<FileOutput>(*spec, reporter(), kFirstFileToken + files_.size()));
  FileOutput& output = is_new ? *files_.back() : **found;
  output.file.set_spec(*spec);
  std::optional<Error> error = output.file.check();
  if (!error) sink = &output;
  if (error && is_new) files_.pop_back();
  return error;
}

Channel* Relay::find_channel(Service service, Stream stream) const {
  const auto found = std::find_if(channels_.begin(), channels_.end(), [&](const std::unique_ptr<Channel>& channel) {
    return channel->service == service && channel->stream == stream;
  });
  return found == channels_.end() ? nullptr : found->get();
}

int Relay::make_channel(const Capture& capture, Channel*& made) {
  if (const int error = make_poller(); error != 0) return error;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  auto channel = std::make_unique<Channel>();
  channel->service = capture.service;
  channel->stream = capture.stream;
  channel->token = channels_.size();
  channel->read_end = os::Fd(ends[0]);
  channel->write_end = os::Fd(ends[1]);
  os::sys::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  os::share_for_writing(ends[1]);
  if (!poller_->add(ends[0], channel->token)) return ENOMEM;
  made = channels_.emplace_back(std::move(channel)).get();
  return 0;
}

int Relay::make_poller() {
  if (poller_) return 0;
  Result<os::Poller> poller = os::Poller::make();
  if (!poller) return EMFILE;  // or ENFILE, or ENOMEM: all of them may pass
  poller_.emplace(*std::move(poller));
  return 0;
}

// ---- What is kept

void Relay::keep(const Record& record) {
  if (settings_.buffer_size == 0) return;
  rings_.try_emplace(record.service, record.service, settings_.buffer_size).first->second.push(record);
}

void Relay::for_each_record(Service service, const Observer& visit) const {
  if (const auto found = rings_.find(service); found != rings_.end()) found->second.for_each(visit);
}

std::vector<std::string> Relay::last_lines(Service service, std::size_t most) const {
  const auto found = rings_.find(service);
  if (found == rings_.end()) return {};
  std::size_t skipped = found->second.count() - std::min(most, found->second.count());
  std::vector<std::string> lines;
  found->second.for_each([&](const Record& record) {
    if (skipped > 0) {
      --skipped;
    } else {
      lines.emplace_back(record.text);
    }
  });
  return lines;
}

}  // namespace cinit::output

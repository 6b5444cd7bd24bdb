// What the control socket answers: frames, as the client reads them, and the text that the server makes them of.
#include "control/protocol.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

using control::Frame;

void write(std::string& frames, const Frame& frame) {
  switch (frame.kind) {
    case Frame::Kind::Out: return control::append_out(frames, frame.text);
    case Frame::Kind::Err: return control::append_err(frames, frame.text);
    case Frame::Kind::End: return control::append_end(frames, frame.code);
    case Frame::Kind::Wait: return control::append_wait(frames);
  }
}

// A line of the answer. What is a frame can be said again; "end 007" is one that nobody says.
void check_frame(std::string_view line) {
  const auto frame = control::parse_frame(line);
  if (!frame) return;
  require(frame->code >= 0 && frame->code <= 255, "a code is an exit code", line);
  std::string again;
  write(again, *frame);
  require(again.ends_with('\n'), "a frame is a line", again);
  again.pop_back();
  const auto same = control::parse_frame(again);
  require(same && same->kind == frame->kind && same->text == frame->text && same->code == frame->code,
          "a frame comes back as it was", line);
}

// Whatever text is sent arrives, line by line.
void check_text(std::string_view text) {
  std::string frames;
  control::append_out(frames, text);
  std::string arrived;
  require(frames.ends_with('\n'), "frames are lines");
  frames.pop_back();
  for (const std::string_view line : split(frames, "\n")) {
    const auto frame = control::parse_frame(line);
    require(frame && frame->kind == Frame::Kind::Out, "a line of the text is a frame", line);
    arrived.append(frame->text).append("\n");
  }
  const std::string sent = std::string(text) + (text.ends_with('\n') ? "" : "\n");
  require(arrived == sent, "the text arrives", text);
}

}  // namespace

void take_control_answer(std::string_view input) {
  for (const std::string_view line : split(input, "\n")) check_frame(line);
  check_text(input);
}

}  // namespace cinit::fuzz

#include "probe/http_answer.hpp"

#include <algorithm>

namespace cinit::probe {
namespace {

constexpr std::string_view kForm =
    "HTTP/1.# +## ";  // #: a digit; +: one that is not 0; the last blank may be a line's end
constexpr std::size_t kStatusAt = 9;

bool fits(char c, char form) {
  switch (form) {
    case '#': return c >= '0' && c <= '9';
    case '+': return c >= '1' && c <= '9';
    case ' ': return c == ' ';
    default: return c == form;
  }
}

// Whether this is a status line, or the beginning of one.
bool may_be_status_line(std::string_view text) {
  for (std::size_t i = 0; i < std::min(text.size(), kForm.size()); ++i) {
    const bool ends_line = i + 1 == kForm.size() && (text[i] == '\r' || text[i] == '\n');
    if (!fits(text[i], kForm[i]) && !ends_line) return false;
  }
  return true;
}

// The beginning of its first line, fit for a log line.
std::string quoted(std::string_view text) {
  constexpr std::size_t kMostQuoted = 40;
  std::string quote(text.substr(0, std::min(text.find_first_of("\r\n"), kMostQuoted)));
  std::ranges::replace_if(
      quote, [](char c) { return c < ' ' || c > '~'; }, '?');
  return '"' + quote + '"';
}

std::string describe_refused(std::string_view text) {
  if (text.starts_with("\x15\x03")) return "it speaks TLS";
  return "instead of a status line came " + quoted(text);
}

}  // namespace

bool HttpAnswer::take(std::string_view bytes) {
  if (complete()) return false;
  text_ += bytes.substr(0, kMost - text_.size());
  while (!complete() && take_line()) {
  }
  if (!complete() && text_.size() == kMost) problem_ = "no status in its first " + std::to_string(kMost) + " bytes";
  return !complete();
}

bool HttpAnswer::take_line() {
  const std::string_view rest = std::string_view(text_).substr(line_);
  if (!in_interim_ && !may_be_status_line(rest)) {
    problem_ = describe_refused(rest);
    return false;
  }
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  line_ += end + 1;
  if (in_interim_) {
    const std::string_view field = rest.substr(0, end);
    in_interim_ = !field.empty() && field != "\r";
  } else {
    take_status(rest);
  }
  return true;
}

void HttpAnswer::take_status(std::string_view line) {
  constexpr int kSwitchingProtocols = 101;
  int status = 0;
  for (const char digit : line.substr(kStatusAt, 3)) status = status * 10 + (digit - '0');
  in_interim_ = status < 200 && status != kSwitchingProtocols;
  if (!in_interim_) status_ = status;
}

}  // namespace cinit::probe

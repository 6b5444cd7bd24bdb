#include "control/protocol.hpp"

#include <algorithm>
#include <charconv>

namespace cinit::control {
namespace {

constexpr bool is_plain(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  return byte > 0x20 && byte != 0x7f;
}

bool is_word(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_plain); }

// The text up to the next separator, which is cut off `rest` together with it.
std::string_view cut(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

void append(std::string& frames, std::string_view kind, std::string_view text) {
  do {
    frames += kind;
    frames += cut(text, '\n');
    frames += '\n';
  } while (!text.empty());
}

}  // namespace

Result<Request> parse_request(std::string_view line) {
  std::vector<std::string> words;
  const bool ends_in_blank = line.ends_with(' ');
  while (!line.empty()) words.emplace_back(cut(line, ' '));
  if (ends_in_blank || !std::ranges::all_of(words, is_word)) {
    return Error{"the request is not made of words with one space between them"};
  }
  if (words.empty() || words[0] != kVersion) {
    return Error{"the request does not begin with \"" + std::string(kVersion) +
                 "\": client and server are of different versions"};
  }
  if (words.size() < 2) return Error{"the request names no command"};
  return Request{words[1], {words.begin() + 2, words.end()}};
}

Result<std::string> format_request(const Request& request) {
  std::string line = std::string(kVersion) + " " + request.command;
  for (const std::string& word : request.words) {
    if (word.empty()) return Error{"an empty word is no name"};
    if (!is_word(word)) return Error{"\"" + word + "\": a name has neither blanks nor control characters"};
    line += " " + word;
  }
  line += '\n';
  if (line.size() > kLongestRequest) {
    return Error{"these are too many words for one request, which has at most " + std::to_string(kLongestRequest) +
                 " bytes"};
  }
  return line;
}

void append_out(std::string& frames, std::string_view text) { append(frames, "out ", text); }
void append_err(std::string& frames, std::string_view text) { append(frames, "err ", text); }
void append_end(std::string& frames, int code) { frames += "end " + std::to_string(code) + "\n"; }
void append_wait(std::string& frames) { frames += "wait\n"; }

std::optional<Frame> parse_frame(std::string_view line) {
  const std::string_view kind = line.substr(0, 4);
  const std::string_view rest = line.substr(kind.size());
  if (kind == "out ") return Frame{Frame::Kind::Out, rest};
  if (kind == "err ") return Frame{Frame::Kind::Err, rest};
  if (line == "wait") return Frame{Frame::Kind::Wait, {}};
  int code = 0;
  const char* end = rest.data() + rest.size();
  const auto [behind, error] = std::from_chars(rest.data(), end, code);
  const bool is_code = error == std::errc() && behind == end && code >= 0 && code <= 255;
  if (kind != "end " || !is_code) return std::nullopt;
  return Frame{Frame::Kind::End, {}, code};
}

}  // namespace cinit::control

// What is said on the control socket. A client connects, asks once, and reads until the answer's end.
//
// The request is one line of words with one space between them, at most kLongestRequest bytes with its newline:
//
//   cinit/1 COMMAND [OPTION | ARGUMENT]...
//
// Options begin with "--", their value follows behind "=". No word is empty or needs quotes: names of services, patterns for
// them, numbers and signals have neither blanks nor control characters.
//
// The answer is any number of frames, a line each, the last of which is an "end":
//
//   out TEXT      a line for standard output; TEXT is any bytes but a newline, and may be empty
//   err TEXT      a line for standard error
//   end CODE      the exit code, 0 to 255
//   wait          the request is carried out, and the rest of the answer may be long in coming; only for a client that has
//                 said --expect-wait, and behind that it may come at any place
//
// The server finds the words and draws the tables, the client only prints: a new command needs no new client. A version or
// a command that the server does not know is answered by "err" and "end 64". A connection that closes without "end" means
// that cinit has ended.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cinit::control {

inline constexpr std::string_view kVersion = "cinit/1";
inline constexpr std::size_t kLongestRequest = 4096;  // bytes, with the newline

// Exit codes of the commands, beside 0 and those of base/exit_code.hpp.
namespace exit_code {
inline constexpr int kFailed = 1;         // what was asked for did not come true, or does not hold
inline constexpr int kNotUp = 3;          // status: a service that was named is not up (as with systemctl)
inline constexpr int kUsage = 64;         // EX_USAGE of sysexits.h; also for a name that no service has
inline constexpr int kUnavailable = 69;   // EX_UNAVAILABLE: no cinit answers, or not in time
inline constexpr int kTooMany = 75;       // EX_TEMPFAIL: too many clients at once, or no memory for one more
inline constexpr int kNotPermitted = 77;  // EX_NOPERM: neither root nor cinit's own user
}  // namespace exit_code

struct Request {
  std::string command;
  std::vector<std::string> words;  // options and arguments, in their order
};

// Reads a request without its newline. The error is a sentence for the client.
Result<Request> parse_request(std::string_view line);

// The request with its newline. An error when a word cannot be said, or all of them are too long.
Result<std::string> format_request(const Request& request);

// Append frames. Each line of `text` gets one of its own.
void append_out(std::string& frames, std::string_view text);
void append_err(std::string& frames, std::string_view text);
void append_end(std::string& frames, int code);
void append_wait(std::string& frames);

struct Frame {
  enum class Kind { Out, Err, End, Wait };
  Kind kind = Kind::Out;
  std::string_view text;  // without newline; empty for End and Wait
  int code = 0;           // of End only
};

// Reads a frame without its newline. std::nullopt: it is none of this version.
std::optional<Frame> parse_frame(std::string_view line);

}  // namespace cinit::control

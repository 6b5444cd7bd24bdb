// The beginning of an HTTP/1 answer, up to the status that counts: RFC 9112, section 4.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cinit::probe {

// Takes an answer in pieces of any size. Interim answers (100 to 199) are passed over, but 101: what follows that is not
// HTTP, so it is the last one. Nothing behind the last status line is looked at.
class HttpAnswer {
 public:
  // The last status line has to end within this many bytes.
  static constexpr std::size_t kMost = 8192;

  // Returns whether more is needed. False: there is a status, or a problem, and further bytes are ignored.
  bool take(std::string_view bytes);

  // 0: none yet.
  int status() const { return status_; }
  // Why this is no answer, in words; empty when it may be one.
  const std::string& problem() const { return problem_; }
  // Whether anything came.
  bool begun() const { return !text_.empty(); }

 private:
  bool complete() const { return status_ != 0 || !problem_.empty(); }
  bool take_line();
  void take_status(std::string_view line);

  std::string text_;         // what came
  std::size_t line_ = 0;     // where the line begins that is read now
  bool in_interim_ = false;  // it is one of the header fields of an interim answer
  int status_ = 0;
  std::string problem_;
};

}  // namespace cinit::probe

// Lines that could not be written, and how they are reported: at the first of them, and with their number when it is over.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace cinit::output {

// Gets a sentence for the log, and the place that it is about.
using Report = std::function<void(const std::string& place, const std::string& message)>;

class Losses {
 public:
  // `place`: where the lines should have gone.
  Losses(std::string place, Report report) : place_(std::move(place)), report_(std::move(report)) {}

  void count(const std::string& reason);
  // A line was written, or no other will be.
  void over();

 private:
  std::string place_;
  Report report_;
  std::uint64_t lost_ = 0;
  std::string reason_;
};

}  // namespace cinit::output

// The order of what was logged.
#pragma once

#include <string>
#include <vector>

namespace cinit::e2e {

// Whether `log` has all of these texts, each behind the one before.
inline bool in_order(const std::string& log, const std::vector<std::string>& texts) {
  std::size_t at = 0;
  for (const std::string& text : texts) {
    at = log.find(text, at);
    if (at == std::string::npos) return false;
    at += text.size();
  }
  return true;
}

}  // namespace cinit::e2e

#include "report.hpp"

#include <cstdlib>

namespace cinit::reliability {

namespace {

void add(std::string& text, char kind, const std::string& value) {
  text += kind + std::to_string(value.size()) + ":" + value;
}

}  // namespace

std::string to_text(const Outcome& outcome) {
  std::string text;
  for (const std::string& failure : outcome.failures) add(text, 'f', failure);
  for (const std::string& note : outcome.notes) add(text, 'n', note);
  add(text, 'e', outcome.evidence);
  return text;
}

Outcome outcome_from(const std::string& text) {
  Outcome outcome;
  std::size_t at = 0;
  while (at < text.size()) {
    const char kind = text[at];
    const std::size_t colon = text.find(':', at);
    if (colon == std::string::npos) break;
    const std::size_t length = std::strtoul(text.c_str() + at + 1, nullptr, 10);
    const std::string value = text.substr(colon + 1, length);
    if (kind == 'f') outcome.failures.push_back(value);
    if (kind == 'n') outcome.notes.push_back(value);
    if (kind == 'e') outcome.evidence = value;
    at = colon + 1 + length;
  }
  if (at == 0) outcome.fail("the process of this row died without a word");
  return outcome;
}

}  // namespace cinit::reliability

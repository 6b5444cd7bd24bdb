#include "dropin/options.hpp"

#include <string.h>

#include "base/line.hpp"
#include "dropin/print.hpp"

namespace cinit::dropin {
namespace {

char complain(Line& line) {
  print(2, line.line());
  return OptionReader::kMistake;
}

std::string_view letter_view(const char& letter) { return {&letter, 1}; }

}  // namespace

char OptionReader::read() {
  value_ = nullptr;
  if (at_ && *at_ != '\0') return read_letter();
  char* const word = *next_;
  if (!word || word[0] != '-' || word[1] == '\0') return kEnd;
  ++next_;
  if (strcmp(word, "--") == 0) return kEnd;
  if (long_options_ && word[1] == '-') return read_long(word + 2);
  at_ = word + 1;
  return read_letter();
}

// In `letters_`, or null. A colon is no letter.
const char* OptionReader::find(char letter) const { return letter == ':' ? nullptr : strchr(letters_, letter); }

char OptionReader::read_letter() {
  const char letter = *at_++;
  const char* const known = find(letter);
  Line line;
  if (!known) return complain(line << program_ << ": invalid option -- '" << letter_view(letter) << "'");
  if (known[1] != ':') return letter;
  value_ = *at_ != '\0' ? at_ : *next_;
  if (!value_) return complain(line << program_ << ": option requires an argument -- '" << letter_view(letter) << "'");
  if (value_ != at_) ++next_;
  at_ = nullptr;
  return letter;
}

// `name` is "NAME" or "NAME=VALUE". What it abbreviates must be one option only, unless it is the whole name.
char OptionReader::read_long(char* name) {
  const std::size_t length = strcspn(name, "=");
  char* const attached = name[length] == '=' ? name + length + 1 : nullptr;
  const LongOption* found = nullptr;
  for (const LongOption* each = long_options_; each->name; ++each) {
    if (strncmp(each->name, name, length) != 0) continue;
    if (each->name[length] == '\0') return take_long(*each, attached);
    if (found) return complain_of_ambiguity(name, length);
    found = each;
  }
  if (found) return take_long(*found, attached);
  Line line;
  return complain(line << program_ << ": unrecognized option '--" << name << "'");
}

char OptionReader::take_long(const LongOption& option, char* attached) {
  Line line;
  line << program_ << ": option '--" << option.name;
  if (find(option.letter)[1] != ':') {
    return attached ? complain(line << "' doesn't allow an argument") : option.letter;
  }
  value_ = attached ? attached : *next_;
  if (!value_) return complain(line << "' requires an argument");
  if (!attached) ++next_;
  return option.letter;
}

char OptionReader::complain_of_ambiguity(const char* name, std::size_t length) {
  Line line;
  line << program_ << ": option '--" << name << "' is ambiguous; possibilities:";
  for (const LongOption* each = long_options_; each->name; ++each) {
    if (strncmp(each->name, name, length) == 0) line << " '--" << each->name << "'";
  }
  return complain(line);
}

}  // namespace cinit::dropin

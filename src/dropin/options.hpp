// Options on a command line, as getopt_long(3) reads them with "+": they end at the first word that is none.
#pragma once

#include <cstddef>

namespace cinit::dropin {

struct LongOption {
  const char* name;  // without the dashes; it may be abbreviated
  char letter;       // the option that it stands for
};

// Goes through the words after argv[0]. Mistakes are told on standard error, in getopt's words.
class OptionReader {
 public:
  static constexpr char kEnd = '\0';
  static constexpr char kMistake = '?';

  // `letters`: each option, with a colon behind it when it takes a value. `long_options` ends with a null name, or is null.
  OptionReader(char** argv, const char* letters, const LongOption* long_options = nullptr)
      : program_(argv[0]), next_(argv + 1), letters_(letters), long_options_(long_options) {}

  // The letter of the next option, kMistake, or kEnd.
  char read();

  // Of the option that was read last; null when it takes none.
  char* value() const { return value_; }

  // What follows the options; only after kEnd.
  char** rest() const { return next_; }

 private:
  char read_letter();
  char read_long(char* name);
  char take_long(const LongOption& option, char* attached);
  char complain_of_ambiguity(const char* name, std::size_t length);
  const char* find(char letter) const;

  const char* program_;
  char** next_;
  const char* letters_;
  const LongOption* long_options_;
  char* at_ = nullptr;  // in a word of several letters
  char* value_ = nullptr;
};

}  // namespace cinit::dropin

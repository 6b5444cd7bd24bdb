// What every reader of a value needs: the environment, a place for findings, and the words for them. Private to config/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/expand.hpp"
#include "config/problem.hpp"
#include "config/toml.hpp"

namespace cinit::config {

// What is said about a `${X}` without a value: see Undefined. Nothing where the value will not be used.
enum class WhenUndefined { Error, Warning, Silent };

// The surroundings of what is read: the environment, and the findings so far.
struct Reading {
  Lookup lookup;
  WhenUndefined when_undefined;
  std::vector<Problem>& problems;
  // Strings that still hold a `${X}`: nothing is to be concluded from them.
  std::vector<const toml::node*> undefined;

  void report(Severity severity, const toml::source_region& region, std::string message);
  bool is_undefined(const toml::node* node) const;
};

// While it lives, references see `variables` in front of what they have seen so far. Both must outlive it.
class VariablesInFront {
 public:
  VariablesInFront(Reading& reading, const Variables& variables);
  ~VariablesInFront();
  VariablesInFront(const VariablesInFront&) = delete;
  VariablesInFront& operator=(const VariablesInFront&) = delete;

 private:
  Reading& reading_;
  Lookup behind_;
};

// Takes the variables of `table` out of `variables` whose values hold a reference that is still undefined.
void leave_out_undefined(const Reading& reading, const toml::table& table, Variables& variables);

// A value, with the names that messages about it begin with.
struct Value {
  const toml::node& node;
  std::string_view table;  // as its header is written: "[service.web]"
  std::string_view key;
  Reading& reading;

  void error(std::string_view message) const;
  // "expected `expected`, not ...", with the value as it is written.
  void mismatch(std::string_view expected) const;
  // An element of an array.
  Value element(const toml::node& inner) const { return {inner, table, key, reading}; }
};

// A place in a file, as the rest of the program sees it.
Location location_of(const toml::source_region& region);

// "key in [table]: message"
std::string about(std::string_view key, std::string_view table, std::string_view message);

// `; did you mean "..."?`, or nothing.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

// Whether the value is a string with a `${` in it.
bool has_reference(const toml::node& node);

// The value as it is written, for a message. Never what `${}` in it stands for.
std::string describe(const toml::node& node);

// What is left to do with a text after its references have been looked up.
enum class Outcome { Complete, Undefined, Wrong };

// Reports what expanding the value has found.
Outcome report_failures(const Value& value, const std::vector<ExpandFailure>& failures);

// Whether `text` holds a NUL byte, which is then reported.
bool refuse_nul(const Value& value, std::string_view text);

// Warns of a reference in the form of another program.
void warn_of_foreign_reference(const Value& value, std::string_view text);

// A text after its references have been looked up; `outcome` says what it is good for.
struct Text {
  std::string text;
  Outcome outcome = Outcome::Wrong;
};

// The string `value`, with its references replaced. Anything else is reported as a mismatch with `expected`.
Text read_text(const Value& value, std::string_view expected);

}  // namespace cinit::config

// `${X}` in values.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cinit::config {

// The value of a variable, if it is set.
using Lookup = std::function<std::optional<std::string>(std::string_view)>;

// Why a reference has no value. The message names the variable and never a value.
struct ExpandFailure {
  enum class Kind {
    Syntax,     // a mistake, whatever the environment holds
    Undefined,  // not set, and no default; or `:?` and not set or empty
  };
  Kind kind = Kind::Syntax;
  std::string message;
};

// References that failed stay in the text as they are written.
struct Expansion {
  std::string text;
  std::vector<ExpandFailure> failures;
};

// Replaces `${X}`, `${X:-default}` (also when X is empty; the default may hold further references) and `${X:?message}`.
// `$${` gives `${`. A bare `$X` stays as it is, and values that are put in are not looked at again.
// The syntax is that of sh: POSIX.1, "Parameter Expansion".
Expansion expand(std::string_view text, const Lookup& lookup);

// Makes of `text` what expand() turns back into it.
std::string escape_references(std::string_view text);

// References in defaults of references, and so on, may be this deep.
inline constexpr std::size_t kDeepestReference = 16;

// One reference, up to its default or message.
struct ReferenceHead {
  enum class Operator { Plain, Default, Required };
  std::string_view name;
  Operator op = Operator::Plain;
  std::size_t length = 0;  // of `${X}`, or of `${X:-` and `${X:?` without what follows
};

// Reads the beginning of the reference that `text`, which begins with `${`, is meant to begin with.
std::optional<ReferenceHead> parse_reference_head(std::string_view text);

// Where in `text` the `}` is that ends a default or message beginning at `from`, or npos.
std::size_t find_closing_brace(std::string_view text, std::size_t from);

// What `text` begins with is no reference.
ExpandFailure syntax_failure(std::string_view text);

// `${X}` without a value.
ExpandFailure undefined_failure(std::string_view name);

// `${X:?message}` without a value.
ExpandFailure required_failure(std::string_view name, std::string_view message);

}  // namespace cinit::config

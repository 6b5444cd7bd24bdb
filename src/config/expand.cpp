#include "config/expand.hpp"

#include <algorithm>
#include <utility>

#include "config/quote.hpp"

namespace cinit::config {
namespace {

constexpr std::string_view kNameLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
constexpr std::size_t kShownLength = 24;

// Copies a text and replaces the references in it.
class Expander {
 public:
  explicit Expander(const Lookup& lookup) : lookup_(lookup) {}

  void expand(std::string_view text) {
    while (!text.empty()) {
      if (text.starts_with("$${")) {
        take(text, "${", 3);
      } else if (text.starts_with("${")) {
        text.remove_prefix(expand_reference(text));
      } else {
        take(text, text.substr(0, 1), 1);
      }
    }
  }

  Expansion result() && { return std::move(result_); }

 private:
  void take(std::string_view& text, std::string_view replacement, std::size_t length) {
    result_.text += replacement;
    text.remove_prefix(length);
  }

  // Returns the length of the reference that `text` begins with.
  std::size_t expand_reference(std::string_view text) {
    const std::optional<ReferenceHead> head = parse_reference_head(text);
    if (!head) return fail(text, syntax_failure(text));
    if (head->op == ReferenceHead::Operator::Plain) return expand_plain(text.substr(0, head->length), *head);

    const std::size_t end = find_closing_brace(text, head->length);
    if (end == std::string_view::npos) return fail(text, syntax_failure(text));
    expand_with_operand(text.substr(0, end + 1), *head, text.substr(head->length, end - head->length));
    return end + 1;
  }

  std::size_t expand_plain(std::string_view whole, const ReferenceHead& head) {
    const std::optional<std::string> value = lookup_(head.name);
    if (!value) return fail(whole, undefined_failure(head.name));
    result_.text += *value;
    return whole.size();
  }

  void expand_with_operand(std::string_view whole, const ReferenceHead& head, std::string_view operand) {
    const std::optional<std::string> value = lookup_(head.name);
    if (value && !value->empty()) {
      result_.text += *value;
    } else if (head.op == ReferenceHead::Operator::Required) {
      fail(whole, required_failure(head.name, operand));
    } else if (depth_ == kDeepestReference) {
      fail(whole, {ExpandFailure::Kind::Syntax, "references are nested too deeply"});
    } else {
      ++depth_;
      expand(operand);
      --depth_;
    }
  }

  std::size_t fail(std::string_view written, ExpandFailure failure) {
    result_.text += written;
    result_.failures.push_back(std::move(failure));
    return written.size();
  }

  const Lookup& lookup_;
  Expansion result_;
  std::size_t depth_ = 0;
};

}  // namespace

Expansion expand(std::string_view text, const Lookup& lookup) {
  Expander expander(lookup);
  expander.expand(text);
  return std::move(expander).result();
}

std::string escape_references(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) escaped += '$';
    escaped += text[i];
  }
  return escaped;
}

std::optional<ReferenceHead> parse_reference_head(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of(kNameLetters, 2), text.size());
  const std::string_view name = text.substr(2, end - 2);
  const bool is_name = !name.empty() && (name[0] < '0' || name[0] > '9');
  const std::string_view rest = text.substr(end);
  if (is_name && rest.starts_with('}')) return ReferenceHead{name, ReferenceHead::Operator::Plain, end + 1};
  if (is_name && rest.starts_with(":-")) return ReferenceHead{name, ReferenceHead::Operator::Default, end + 2};
  if (is_name && rest.starts_with(":?")) return ReferenceHead{name, ReferenceHead::Operator::Required, end + 2};
  return std::nullopt;
}

std::size_t find_closing_brace(std::string_view text, std::size_t from) {
  std::size_t open = 1;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) ++open;
    if (text[i] == '}' && --open == 0) return i;
  }
  return std::string_view::npos;
}

ExpandFailure syntax_failure(std::string_view text) {
  const bool cut = text.size() > kShownLength;
  const std::string shown = quote(std::string(text.substr(0, kShownLength)) + (cut ? "..." : ""));
  return {ExpandFailure::Kind::Syntax,
          "expected ${NAME}, ${NAME:-default} or ${NAME:?message} at " + shown + "; $${ stands for a literal ${"};
}

ExpandFailure undefined_failure(std::string_view name) {
  const std::string variable(name);
  return {ExpandFailure::Kind::Undefined,
          variable +
              " is not set in the container's environment, [env] or env (environment files are read later), and has "
              "no default; ${" +
              variable + ":-default} would give one"};
}

ExpandFailure required_failure(std::string_view name, std::string_view message) {
  const std::string reason = message.empty() ? std::string() : ": " + std::string(message);
  return {ExpandFailure::Kind::Undefined, std::string(name) + " must be set" + reason};
}

}  // namespace cinit::config

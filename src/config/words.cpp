#include "config/words.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace cinit::config {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kOperators = "|&;<>()";
constexpr std::string_view kEscapedInDoubleQuotes = "$`\"\\";
constexpr std::string_view kAskShell = "needs a shell: command = [\"sh\", \"-c\", \"...\"]";

bool contains(std::string_view set, char letter) { return set.find(letter) != std::string_view::npos; }

bool is_variable_name(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && is_letter(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || is_digit(c); });
}

// Reads a command from its beginning to its end. Of syntax failures only the first is kept.
class Splitter {
 public:
  Splitter(std::string_view text, const Lookup& lookup) : text_(text), lookup_(lookup) {}

  Words run() {
    read_bare(Ends::WithText);
    end_word();
    if (result_.words.empty() && result_.failures.empty()) fail("the command is empty");
    return std::move(result_);
  }

 private:
  // What the text that is being read ends with, which also says whether it is the default of a reference.
  enum class Ends { WithText, WithBrace };

  bool at_end() const { return pos_ >= text_.size(); }
  bool ahead(std::string_view expected) const { return text_.substr(pos_).starts_with(expected); }

  void fail(std::string message) {
    if (!failed()) result_.failures.push_back({ExpandFailure::Kind::Syntax, std::move(message)});
    pos_ = text_.size();
  }

  static std::string unquoted(char letter, std::string_view message) {
    return "an unquoted \"" + std::string(1, letter) + "\" " + std::string(message);
  }

  // From here to end_word() everything belongs to one word. `quoted` keeps it from being read as an assignment.
  void begin_word(bool quoted) {
    if (skipping_ != 0) return;
    if (second_line_) return fail("a line break ends a command, and a second one " + std::string(kAskShell));
    in_word_ = true;
    word_is_quoted_ = word_is_quoted_ || quoted;
  }

  void append(std::string_view text, bool quoted) {
    begin_word(quoted);
    if (skipping_ == 0) word_ += text;
  }

  void end_word() {
    if (skipping_ != 0 || !in_word_) return;
    result_.words.push_back(std::exchange(word_, {}));
    in_word_ = false;
    word_is_quoted_ = false;
  }

  // A value of a variable, or a reference that has none: data, whatever it holds.
  void append_split(std::string_view value) {
    for (const char letter : value) {
      if (contains(kSpace, letter)) {
        end_word();
      } else {
        append({&letter, 1}, true);
      }
    }
  }

  void append_value(std::string_view value, bool quoted) {
    if (quoted) {
      append(value, true);
    } else {
      append_split(value);
    }
  }

  void read_bare(Ends ends) {
    while (!at_end()) {
      if (ends == Ends::WithBrace && text_[pos_] == '}') return;
      read_bare_letter(ends);
    }
  }

  void read_bare_letter(Ends ends) {
    const char letter = text_[pos_];
    switch (letter) {
      case '\\': return read_backslash();
      case '\'': return read_single_quotes();
      case '"': return read_double_quotes();
      case '$': return read_dollar(false);
      case '`': return fail("\"`\" " + std::string(kAskShell));
      default: break;
    }
    if (contains(kSpace, letter)) return read_space(ends);
    if (std::string reason = refusal(letter, ends); !reason.empty()) return fail(std::move(reason));
    append({&letter, 1}, false);
    ++pos_;
  }

  void read_space(Ends ends) {
    end_word();
    if (text_[pos_] == '\n' && ends == Ends::WithText && !result_.words.empty()) second_line_ = true;
    ++pos_;
  }

  // Why a letter that means something to a shell cannot stand here; empty when it can. In the default of a reference
  // operators mean nothing.
  std::string refusal(char letter, Ends ends) const {
    if (!in_word_ && letter == '~')
      return unquoted(letter, "is not expanded: write ${HOME}, or quote it to pass it on");
    if (ends == Ends::WithBrace) return {};
    if (contains(kOperators, letter)) return unquoted(letter, std::string(kAskShell) + ", or quote it to pass it on");
    if (!in_word_ && letter == '#') return unquoted(letter, "begins a comment in sh: quote it to pass it on");
    const bool is_assignment = letter == '=' && result_.words.empty() && !word_is_quoted_ && is_variable_name(word_);
    if (!is_assignment) return {};
    return "\"" + word_ + "=\" in front of the command is an assignment in sh: write env = { " + word_ + " = \"...\" }";
  }

  // A backslash quotes the next letter; one at the end of a line joins the lines.
  void read_backslash() {
    ++pos_;
    if (ahead("\n")) {
      ++pos_;
    } else if (at_end()) {
      append("\\", true);
    } else {
      append(text_.substr(pos_++, 1), true);
    }
  }

  void read_single_quotes() {
    const std::size_t end = text_.find('\'', pos_ + 1);
    if (end == std::string_view::npos) return fail("a single quote (') is never closed");
    append(text_.substr(pos_ + 1, end - pos_ - 1), true);
    pos_ = end + 1;
  }

  void read_double_quotes() {
    begin_word(true);
    ++pos_;
    while (!at_end() && text_[pos_] != '"') read_quoted_letter();
    if (at_end()) return fail("a double quote (\") is never closed");
    ++pos_;
  }

  // The default of a reference in double quotes: quotes of its own are dropped, as sh does.
  void read_quoted_default() {
    while (!at_end() && text_[pos_] != '}') {
      if (text_[pos_] == '"') {
        ++pos_;
      } else if (ahead("\\}")) {
        append("}", true);
        pos_ += 2;
      } else {
        read_quoted_letter();
      }
    }
  }

  void read_quoted_letter() {
    const char letter = text_[pos_];
    if (letter == '$') return read_dollar(true);
    if (letter == '`') return fail("\"`\" " + std::string(kAskShell));
    if (letter == '\\' && ahead("\\\n")) {
      pos_ += 2;
      return;
    }
    if (letter == '\\' && pos_ + 1 < text_.size() && contains(kEscapedInDoubleQuotes, text_[pos_ + 1])) ++pos_;
    append(text_.substr(pos_++, 1), true);
  }

  void read_dollar(bool quoted) {
    if (ahead("$(")) return fail("\"$(\" " + std::string(kAskShell));
    if (ahead("$${")) return read_literal_reference();
    if (ahead("${")) return read_reference(quoted);
    append("$", true);
    ++pos_;
  }

  // Takes `$${X}` as a whole, so that its brace does not end the default that it may stand in.
  void read_literal_reference() {
    ++pos_;
    const std::optional<ReferenceHead> head = parse_reference_head(text_.substr(pos_));
    const bool whole = head && head->op == ReferenceHead::Operator::Plain;
    const std::size_t length = whole ? head->length : 2;
    append(text_.substr(pos_, length), true);
    pos_ += length;
  }

  void read_reference(bool quoted) {
    const std::size_t begin = pos_;
    const std::optional<ReferenceHead> head = parse_reference_head(text_.substr(pos_));
    if (!head) return fail(syntax_failure(text_.substr(pos_)).message);
    pos_ += head->length;
    switch (head->op) {
      case ReferenceHead::Operator::Plain: return put_plain(*head, begin, quoted);
      case ReferenceHead::Operator::Default: return read_default(*head, quoted);
      case ReferenceHead::Operator::Required: return read_required(*head, begin, quoted);
    }
  }

  void put_plain(const ReferenceHead& head, std::size_t begin, bool quoted) {
    const std::optional<std::string> value = lookup_(head.name);
    if (value) return append_value(*value, quoted);
    undefined(undefined_failure(head.name), begin);
  }

  void read_required(const ReferenceHead& head, std::size_t begin, bool quoted) {
    const std::size_t end = find_closing_brace(text_, pos_);
    if (end == std::string_view::npos) return fail_unclosed();
    const std::string_view message = text_.substr(pos_, end - pos_);
    pos_ = end + 1;
    const std::optional<std::string> value = lookup_(head.name);
    if (value && !value->empty()) return append_value(*value, quoted);
    undefined(required_failure(head.name, message), begin);
  }

  void read_default(const ReferenceHead& head, bool quoted) {
    if (depth_ == kDeepestReference) return fail("references are nested too deeply");
    const std::optional<std::string> value = lookup_(head.name);
    const bool is_set = value && !value->empty();
    if (is_set) append_value(*value, quoted);

    ++depth_;
    skipping_ += is_set ? 1U : 0U;
    if (quoted) {
      read_quoted_default();
    } else {
      read_bare(Ends::WithBrace);
    }
    skipping_ -= is_set ? 1U : 0U;
    --depth_;
    if (at_end()) return fail_unclosed();
    ++pos_;
  }

  void fail_unclosed() { fail("a \"${\" is never closed"); }

  // Keeps the reference as it is written, as one piece.
  void undefined(ExpandFailure failure, std::size_t begin) {
    if (skipping_ != 0) return;
    append(text_.substr(begin, pos_ - begin), true);
    result_.failures.push_back(std::move(failure));
  }

  bool failed() const {
    return std::ranges::any_of(
        result_.failures, [](const ExpandFailure& failure) { return failure.kind == ExpandFailure::Kind::Syntax; });
  }

  const std::string_view text_;
  const Lookup& lookup_;
  std::size_t pos_ = 0;
  Words result_;
  std::string word_;
  bool in_word_ = false;  // also while the word is still empty, as in ""
  bool word_is_quoted_ = false;
  bool second_line_ = false;
  std::size_t depth_ = 0;     // of references in defaults
  std::size_t skipping_ = 0;  // not 0: in a default that is not needed, which is read only to find its end
};

}  // namespace

Words split_words(std::string_view text, const Lookup& lookup) { return Splitter(text, lookup).run(); }

}  // namespace cinit::config

#include "servicedir/execline.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "config/quote.hpp"

namespace cinit::servicedir {
namespace {

constexpr std::string_view kSeparators = " \t\n\v\f\r";
constexpr std::string_view kOctalDigits = "01234567";
constexpr std::string_view kDecimalDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

// Letters that mean a control character behind a backslash in quotes, and these.
constexpr std::string_view kEscapeLetters = "abtnvfr";
constexpr std::string_view kEscapes = "\a\b\t\n\v\f\r";

// Programs that run blocks, or substitute what they find out.
constexpr std::string_view kControlPrograms[] = {"background",
                                                 "backtick",
                                                 "case",
                                                 "define",
                                                 "dollarat",
                                                 "elgetopt",
                                                 "elgetpositionals",
                                                 "elglob",
                                                 "forbacktickx",
                                                 "foreground",
                                                 "forstdin",
                                                 "forx",
                                                 "heredoc",
                                                 "homeof",
                                                 "if",
                                                 "ifelse",
                                                 "ifte",
                                                 "ifthenelse",
                                                 "importas",
                                                 "loopwhilex",
                                                 "multidefine",
                                                 "multisubstitute",
                                                 "pipeline",
                                                 "piperw",
                                                 "runblock",
                                                 "trap",
                                                 "tryexec",
                                                 "wait",
                                                 "withstdinas"};

constexpr std::string_view kRemedy = "; put what is more than one plain command into a script, and write its path here";

struct Failure {
  std::size_t at;  // in the text
  std::string message;
};

// Reads word by word. After a failure nothing more is to be read.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // Moves to the beginning of the next word; false at the end.
  bool find_word();

  // The word that begins here, without its quotes.
  std::string read_word();

  std::size_t position() const { return at_; }
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  bool at_any_of(std::string_view letters) const {
    return !at_end() && letters.find(text_[at_]) != std::string_view::npos;
  }
  void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }
  bool skip_joined_line();
  void read_quoted(std::string& word);
  void read_escape(std::string& word);
  void read_number(std::string& word, std::string_view digits, std::size_t most, int base);
  void fail(std::size_t at, std::string message);

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<Failure> failure_;
};

void Lexer::fail(std::size_t at, std::string message) {
  if (!failure_) failure_ = Failure{at, std::move(message)};
  at_ = text_.size();
}

// Between words a backslash joins the next line to this one; at the end of the text it means nothing.
bool Lexer::skip_joined_line() {
  if (!at_any_of("\\") || (at_ + 1 < text_.size() && text_[at_ + 1] != '\n')) return false;
  at_ += 2;
  return true;
}

bool Lexer::find_word() {
  while (!at_end()) {
    if (at_any_of("#")) {
      skip_comment();
    } else if (at_any_of(kSeparators)) {
      ++at_;
    } else if (!skip_joined_line()) {
      return true;
    }
  }
  return false;
}

std::string Lexer::read_word() {
  std::string word;
  while (!at_end() && !at_any_of(kSeparators)) {
    const char letter = text_[at_++];
    if (letter == '"') {
      read_quoted(word);
    } else if (letter != '\\') {
      word += letter;
    } else if (at_end()) {
      fail(at_ - 1, "a backslash at the end has nothing to quote");
    } else {
      word += text_[at_++];
    }
  }
  return word;
}

void Lexer::read_quoted(std::string& word) {
  const std::size_t begin = at_ - 1;
  while (!at_end()) {
    const char letter = text_[at_++];
    if (letter == '"') return;
    if (letter == '\\') {
      read_escape(word);
    } else {
      word += letter;
    }
  }
  fail(begin, "a double quote (\") is never closed");
}

void Lexer::read_escape(std::string& word) {
  if (at_any_of("123456789")) return read_number(word, kDecimalDigits, 3, 10);
  if (at_end()) return;
  const char letter = text_[at_++];
  if (letter == '0' && at_any_of("x")) {
    ++at_;
    read_number(word, kHexDigits, 2, 16);
  } else if (letter == '0') {
    read_number(word, kOctalDigits, 3, 8);
  } else if (const std::size_t escape = kEscapeLetters.find(letter); escape != std::string_view::npos) {
    word += kEscapes[escape];
  } else if (letter != '\n') {
    word += letter;
  }
}

void Lexer::read_number(std::string& word, std::string_view digits, std::size_t most, int base) {
  const std::size_t begin = at_;
  while (at_any_of(digits) && at_ - begin < most) ++at_;
  unsigned number = 0;
  std::from_chars(text_.data() + begin, text_.data() + at_, number, base);
  if (number == 0 || number > 255) return fail(begin, "expected the number of a byte behind the backslash, 1 to 255");
  word += static_cast<char>(number);
}

bool is_control_program(std::string_view word) {
  constexpr std::string_view kDirectory = "/command/";  // where s6-overlay has them
  if (word.starts_with(kDirectory)) word.remove_prefix(kDirectory.size());
  return std::ranges::binary_search(kControlPrograms, word);
}

// Why a word makes it more than a plain command; `raw` is the word as it is written.
std::optional<std::string> objection_to(std::string_view raw, const std::string& word, bool is_first) {
  if (raw == "{" || raw == "}") return "a block of execline (" + std::string(raw) + ")" + std::string(kRemedy);
  if (!is_first) return std::nullopt;
  if (word == "exec") return "leave out \"exec\": the command is run without it";
  if (is_control_program(word)) return config::quote(word) + " is a program of execline" + std::string(kRemedy);
  return std::nullopt;
}

// Lines and columns count from 1, columns in bytes.
config::Location place_of(const std::string& file, std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(before, '\n'));
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return {file, lines + 1, static_cast<std::uint32_t>(at - line_begin + 1)};
}

}  // namespace

CommandLine parse_command_line(const std::string& file, std::string_view text) {
  text = text.substr(0, text.find('\0'));  // execlineb reads up to there
  CommandLine line;
  const auto refuse = [&](std::size_t at, std::string message) {
    line.problem = config::Problem{config::Severity::Error, place_of(file, text, at), std::move(message)};
    return line;
  };
  Lexer lexer(text);
  while (lexer.find_word()) {
    const std::size_t begin = lexer.position();
    std::string word = lexer.read_word();
    if (lexer.failure()) return refuse(lexer.failure()->at, lexer.failure()->message);
    const std::string_view raw = text.substr(begin, lexer.position() - begin);
    if (auto objection = objection_to(raw, word, line.words.empty())) return refuse(begin, *std::move(objection));
    line.words.push_back(std::move(word));
  }
  return line;
}

bool begins_like_script(std::string_view text) {
  return text.starts_with("#!") && text.substr(0, text.find('\n')).find("execlineb") == std::string_view::npos;
}

}  // namespace cinit::servicedir

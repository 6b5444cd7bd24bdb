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

// Programs that run another one with something changed, or end at once. An image that has execline may have them where nothing
// but execlineb looks for them, as Debian does.
constexpr std::string_view kPlainPrograms[] = {
    "cd",           "eltest",      "emptyenv", "envfile", "execline-cd", "execline-umask", "exit",   "export",
    "export-array", "fdblock",     "fdclose",  "fdmove",  "fdreserve",   "fdswap",         "getcwd", "getpid",
    "posix-cd",     "posix-umask", "redirfd",  "shift",   "umask",       "unexport"};

constexpr std::string_view kRemedy =
    ", and PATH leads to no execlineb that could run it; put what is more than one plain command into a script, and "
    "write its "
    "path here";

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

std::string_view without_directory(std::string_view word) {
  constexpr std::string_view kDirectory = "/command/";  // where s6-overlay has them
  return word.starts_with(kDirectory) ? word.substr(kDirectory.size()) : word;
}

bool is_control_program(std::string_view word) {
  return std::ranges::binary_search(kControlPrograms, without_directory(word));
}

bool is_plain_program(std::string_view word) {
  return std::ranges::binary_search(kPlainPrograms, without_directory(word));
}

bool is_exec(std::string_view word) { return without_directory(word) == "exec"; }

// One word, as it is written and what it means.
struct Word {
  std::size_t at;
  std::string_view raw;
  std::string text;
};

// Why a word makes it more than a plain command.
std::optional<std::string> objection_to(const Word& word, bool is_first) {
  if (word.raw == "{" || word.raw == "}") {
    return "a block of execline (" + std::string(word.raw) + ")" + std::string(kRemedy);
  }
  if (!is_first || !is_control_program(word.text)) return std::nullopt;
  return config::quote(word.text) + " is a program of execline" + std::string(kRemedy);
}

// Where the command begins behind "exec" and its options; at its end: there is none.
std::size_t begin_of_command(const std::vector<Word>& words) {
  std::size_t at = 0;
  while (at < words.size() && is_exec(words[at].text)) {
    for (++at; at < words.size() && words[at].text.starts_with('-') && words[at].text.size() > 1; ++at) {
      const std::string& option = words[at].text;
      if (option == "--") {
        ++at;
        break;
      }
      if (option.ends_with('a')) ++at;  // its argument follows
    }
  }
  return std::min(at, words.size());
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
  const auto problem = [&](std::size_t at, std::string message) {
    return config::Problem{config::Severity::Error, place_of(file, text, at), std::move(message)};
  };
  std::vector<Word> words;
  Lexer lexer(text);
  while (lexer.find_word()) {
    const std::size_t begin = lexer.position();
    std::string word = lexer.read_word();
    if (lexer.failure()) {
      line.problem = problem(lexer.failure()->at, lexer.failure()->message);
      return line;
    }
    words.push_back({begin, text.substr(begin, lexer.position() - begin), std::move(word)});
  }
  const std::size_t first = begin_of_command(words);
  if (first == words.size() && first > 0) {
    line.problem = problem(words.front().at, "there is no command behind \"exec\"");
    return line;
  }
  for (std::size_t i = first; i < words.size() && !line.objection; ++i) {
    auto objection = objection_to(words[i], i == first);
    if (objection) line.objection = problem(words[i].at, *std::move(objection));
  }
  line.begins_with_exec = first > 0;
  line.is_execline = line.objection || (first < words.size() && is_plain_program(words[first].text));
  // Without options exec changes nothing, and with them cinit stands in for it.
  const bool has_options = first > 0 && !is_exec(words[first - 1].text);
  if (has_options) line.words = {"/proc/self/exe", "--as"};
  for (std::size_t i = has_options ? 0 : first; i < words.size(); ++i) line.words.push_back(std::move(words[i].text));
  return line;
}

bool begins_like_script(std::string_view text) {
  return text.starts_with("#!") && text.substr(0, text.find('\n')).find("execlineb") == std::string_view::npos;
}

}  // namespace cinit::servicedir

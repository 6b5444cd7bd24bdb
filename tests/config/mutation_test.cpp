#include <doctest/doctest.h>

#include <array>
#include <random>

#include "cases.hpp"
#include "config/show.hpp"
#include "config/words.hpp"

using namespace cinit::test;

namespace {

constexpr unsigned kSeed = 20240;
constexpr int kMutationsPerCase = 100;

// Pieces of the format, put where they do not belong.
constexpr std::array<std::string_view, 20> kPieces{"${",
                                                   "}",
                                                   "$${",
                                                   ":-",
                                                   "\"",
                                                   "'",
                                                   "[",
                                                   "]",
                                                   "{ ",
                                                   "\\",
                                                   "\n",
                                                   "=",
                                                   "\0",
                                                   "[[",
                                                   "#",
                                                   ".",
                                                   "\xFF",
                                                   "\xC3",
                                                   "-9223372036854775808",
                                                   "\"\"\""};

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string mutate(std::string text) {
    for (std::size_t changes = 1 + below(4); changes != 0; --changes) change(text);
    return text;
  }

 private:
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  void change(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(12);
    switch (below(4)) {
      case 0: text.insert(at, kPieces[below(kPieces.size())]); break;
      case 1: text.erase(at, length); break;
      case 2: text.insert(at, text.substr(below(text.size() + 1), length)); break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
    }
  }

  std::mt19937 random_;
};

// An error that the mutation made is fine; what is left must make sense.
void check_loads(const Case& example) {
  const cinit::config::Loaded loaded = load(example);
  for (const cinit::config::Problem& problem : loaded.problems)
    CHECK(to_string(problem).find('\n') == std::string::npos);
  if (has_errors(loaded.problems)) return;
  const std::string shown = to_toml(loaded.config);
  Case again{example.name, {{"shown.toml", shown}}};
  const cinit::config::Loaded reloaded = load(again);
  CHECK(to_text(reloaded.problems) == "");
  CHECK(to_toml(reloaded.config) == shown);
}

}  // namespace

TEST_CASE("no mutation of a configuration brings the loader down, and what it accepts can be shown and loaded again") {
  Mutator mutator(kSeed);
  for (const Case& example : read_cases()) {
    for (int i = 0; i < kMutationsPerCase; ++i) {
      Case mutated = example;
      for (cinit::config::SourceText& source : mutated.sources) source.text = mutator.mutate(source.text);
      CAPTURE(example.name);
      CAPTURE(i);
      CAPTURE(mutated.sources[0].text);
      check_loads(mutated);
    }
  }
}

TEST_CASE("no mutation of a command brings its splitting down") {
  const cinit::config::Variables environment{{"A", "one two"}, {"B", ""}};
  Mutator mutator(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = mutator.mutate("run ${A} \"${A}\" '${B}' ${C:-x ${A}} \"${C:-\"y\" z}\" \\$ $${A} a=b");
    CAPTURE(text);
    const cinit::config::Words words = cinit::config::split_words(text, lookup_in(environment));
    CHECK((!words.words.empty() || !words.failures.empty()));
  }
}

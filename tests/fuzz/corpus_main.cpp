// Takes files to a target, as it is after every change, and without a fuzzer: cinit_fuzz_corpus TARGET DIRECTORY...
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "target.hpp"

using namespace cinit::fuzz;

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Every beginning is an input, too: whatever is cut off. Of long ones a part of them.
void take_beginnings(const Target& target, const std::string& input) {
  constexpr std::size_t kMost = 200;
  const std::size_t step = input.size() / kMost + 1;
  for (std::size_t size = 0; size < input.size(); size += step) target.take(std::string(input, 0, size));
}

}  // namespace

int main(int argc, char** argv) {
  const Target* const target = argc > 1 ? find_target(argv[1]) : nullptr;
  if (target == nullptr || argc < 3) {
    std::fputs("usage: cinit_fuzz_corpus TARGET DIRECTORY...\n", stderr);
    return 64;
  }
  int files = 0;
  for (int i = 2; i < argc; ++i) {
    for (const fs::directory_entry& entry : fs::directory_iterator(argv[i])) {
      // The name is there already when the input ends the process.
      std::fprintf(stderr, "%s\n", entry.path().c_str());
      const std::string input = read(entry.path());
      target->take(input);
      take_beginnings(*target, input);
      ++files;
    }
  }
  return files > 0 ? 0 : 1;
}

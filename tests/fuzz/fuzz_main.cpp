// libFuzzer's program. One for all targets, so that it is linked once: CINIT_FUZZ_TARGET names the one that is meant. With
// the argument --list it prints their names, with --dictionary the words of the configuration's format.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dictionary.hpp"
#include "target.hpp"

using namespace cinit::fuzz;

namespace {

const Target* chosen = nullptr;

[[noreturn]] void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::exit(0);
}

[[noreturn]] void list() {
  std::string names;
  for (const Target& target : targets()) names.append(target.name).append("\n");
  print(names);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string_view argument = *argc > 1 ? (*argv)[1] : "";
  if (argument == "--list") list();
  if (argument == "--dictionary") print(dictionary());
  const char* const name = std::getenv("CINIT_FUZZ_TARGET");
  chosen = find_target(name == nullptr ? "" : name);
  if (chosen != nullptr) return 0;
  std::fputs("CINIT_FUZZ_TARGET names no target; --list does\n", stderr);
  std::exit(64);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->take({reinterpret_cast<const char*>(data), size});
  return 0;
}

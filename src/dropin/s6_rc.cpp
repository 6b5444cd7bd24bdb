// s6-rc, as far as scripts of images need it: services are supervised by cinit, which is asked for it by its own commands.
//
//   s6-rc [-v LEVEL] [-t MILLISECONDS] [-b] [-u|-d] change NAMES...   is cinit start, or cinit stop, NAMES...
//
// Everything else is an error that says what to use. Of 101 public repositories with service directories four call s6-rc, and
// all of these only to change a service: a database of s6-rc's, which the rest is about, there is not.
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "dropin/print.hpp"
#include "dropin/programs.hpp"

namespace cinit::dropin {
namespace {

constexpr int kS6RcUsage = 100;  // as with all programs of s6
constexpr int kS6RcCannotRun = 111;

struct S6RcCall {
  bool is_supported = true;
  bool down = false;
  std::vector<char*> words = {};  // "change" and the names
};

S6RcCall parse_s6_rc(char** argv) {
  S6RcCall call;
  char** word = argv + 1;
  for (; *word && (*word)[0] == '-' && (*word)[1] != '\0'; ++word) {
    if (*word == std::string_view("--")) {
      ++word;
      break;
    }
    for (const char* letter = *word + 1; *letter != '\0'; ++letter) {
      const std::string_view with_value = "vtnl";
      if (with_value.find(*letter) != std::string_view::npos) {
        if (letter[1] == '\0' && word[1]) ++word;
        call.is_supported = call.is_supported && (*letter == 'v' || *letter == 't');
        break;
      }
      if (*letter == 'u' || *letter == 'd') call.down = *letter == 'd';
      call.is_supported = call.is_supported && std::string_view("udb").find(*letter) != std::string_view::npos;
    }
  }
  for (; *word; ++word) call.words.push_back(*word);
  call.is_supported = call.is_supported && call.words.size() > 1 && call.words.front() == std::string_view("change");
  return call;
}

}  // namespace

int run_s6_rc(char** argv) {
  S6RcCall call = parse_s6_rc(argv);
  if (!call.is_supported) {
    print(
        2,
        "s6-rc: cinit supervises the services here, and knows s6-rc's \"-u change NAME\" and \"-d change NAME\" only. "
        "Use \"cinit start NAME\", \"cinit stop NAME\", \"cinit status\".\n");
    return kS6RcUsage;
  }
  std::string cinit = "cinit";
  std::string command = call.down ? "stop" : "start";
  call.words.front() = command.data();
  call.words.insert(call.words.begin(), cinit.data());
  call.words.push_back(nullptr);
  execv("/proc/self/exe", call.words.data());
  print(2, "s6-rc: /proc/self/exe cannot be run: is /proc mounted?\n");
  return kS6RcCannotRun;
}

}  // namespace cinit::dropin

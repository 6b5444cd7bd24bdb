#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "app.hpp"

namespace app {

void append(const std::string& path, const std::string& line) {
  const std::string text = line + "\n";
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0 || write(fd, text.data(), text.size()) < 0) _exit(99);
  close(fd);
}

int number(const char* text, int otherwise) { return text == nullptr ? otherwise : std::atoi(text); }

void sleep_ms(int milliseconds) {
  timespec span{milliseconds / 1000, milliseconds % 1000 * 1000000L};
  while (nanosleep(&span, &span) != 0 && errno == EINTR) continue;
}

}  // namespace app

int main(int count, char** arguments) {
  struct {
    const char* word;
    int (*run)(app::Arguments);
  } const parts[] = {{"service", app::service},     {"mark", app::mark},
                     {"logger", app::logger},       {"hook", app::hook},
                     {"deaf-root", app::deaf_root}, {"with-root-child", app::with_root_child},
                     {"flood", app::flood},         {"adversary", app::adversary}};
  for (const auto& part : parts) {
    if (count > 1 && std::strcmp(part.word, arguments[1]) == 0) return part.run(arguments + 2);
  }
  return 98;
}

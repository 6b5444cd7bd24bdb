#include "init/termination_log.hpp"

#include "base/utf8.hpp"
#include "os/file.hpp"

namespace cinit::init {

void write_termination_log(std::string_view reason) {
  std::string text;
  while (!reason.empty()) {
    const std::string_view line = reason.substr(0, reason.find('\n'));
    append_printable(text, line);
    text += '\n';
    reason.remove_prefix(std::min(line.size() + 1, reason.size()));
  }
  os::overwrite_file("/dev/termination-log", text);
}

}  // namespace cinit::init

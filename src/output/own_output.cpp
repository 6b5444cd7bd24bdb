#include "output/own_output.hpp"

#include <string.h>

namespace cinit::output {

bool OwnOutput::write_line(std::string_view line) {
  if (writer.write_line(line.data(), line.size())) {
    losses_.over();
  } else if (is_full()) {
    return false;
  } else {
    losses_.count(strerror(writer.error()));
  }
  return true;
}

}  // namespace cinit::output

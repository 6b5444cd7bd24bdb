#include "init/termination_log.hpp"

#include "os/file.hpp"

namespace cinit::init {

void write_termination_log(const std::string& reason) { os::overwrite_file("/dev/termination-log", reason + "\n"); }

}  // namespace cinit::init

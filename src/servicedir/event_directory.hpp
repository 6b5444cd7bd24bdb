// A "fifodir" of s6, such as event/ of a service: who wants to hear of something makes a FIFO there, and who tells it writes a
// letter into each of them. See https://skarnet.org/software/s6/fifodir.html.
#pragma once

#include <string>
#include <string_view>

namespace cinit::servicedir {

// Makes it where it is missing, for root's group as s6-supervise(8) does, and takes out FIFOs that no process reads any more.
// Returns 0 or an errno.
int make_event_directory(const std::string& path);

// Writes the letters to all who listen, at most 64 of them, without waiting for any: what a FIFO that is full cannot take is
// lost. FIFOs that no process reads are removed. Returns 0 or an errno.
int tell_listeners(const std::string& path, std::string_view letters);

}  // namespace cinit::servicedir

// A directory for the inputs of one process, in memory, and gone with the process.
#pragma once

#include <string>
#include <string_view>

namespace cinit::fuzz {

// The path, which is the same as long as the process lives. Every call empties it.
const std::string& empty_directory();

// Makes `path`, and the directories on the way that are missing. What cannot be made (there is a file in the way, its name is
// too long) is left out.
void make_directory(const std::string& path);
void make_file(const std::string& path, std::string_view text);
void make_link(const std::string& target, const std::string& path);
void make_fifo(const std::string& path);

}  // namespace cinit::fuzz

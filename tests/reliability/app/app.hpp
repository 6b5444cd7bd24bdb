// What runs in the containers: one program with a word for each of its parts. Static, without the C++ library's streams.
#pragma once

#include <string>

namespace app {

using Arguments = char**;  // those after the word, ended by a nullptr

// The parts; each returns the exit code.
int service(Arguments arguments);
int mark(Arguments arguments);
int logger(Arguments arguments);
int hook(Arguments arguments);
int deaf_root(Arguments arguments);
int with_root_child(Arguments arguments);
int flood(Arguments arguments);
int adversary(Arguments arguments);

// Appends one line to a file, with one write(2).
void append(const std::string& path, const std::string& line);
int number(const char* text, int otherwise);
void sleep_ms(int milliseconds);

}  // namespace app

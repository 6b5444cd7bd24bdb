// What the files of the test programs share: see apps.cpp.
#pragma once

#include <string>
#include <string_view>

using Arguments = char**;  // those after the mode, ended by a nullptr

void write_all(int fd, std::string_view text);
// One line on standard output.
void say(const std::string& line);
// Says what failed and errno's text, and exits.
[[noreturn]] void fail(const char* what);
int number_of(const char* text, int otherwise);

// The modes of adversary_apps.cpp.
int stop_everybody(Arguments arguments);
int hold_lease(Arguments arguments);
int pry(Arguments arguments);
int leave_behind(Arguments arguments);
int stay(Arguments arguments);

// The modes of socket_apps.cpp.
int notify(Arguments arguments);
int notify_with_descriptors(Arguments arguments);
int notify_without_end(Arguments arguments);
int notify_with_passenger(Arguments arguments);
int ask_with_passenger(Arguments arguments);
int without_pass_rights(Arguments arguments);
int refuse_watches(Arguments arguments);
int barrier(Arguments arguments);
int keep_alive(Arguments arguments);
int listen_on(Arguments arguments);
int serve_http(Arguments arguments);

// Those of broken_apps.cpp.
int broken_stderr(Arguments arguments);
int refuse(Arguments arguments);

// Small things with files, text and time.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cinit::reliability {

using Clock = std::chrono::steady_clock;
using Duration = Clock::duration;
using Strings = std::vector<std::string>;

// The whole of a file, empty when it cannot be read.
std::string read_file(const std::string& path);

// Makes missing parent directories. Throws when the file cannot be written.
void write_file(const std::string& path, std::string_view text, int mode = 0644);

// The target of a link, empty when there is none.
std::string read_link(const std::string& path);

Strings split_lines(std::string_view text);
std::size_t count_of(std::string_view text, std::string_view part);

double milliseconds(Duration span);

// Waits until `condition` holds, by asking again and again. False when it did not within `limit`.
bool wait_until(const std::function<bool()>& condition, Duration limit);

// Throws a std::system_error with errno when `result` is -1.
long checked(long result, const char* what);

}  // namespace cinit::reliability

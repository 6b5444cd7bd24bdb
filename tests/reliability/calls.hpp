// The system calls of PID 1, by name, and how each of them may fail.
#pragma once

#include <string>
#include <vector>

namespace cinit::reliability {

// The name of a system call, and "call_NUMBER" of one that the table does not have.
std::string name_of_call(long number);

// What the call may fail with in a container, by its man page. Empty for a call that cannot fail, and for one that the table
// does not have (see is_known_call).
const std::vector<int>& plausible_errors(const std::string& name);
bool is_known_call(const std::string& name);

// Whether the call can fail so on what it is about: a path (which begins with a slash), or one of the words of Tracer.
bool is_plausible(const std::string& name, const std::string& subject, int error);

// Whether the call has done its work also when it fails, as close(2) has.
bool has_effect_when_it_fails(const std::string& name);

// An error that passes: the same call may succeed when it is made again.
bool passes(int error);

// "ENOMEM"
std::string name_of_error(int error);

}  // namespace cinit::reliability

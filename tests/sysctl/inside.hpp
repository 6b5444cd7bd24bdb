// A process of its own for what must not happen to the test: other namespaces, another user, a hang.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sysctl/apply.hpp"

namespace cinit::test {

// Runs `work` in a child that is in new namespaces (CLONE_NEW... of unshare(2)), as PID 1 with its own /proc where that
// includes CLONE_NEWPID. Returns what `work` has put into the report. The test fails when the child cannot be made, which
// takes root, does not end by itself, or takes longer than ten seconds.
std::string inside(int namespaces, const std::function<void(std::string& report)>& work);

// To be called by `work`; each ends the child with a message on failure.
void make_proc_sys_read_only();                           // as container engines do it for who is not privileged
void become_user(unsigned id);                            // uid and gid, without a capability
void become_root_of_user_namespace(int more_namespaces);  // that uid 0 is a common user to the host
void write_key(const std::string& path, const std::string& value);
std::string key(const std::string& path);  // the value of one below /proc/sys, without its newline

// One line for each outcome: its kind, and its text.
std::string to_text(const std::vector<sysctl::Outcome>& outcomes);

// The lines of one file, given their values.
std::vector<sysctl::Outcome> apply_text(const std::string& text, const sysctl::Options& options = {});

}  // namespace cinit::test

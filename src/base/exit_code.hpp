// The exit codes that cinit itself chooses. Every other code is that of a process that it ran.
#pragma once

namespace cinit::exit_code {

inline constexpr int kOk = 0;
inline constexpr int kBootFailed = 1;
inline constexpr int kUsage = 64;           // EX_USAGE of sysexits.h: also when there is nothing to run
inline constexpr int kInternal = 70;        // EX_SOFTWARE: a broken invariant
inline constexpr int kConfig = 78;          // EX_CONFIG
inline constexpr int kNotExecutable = 126;  // bash(1), EXIT STATUS
inline constexpr int kNotFound = 127;       // the same
inline constexpr int kKilled = 137;         // 128 + SIGKILL
inline constexpr int kTerminated = 143;     // 128 + SIGTERM

}  // namespace cinit::exit_code

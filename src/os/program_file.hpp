// What the first bytes of a file say about how it can be run.
#pragma once

#include <cstddef>
#include <string_view>

namespace cinit::os {

// As much as the kernel looks at: BINPRM_BUF_SIZE in its linux/binfmts.h.
inline constexpr std::size_t kProgramHeadSize = 256;

// The beginning of a regular file. Of anything else, and of a file that cannot be read, it is empty. Another user may have put a
// FIFO or a terminal in the file's place: neither is waited for, and no terminal becomes the caller's. System calls only.
class ProgramHead {
 public:
  explicit ProgramHead(const char* path);
  std::string_view text() const { return {bytes_, size_}; }

 private:
  char bytes_[kProgramHeadSize];
  std::size_t size_ = 0;
};

// Whether a shell may be given the file, as execvp(3) gives it what has no "#!": it is text. No text has a NUL in it, or another
// control character than blanks, backspace and escape. The beginning of a program, an archive or a picture has.
bool is_shell_text(std::string_view head);

// Whether it has "#!".
bool is_script(std::string_view head);

// The interpreter of a script: the first word behind "#!". A carriage return at its end belongs to it. Empty where there is none.
std::string_view interpreter_of(std::string_view head);

// Which machine, or which system, a program is for: "aarch64", "Windows". Empty when it is no program that this knows.
std::string_view platform_of(std::string_view head);

// The machine of this program: "x86_64".
std::string_view own_platform();

}  // namespace cinit::os

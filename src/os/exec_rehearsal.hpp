// Whether a program could be run, found out without running it.
#pragma once

namespace cinit::os {

// In the place of exec_program(): ends the calling process with exit code 0 where that would become the program, and otherwise
// returns what that would return. It looks at the file with the rights and from the working directory of the calling process:
// its mode, its interpreter, the machine that it is made for. What the kernel would find out later is not seen.
long rehearse_exec(char** argv, char* const* envp, const char* search_path);

}  // namespace cinit::os

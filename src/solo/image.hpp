// What an image holds, looked at without a heap: enough to see whether there is anything to do but to run the command.
#pragma once

namespace cinit::solo {

// A place where an image may say something, and what counts there.
struct Place {
  enum class Kind {
    Path,       // that it exists
    Directory,  // an entry
    Lines,      // a line with something in it: blank ones and comments, which begin with "#" or ";", are nothing
  };
  const char* path;
  Kind kind = Kind::Path;
};

// Whether there is something. What cannot be looked at, or is of another kind than expected, is something: it is an error for
// the code that reads it. Never waits: a FIFO that no process writes to is an empty file.
bool says_something(const Place& place);

}  // namespace cinit::solo

// An error of looking is no answer: what could not be looked at is looked at again, and may be there all the same.
#pragma once

#include <errno.h>

#include "base/result.hpp"

namespace cinit {

// Whether the reason for which something could not be looked at may be gone the next time: no descriptor, no memory, an error of the
// device. Such an error says nothing about what was looked for.
inline bool may_pass(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EAGAIN ||
         error == EINTR || error == EIO;
}

// The errno behind a failure; 0 when there is none.
inline int code_of(int error) { return error; }
template <class T>
int code_of(const Result<T>& result) {
  return result ? 0 : result.error().code;
}

// Calls `look`, which returns an errno (0: it has worked) or a Result, and again at once while the reason may pass, a few times. What
// comes back with such a reason has stayed so.
template <class Look>
auto persist(Look look) {
  constexpr int kMostLooks = 3;
  auto found = look();
  for (int i = 1; i < kMostLooks && may_pass(code_of(found)); ++i) found = look();
  return found;
}

}  // namespace cinit

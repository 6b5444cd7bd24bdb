// Result<T>: a value, or the reason why there is none.
#pragma once

#include <string.h>

#include <string>
#include <utility>
#include <variant>

namespace cinit {

// A failure in words. Context is added once, by the call that failed; whoever passes it on leaves it alone.
struct Error {
  std::string message;
  // The errno(3) behind it, by which a reason that may pass is told from one that stays; 0 when there is none.
  int code = 0;
};

// The failure of a system call: what the C library says about `code`, an errno(3).
inline Error system_error(int code) { return {strerror(code), code}; }

// Holds either a T or an Error. Test it before you dereference it.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }

  T& operator*() & { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  // Only when there is no value.
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace cinit

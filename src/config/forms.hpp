// How values are written, where their type does not say it. keys.hpp gives each key its form.
#pragma once

#include <cstdint>
#include <variant>

#include "base/overloaded.hpp"
#include "config/config.hpp"

namespace cinit::config {

// A field whose type alone does not say how its value is written.
template <class Form, class T>
struct As {
  T& field;
};
template <class Form, class T>
constexpr As<Form, T> as(T& field) {
  return {field};
}

struct CommandLine {};     // an argv, or a string that split_words() splits
struct Account {};         // the name or the number of a user or a group
struct AbsolutePath {};    // a path that begins with "/"
struct StandardOutput {};  // an Output that is not "stdout"
struct CapabilityName {};  // a name of capabilities(7), with or without "cap_", in any case
struct SocketPath {};      // a path that fits an address of unix(7), or nothing

// Whole numbers within bounds, both included.
template <std::int64_t Lowest, std::int64_t Highest>
struct Between {};
// The same for a Size, in bytes.
template <std::uint64_t Lowest, std::uint64_t Highest>
struct SizeBetween {};
// A Duration that is not shorter.
template <std::int64_t Milliseconds>
struct AtLeast {};

// One of the alternatives of a variant, each of which has a key of its own. Exactly one of these keys is given.
template <class Alternative>
struct Way {};

template <class Field>
inline constexpr bool kIsWay = false;
template <class Alternative, class Variant>
inline constexpr bool kIsWay<As<Way<Alternative>, Variant>> = true;

template <class Alternative>
inline constexpr bool kIsProbe = OneOf<Alternative, ExecProbe, TcpProbe, HttpProbe, FileProbe>;

// The alternative, if it is the one that `ways` holds.
template <class Alternative, class Variant>
const Alternative* get_way(const Variant& ways) {
  if constexpr (kIsProbe<Alternative>) {
    const Probe* probe = std::get_if<Probe>(&ways);
    return probe == nullptr ? nullptr : std::get_if<Alternative>(probe);
  } else {
    return std::get_if<Alternative>(&ways);
  }
}

}  // namespace cinit::config

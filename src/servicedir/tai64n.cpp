#include "servicedir/tai64n.hpp"

#include <algorithm>

namespace cinit::servicedir {

void put_big_endian(unsigned char* out, std::uint64_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<unsigned char>(number >> (8 * (size - 1 - i)));
}

void put_label(unsigned char* out, std::chrono::system_clock::time_point at, std::uint64_t offset) {
  constexpr std::uint64_t kTaiEpoch = std::uint64_t{1} << 62;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
  const auto since_epoch = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
  put_big_endian(out, kTaiEpoch + offset + since_epoch / kSecond, 8);
  put_big_endian(out + 8, since_epoch % kSecond, 4);
}

}  // namespace cinit::servicedir
